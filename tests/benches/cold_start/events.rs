//! The events under `tests/events/`, the table in which each is answered with a success, and what a success is.

use std::fs;

use doorbell_cli::gateway::WORKSPACE_A;
use doorbell_shared::access::{Scope, Workspaces};
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::id::{RuntimeId, WorkspaceId};
use doorbell_shared::request::{Address, Kind};
use doorbell_shared::runtime::{Registration, Text};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::{Initiate, Initiated, Register, TokenAdministration};
use doorbell_shared::time::Timestamp;
use doorbell_shared::token::{Token, TokenRecord};
use serde_json::Value;

use crate::Result;
use crate::binaries::EMPTY;

/// The runtime of the events: `my-laptop`'s `codex` in workspace A.
const DAEMON: &str = "my-laptop";
const PROVIDER: &str = "codex";

/// The secret part of the authorizer's token, `dbu_example`.
const SECRET: &str = "example";

/// What `function` is called with, so many times.
pub(crate) fn events(function: &str, calls: u32) -> Result<Vec<String>> {
    let name = if function == EMPTY { "heartbeat" } else { function };
    let file = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let event = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    Ok((0..calls).map(|call| event.replace(&request(0), &request(call))).collect())
}

/// The request of one call, the first of which is the events' own. Each call has one for itself: a report on one that is
/// answered writes nothing.
fn request(call: u32) -> String {
    format!("0193c0de00007000800000000000{:04x}", call + 1)
}

/// A table in which `function` answers these many calls. A runtime that is polled or reported for has been rung; the others
/// have not, because most heartbeats find nothing to do.
pub(crate) async fn table(function: &str, calls: u32) -> Result<EmbeddedDynamoDb> {
    let engine = EmbeddedDynamoDb::start().await?;
    let (store, now) = (engine.store(), SystemClock.now());
    let workspace = WORKSPACE_A.parse()?;
    let registration = registration(workspace)?;
    let runtime = registration.id;
    store.register(registration, now).await?;
    store.issue(&token(workspace, now)?).await?;
    if matches!(function, "poll" | "report") {
        for request in (0..calls).map(request) {
            let at = Address { runtime, request: request.parse()?, kind: Kind::ModelList };
            ring(&store, at, workspace, now).await?;
        }
    }
    Ok(engine)
}

async fn ring(store: &DynamoDbStore, at: Address, workspace: WorkspaceId, now: Timestamp) -> Result<()> {
    match store.initiate(at, &Workspaces::from_iter([workspace]), now).await? {
        Initiated::Enqueued(_) => Ok(()),
        refused => Err(format!("the table cannot be prepared: {refused:?}").into()),
    }
}

fn registration(workspace: WorkspaceId) -> Result<Registration> {
    Ok(Registration {
        id: RuntimeId::derive(workspace, DAEMON, PROVIDER, ""),
        workspace,
        daemon_id: Text::try_from(DAEMON.to_owned())?,
        provider: Text::try_from(PROVIDER.to_owned())?,
        name: Text::try_from("Codex".to_owned())?,
        online: true,
    })
}

fn token(workspace: WorkspaceId, now: Timestamp) -> Result<TokenRecord> {
    let token = Token::new(Scope::User, SECRET);
    Ok(TokenRecord {
        hash: token.hash(),
        subject: Text::try_from("somebody".to_owned())?,
        scopes: [Scope::User].into(),
        workspaces: Workspaces::from_iter([workspace]),
        created_at: now,
        expires_at: None,
        last_four: token.last_four(),
    })
}

/// Whether `function` has answered with a success.
pub(crate) fn is_success(function: &str, answer: &Value) -> bool {
    match function {
        "authorizer" => answer["context"]["caller"] == "known",
        _ => answer["statusCode"] == 200,
    }
}
