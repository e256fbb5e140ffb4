//! The events of `tests/events/`, and a table in which each event succeeds.

use std::fs;

use doorbell_gateway::WORKSPACE_A;
use doorbell_protocol::{Scope, Timestamp, WorkspaceId};
use doorbell_shared::access::{Principal, Workspaces};
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::kinds::model_list::MODEL_LIST;
use doorbell_shared::questions::Questions;
use doorbell_shared::request::{Address, Ring};
use doorbell_shared::runtime::{Registration, RuntimeDescription, RuntimeIdNamespace, ShortText};
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::{InitiateOutcome, Store, TokenStore};
use doorbell_shared::token::{Token, TokenRecord};

use crate::Error;

/// The runtime of the events.
const DAEMON: &str = "my-laptop";
const PROVIDER: &str = "codex";

/// The secret part of the authorizer event's token, `dbu_example`.
const SECRET: &str = "example";

/// One event for each call. The empty function gets heartbeats.
pub(crate) fn events(function: &str, calls: u32) -> Result<Vec<String>, Error> {
    let name = if function == "empty" { "heartbeat" } else { function };
    let file = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let event = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    Ok((0..calls).map(|call| event.replace(&request(0), &request(call))).collect())
}

/// Each call has a request of its own, because a report on an ended request writes nothing.
fn request(call: u32) -> String {
    format!("0193c0de00007000800000000000{:04x}", call + 1)
}

/// A new table. Only poll and report need requests; most heartbeats find none.
pub(crate) async fn engine(function: &str, calls: u32) -> Result<EmbeddedDynamoDb, Error> {
    let engine = EmbeddedDynamoDb::start().await?;
    let store = engine.store();
    let now = SystemClock.now();
    let workspace = WORKSPACE_A.parse()?;
    // The ids of the events were derived in this namespace.
    let namespace: RuntimeIdNamespace = serde_json::from_value(WORKSPACE_A.into())?;
    let runtime = namespace.runtime_id(DAEMON, PROVIDER, "");
    store.register(registration(workspace)?, namespace, now).await?;
    store.issue_token(&token(workspace, now)?).await?;
    if matches!(function, "poll" | "report") {
        let caller = Principal::of_workspaces([workspace]);
        for request in (0..calls).map(request) {
            let address = Address { runtime, request: request.parse()? };
            let ring = Ring::new(address, MODEL_LIST.kind, MODEL_LIST.deadlines);
            match store.initiate(&ring, &caller, now).await? {
                InitiateOutcome::Enqueued(..) => {}
                refused => return Err(format!("the table cannot be prepared: {refused:?}").into()),
            }
        }
    }
    Ok(engine)
}

fn registration(workspace: WorkspaceId) -> Result<Registration, Error> {
    let codex = RuntimeDescription {
        provider: ShortText::try_from(PROVIDER.to_owned())?,
        profile_id: None,
        name: ShortText::try_from("Codex".to_owned())?,
        version: ShortText::cleaned("0.169.0"),
        online: true,
        questions: Questions::default(),
    };
    Ok(Registration {
        workspace,
        daemon_id: ShortText::try_from(DAEMON.to_owned())?,
        device_name: None,
        cli_version: None,
        owner_id: ShortText::cleaned("daemon-a"),
        runtimes: vec![codex],
    })
}

fn token(workspace: WorkspaceId, now: Timestamp) -> Result<TokenRecord, Error> {
    let token = Token::new(Scope::User, SECRET);
    Ok(TokenRecord {
        hash: token.hash(),
        subject: ShortText::try_from("bench".to_owned())?,
        scopes: [Scope::User].into(),
        workspaces: Workspaces::of(workspace),
        created_at: now,
        expires_at: None,
        last_four: token.last_four(),
        daemon_id: None,
        // The cold start of the authorizer is measured without the write of a first use.
        last_used_at: Some(now),
    })
}
