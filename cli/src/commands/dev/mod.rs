//! `doorbell dev`: the whole thing on one machine. Serves the API, starts a daemon, asks it, and stays.
//!
//! What is wrong with the agents or the store is told before the socket is opened. At the end the daemon signs off first,
//! then calls under way are answered, then the server goes.

mod demonstration;
mod serving;

use std::convert::Infallible;
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
    match arguments.store {
        StoreKind::Memory => serve(MemoryStore::default(), &arguments, stop).await,
        StoreKind::Embedded => {
            let engine = EmbeddedDynamoDb::start().await?;
            tokio::select! {
                served = serve(engine.store(), &arguments, stop) => served,
                never = sweep(engine.clone()) => match never {},
            }
        }
        StoreKind::Dynamodb => match stop.run_until_cancelled(in_table(&arguments.table)).await {
            Some(store) => serve(store?, &arguments, stop).await,
            None => Ok(()),
        },
    }
}

async fn sweep(engine: EmbeddedDynamoDb) -> Infallible {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let engine = engine.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || engine.sweep_ttl()).await {
            tracing::warn!(%error, "TTL sweep failed");
        }
    }
}

async fn in_table(table: &str) -> Result<DynamoDbStore, CommandError> {
    let client = connect::from_environment().await;
    if table::ensure(&client, table).await.map_err(CommandError::Table)? == Ensured::Created {
        output::note(format!("created the table {table}"));
    }
    Ok(DynamoDbStore::new(client, table))
}

async fn serve<S: Store + 'static>(
    store: S,
    arguments: &arguments::Dev,
    stop: CancellationToken,
) -> Result<(), CommandError> {
    let Some(agents) = stop.run_until_cancelled(agents(arguments)).await else { return Ok(()) };
    let agents = agents?;
    let serving = Serving::start(store, arguments.addr).await?;
    let url = serving.url()?;
    output::line(format!("Doorbell listens on {} (store: {})", shown(&url), arguments.store.as_str()));
    let demonstrated = match agents {
        Some(agents) => demonstration::run(&url, agents, arguments.interval, &stop).await,
        None => demonstration::without_daemon(&url, &stop).await,
    };
    serving.end().await?;
    demonstrated
}

async fn agents(arguments: &arguments::Dev) -> Result<Option<Vec<Agent>>, CommandError> {
    if arguments.no_daemon {
        return Ok(None);
    }
    let options = arguments.agents.clone().into();
    Ok(Some(agents::find(&options, &Environment::of_process()).await?))
}

/// Without the slash that every URL ends in.
fn shown(url: &reqwest::Url) -> &str {
    url.as_str().trim_end_matches('/')
}
