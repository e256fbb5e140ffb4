//! `doorbell dev`: the whole thing on one machine. Serves the API, starts a daemon, asks it, and stays.
//!
//! What is wrong with the agents or the store is told before the socket is opened. At the end the daemon signs off first,
//! then calls under way are answered, then the server goes.

mod demonstration;
mod open_files;
mod serving;

use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderValue;
use doorbell_daemon::agents::{self, Agent, Environment};
use doorbell_functions::auth::oidc::Oidc;
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::http::AppState;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::dynamodb::table::Ensured;
use doorbell_shared::store::dynamodb::{DynamoDbStore, connect, table};
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::store::{Store, TokenStore};
use tokio_util::sync::CancellationToken;

use super::CommandError;
use crate::arguments::{self, StoreKind};
use crate::output;
use doorbell_gateway::{Authenticator, DevTokens, Gateway, Origins, issue_dev_tokens};
use serving::Serving;

/// How often what TTL names is deleted from the embedded engine, which does not do it by itself.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

pub(super) async fn run(arguments: arguments::Dev, stop: CancellationToken) -> Result<(), CommandError> {
    let now = SystemClock.now();
    match arguments.store {
        StoreKind::Memory => {
            let store = MemoryStore::default();
            issue_dev_tokens(&store, now).await?;
            serve(store.clone(), store, &arguments, stop).await
        }
        StoreKind::Embedded => {
            let engine = match &arguments.data {
                Some(data) => EmbeddedDynamoDb::open(data).await?,
                None => EmbeddedDynamoDb::start().await?,
            };
            issue_dev_tokens(&engine.store(), now).await?;
            tokio::select! {
                served = serve(engine.store(), engine.store(), &arguments, stop) => served,
                never = sweep(engine.clone()) => match never {},
            }
        }
        // Others may use that table, and the dev tokens are public: they stay in this process.
        StoreKind::Dynamodb => match stop.run_until_cancelled(in_table(&arguments.table)).await {
            Some(store) => {
                let store = store?;
                let tokens = DevTokens::before(store.clone(), now).await?;
                serve(store, tokens, &arguments, stop).await
            }
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

async fn serve<S: Store + 'static, T: TokenStore + 'static>(
    store: S,
    tokens: T,
    arguments: &arguments::Dev,
    stop: CancellationToken,
) -> Result<(), CommandError> {
    let Some(agents) = stop.run_until_cancelled(agents(arguments)).await else { return Ok(()) };
    let agents = agents?;
    let callers = Authenticator { backend: AppState::new(tokens), oidc: Oidc::from_environment()? };
    let gateway = Gateway {
        backend: AppState::new(store),
        authenticator: callers,
        origins: origins(&arguments.cors_origins),
    };
    open_files::raise_limit();
    let serving = Serving::start(gateway, arguments.addr).await?;
    let url = serving.url()?;
    output::line(format!("Doorbell listens on {} (store: {})", shown(&url), arguments.store.as_str()));
    let demonstrated = match agents {
        Some(agents) => demonstration::run(&url, agents, arguments.interval, &stop).await,
        None => demonstration::without_daemon(&url, &stop).await,
    };
    serving.end().await?;
    demonstrated
}

fn origins(named: &[HeaderValue]) -> Origins {
    match named {
        [] => Origins::None,
        [any] if any == "*" => Origins::Any,
        named => Origins::Named(named.to_vec()),
    }
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
