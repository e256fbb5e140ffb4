//! `doorbell dev`: the whole thing on one machine. Serves the API, starts a daemon, asks it, and stays.
//!
//! The order is the promise: what is wrong with the agents or the store is told before the socket is opened, the daemon
//! signs off before the server goes, and calls under way are answered before the process ends.

mod demonstration;
mod serving;

use std::time::Duration;

use doorbell_daemon::agents::{self, Agent, Environment};
use doorbell_shared::store::Store;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::dynamodb::table::Ensured;
use doorbell_shared::store::dynamodb::{DynamoDbStore, connect, table};
use doorbell_shared::store::memory::MemoryStore;
use tokio_util::sync::CancellationToken;

use super::CommandError;
use crate::arguments::{self, StoreKind};
use crate::output;
use serving::Serving;

/// How often what TTL names is deleted from the embedded engine, which does not do it by itself.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

pub(super) async fn run(arguments: arguments::Dev, stop: CancellationToken) -> Result<(), CommandError> {
    let dev = Dev {
        addr: arguments.addr,
        store: arguments.store,
        daemon: (!arguments.no_daemon).then_some(arguments.interval),
        stop,
    };
    let find = find(arguments.agents, arguments.no_daemon);
    let Some(agents) = dev.stop.run_until_cancelled(find).await.transpose()? else { return Ok(()) };
    match dev.store {
        StoreKind::Memory => dev.serve(MemoryStore::default(), agents).await,
        StoreKind::Embedded => {
            let engine = EmbeddedDynamoDb::start().await?;
            tokio::select! {
                served = dev.serve(engine.store(), agents) => served,
                never = sweep(engine) => match never {},
            }
        }
        StoreKind::Dynamodb => dev.serve(in_the_cloud(&arguments.table).await?, agents).await,
    }
}

async fn find(agents: arguments::Agents, no_daemon: bool) -> Result<Vec<Agent>, CommandError> {
    match no_daemon {
        true => Ok(Vec::new()),
        false => Ok(agents::find(&agents.into(), &Environment::of_process()).await?),
    }
}

async fn sweep(engine: EmbeddedDynamoDb) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let engine = engine.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || engine.sweep_ttl()).await {
            tracing::warn!(%error, "TTL sweep failed");
        }
    }
}

async fn in_the_cloud(table: &str) -> Result<DynamoDbStore, CommandError> {
    let client = connect::from_environment().await;
    if table::ensure(&client, table).await.map_err(CommandError::Table)? == Ensured::Created {
        output::note(format!("created the table {table}"));
    }
    Ok(DynamoDbStore::new(client, table))
}
