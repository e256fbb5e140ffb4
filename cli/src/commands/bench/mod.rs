//! `doorbell bench`: registers runtimes, puts load on them, prints the measurements and deregisters the runtimes.

mod load;
mod statistics;

use doorbell_client::{Api, ClientError};
use doorbell_protocol::limits::{RUNTIMES_PER_DEREGISTRATION, RUNTIMES_PER_REGISTRATION};
use doorbell_protocol::{Ack, RegisterResponse, RuntimeId, WorkspaceId};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{CommandError, connect};
use crate::{arguments, output};
use load::Load;

/// Constant, so that repeated runs register the same runtimes and leave one set of offline runtimes.
const DAEMON_ID: &str = "doorbell-bench";

pub(super) async fn run(arguments: arguments::Bench, stop: CancellationToken) -> Result<(), CommandError> {
    let daemon = connect::to_server(&arguments.server, &arguments.daemon_token)?;
    let user = connect::to_server(&arguments.server, &arguments.token)?;
    let mut runtimes = Vec::new();
    let registered = register(&daemon, arguments.workspace, arguments.runtimes, &mut runtimes).await;
    let measured = match registered {
        Ok(()) => measure(daemon.clone(), user, runtimes.clone(), &arguments, &stop).await,
        Err(error) => Err(error),
    };
    // Runtimes of a failed registration are deregistered too.
    if let Err(error) = deregister(&daemon, &runtimes).await {
        output::note(format!("runtimes stay online for 45 s: {error}"));
    }
    Ok(measured?)
}

async fn measure(
    daemon: Api,
    user: Api,
    runtimes: Vec<RuntimeId>,
    arguments: &arguments::Bench,
    stop: &CancellationToken,
) -> Result<(), ClientError> {
    let load = Load::new(daemon, user, runtimes, arguments, report(arguments.models));
    let summary = load::run(&load, stop).await;
    if arguments.json {
        output::json(&summary.to_json());
    } else {
        output::line(&summary);
    }
    summary.first_error_if_nothing_succeeded().map_or(Ok(()), Err)
}

async fn register(
    daemon: &Api,
    workspace: WorkspaceId,
    count: u32,
    registered: &mut Vec<RuntimeId>,
) -> Result<(), ClientError> {
    let numbers: Vec<u32> = (1..=count).collect();
    for numbers in numbers.chunks(RUNTIMES_PER_REGISTRATION) {
        let runtimes: Vec<Value> = numbers
            .iter()
            .map(|n| json!({"name": format!("Bench {n}"), "type": format!("bench-{n}")}))
            .collect();
        let body = json!({"workspace_id": workspace, "daemon_id": DAEMON_ID, "runtimes": runtimes});
        let answer: RegisterResponse = daemon.post("/api/daemon/register", &body).await?;
        registered.extend(answer.runtimes.iter().map(|runtime| runtime.id));
    }
    Ok(())
}

async fn deregister(daemon: &Api, runtimes: &[RuntimeId]) -> Result<(), ClientError> {
    for runtimes in runtimes.chunks(RUNTIMES_PER_DEREGISTRATION) {
        let _: Ack = daemon.post("/api/daemon/deregister", &json!({"runtime_ids": runtimes})).await?;
    }
    Ok(())
}

fn report(models: u16) -> Value {
    let models: Vec<Value> = (1..=models)
        .map(
            |n| json!({"id": format!("bench/model-{n}"), "label": format!("Model {n}"), "provider": "bench"}),
        )
        .collect();
    json!({"status": "completed", "models": models, "supported": true})
}
