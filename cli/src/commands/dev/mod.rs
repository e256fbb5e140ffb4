//! `doorbell dev`: serves the API on this machine, starts a daemon, and rings it once.
//!
//! Errors of the agents or the store are reported before the socket is opened. At shutdown the daemon deregisters first,
//! then calls in progress finish, then the server stops.

mod demo;
mod functions;
mod server;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use doorbell_daemon::agents::{self, Agent, Environment};
use doorbell_functions::auth::oidc::Oidc;
use doorbell_functions::page::SignIn;
use doorbell_gateway::broker::Broker;
use doorbell_gateway::{Authenticator, DevTokens, Gateway, Origins, PushListener, issue_dev_tokens};
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::http::AppState;
use doorbell_shared::http::token_rates::TokenRates;
use doorbell_shared::store::dynamodb::embedded::{DataFileError, EmbeddedDynamoDb};
use doorbell_shared::store::dynamodb::table::Ensured;
use doorbell_shared::store::dynamodb::{DynamoDbStore, table};
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::store::{Store, TokenStore};
use tokio_util::sync::CancellationToken;

use super::CommandError;
use crate::arguments::{self, CorsOrigin, StoreKind};
use crate::output;
use server::Server;

/// The heartbeats of a daemon whose push channel is proven. In the cloud they are hours apart; here a lost state of a broker that was
/// restarted should not last that long.
const PUSH_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(60);

/// The interval of TTL deletions. The embedded engine has none of its own.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// The interval of checks that the data file exists. Writes after its deletion are lost, so this bounds how long the server
/// acknowledges them. A check takes a microsecond.
const DATA_CHECK_INTERVAL: Duration = Duration::from_secs(1);

pub(super) async fn run(arguments: arguments::Dev, stop: CancellationToken) -> Result<(), CommandError> {
    if let Some(url) = &arguments.functions {
        return functions::run(url, &arguments, &stop).await;
    }
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
                result = serve(engine.store(), engine.store(), &arguments, stop) => result,
                never = sweep(engine.clone()) => match never {},
                lost = data_file_lost(&engine) => Err(lost.into()),
            }
        }
        // The table may be shared and the dev tokens are public, so they stay in this process.
        StoreKind::Dynamodb => match stop.run_until_cancelled(open_table(&arguments.table)).await {
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

/// Waits until the data file is deleted or replaced.
async fn data_file_lost(engine: &EmbeddedDynamoDb) -> DataFileError {
    loop {
        tokio::time::sleep(DATA_CHECK_INTERVAL).await;
        if let Err(error) = engine.check_file() {
            return error;
        }
    }
}

async fn open_table(table: &str) -> Result<DynamoDbStore, CommandError> {
    let client = doorbell_shared::aws::dynamodb().await;
    if table::ensure(&client, table).await.map_err(CommandError::Table)? == Ensured::Created {
        output::note(format!("created the table {table}"));
    }
    Ok(DynamoDbStore::new(client, table))
}

async fn serve<S: Store + Clone + 'static, T: TokenStore + Clone + 'static>(
    store: S,
    tokens: T,
    arguments: &arguments::Dev,
    stop: CancellationToken,
) -> Result<(), CommandError> {
    let Some(agents) = stop.run_until_cancelled(find_agents(arguments)).await else { return Ok(()) };
    let agents = agents?;
    let rates = if arguments.no_token_limits { TokenRates::unlimited() } else { TokenRates::default() };
    let state = AppState { rates, ..AppState::new(store) };
    let tokens = AppState::new(tokens);
    // The broker ends when it is dropped, after the server.
    let (state, _broker) = if arguments.no_push {
        (state, None)
    } else {
        let (state, broker) = start_push(state, tokens.clone(), arguments.addr).await?;
        (state, Some(broker))
    };
    let gateway = Gateway {
        state,
        authenticator: Authenticator { state: tokens, oidc: Oidc::from_environment()? },
        origins: origins(&arguments.cors_origins)?,
        sign_in: SignIn::from_environment()?,
    };
    let server = Server::start(arguments.addr, |listener, shutdown| {
        doorbell_gateway::serve(listener, gateway, shutdown)
    });
    let server = server.await?;
    output::line(format!("Doorbell listens on {} (store: {})", server.base_url(), arguments.store.as_str()));
    output::line(format!("Page  {}", server.url()?));
    let result = match agents {
        Some(agents) => demo::run(&server, agents, arguments, &stop).await,
        None => {
            demo::without_daemon(&server, &stop).await;
            Ok(())
        }
    };
    server.shut_down().await?;
    result
}

/// Runs the push channel on two free ports of the server's address.
async fn start_push<S: Store + Clone + 'static, T: TokenStore + 'static>(
    state: AppState<S>,
    tokens: AppState<T>,
    addr: SocketAddr,
) -> Result<(AppState<S>, Broker), CommandError> {
    let listener = PushListener::bind(addr.ip()).await?;
    let state = AppState { push: Some(listener.channel(PUSH_HEARTBEAT_INTERVAL)?), ..state };
    let broker = listener.serve(state.clone(), tokens, &CancellationToken::new())?;
    Ok((state, broker))
}

/// Rejects "*" beside named origins: only named origins may send credentials.
fn origins(allowed: &[CorsOrigin]) -> Result<Origins, CommandError> {
    let named = allowed.iter().filter_map(|origin| match origin {
        CorsOrigin::Any => None,
        CorsOrigin::Named(origin) => Some(origin.clone()),
    });
    let named: Vec<_> = named.collect();
    match (allowed.len(), named.len()) {
        (0, _) => Ok(Origins::None),
        (_, 0) => Ok(Origins::Any),
        (all, count) if all == count => Ok(Origins::Named(named)),
        _ => Err(CommandError::AnyAndNamedOrigins),
    }
}

async fn find_agents(arguments: &arguments::Dev) -> Result<Option<Vec<Agent>>, CommandError> {
    if arguments.no_daemon {
        return Ok(None);
    }
    let options = arguments.agents.clone().into();
    let environment = Environment::of_process();
    let mut agents = agents::find(&options, &environment).await?;
    if agents.is_empty() {
        let questions = agents::questions(&options, &environment)?.of(Agent::SAMPLE);
        agents.push(Agent { questions, ..Agent::sample() });
    }
    Ok(Some(agents))
}
