//! `doorbell dev`: the whole thing on one machine. Serves the API, starts a daemon, asks it, and stays.

use std::time::Duration;

use doorbell_daemon::agents::{self, Agent, Environment};
use doorbell_daemon::api::{Api, http_client};
use doorbell_daemon::daemon::{Daemon, Settings};
use doorbell_shared::http::Backend;
use doorbell_shared::store::Store;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::dynamodb::table::Ensured;
use doorbell_shared::store::dynamodb::{DynamoDbStore, connect, table};
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::wire::RuntimeRecord;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{CommandError, stop};
use crate::arguments::{self, StoreKind};
use crate::client::{self, Answer, AskError};
use crate::gateway::{self, DAEMON_A, USER_A, WORKSPACE_A};
use crate::output::{self, Spinner};

/// How often what TTL names is deleted from the embedded engine, which does not do it by itself.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// How long calls under way may still take when the server is stopped.
const GRACE: Duration = Duration::from_secs(5);

pub(super) async fn run(arguments: arguments::Dev) -> Result<(), CommandError> {
    let stop = stop::on_signal()?;
    match arguments.store {
        StoreKind::Memory => serve(MemoryStore::default(), arguments, stop).await,
        StoreKind::Embedded => {
            let engine = EmbeddedDynamoDb::start().await?;
            let store = engine.store();
            let sweeps = tokio::spawn(sweep(engine));
            let served = serve(store, arguments, stop).await;
            sweeps.abort();
            served
        }
        StoreKind::Dynamodb => {
            let client = connect::from_environment().await;
            if table::ensure(&client, &arguments.table).await? == Ensured::Created {
                output::note(format!("created the table {}", arguments.table));
            }
            serve(DynamoDbStore::new(client, &arguments.table), arguments, stop).await
        }
    }
}

async fn sweep(engine: EmbeddedDynamoDb) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let engine = engine.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || engine.sweep_ttl()).await {
            tracing::warn!(%error, "TTL sweep failed");
        }
    }
}

async fn serve<S: Store + 'static>(
    store: S,
    arguments: arguments::Dev,
    stop: CancellationToken,
) -> Result<(), CommandError> {
    let addr = arguments.addr;
    let listen = async { TcpListener::bind(addr).await.and_then(|bound| Ok((bound.local_addr()?, bound))) };
    let (addr, listener) = listen.await.map_err(|source| CommandError::Listen { addr, source })?;
    let stop_serving = CancellationToken::new();
    let stopped = stop_serving.clone().cancelled_owned();
    let server = tokio::spawn(gateway::serve(listener, Backend::new(store), stopped));

    output::line(format!("Doorbell listens on http://{addr} (store: {})", arguments.store.as_str()));
    let demonstrated = demonstrate(addr, arguments, &stop).await;
    if demonstrated.is_ok() {
        stop.cancelled().await;
    }
    // The daemon has signed off by now, so nothing new comes in.
    stop_serving.cancel();
    end(server).await?;
    demonstrated
}

async fn end(server: JoinHandle<std::io::Result<()>>) -> Result<(), CommandError> {
    match tokio::time::timeout(GRACE, server).await {
        Ok(Ok(served)) => Ok(served?),
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

/// The main job, end to end, where somebody can see it.
async fn demonstrate(
    addr: std::net::SocketAddr,
    arguments: arguments::Dev,
    stop: &CancellationToken,
) -> Result<(), CommandError> {
    let Ok(url) = Url::parse(&format!("http://{addr}")) else { return Ok(()) };
    if arguments.no_daemon {
        output::line("No daemon was started; `doorbell daemon` starts one. Then: `doorbell runtimes`.");
        go_on_with(&url, "<runtime id>");
        return Ok(());
    }
    let agents = agents::find(&arguments.agents.into(), &Environment::of_process()).await?;
    let (registered, beating) = start_daemon(&url, agents, arguments.interval, stop).await?;
    let person = Api::new(http_client()?, url.clone(), USER_A.token);
    for runtime in &registered {
        tokio::select! {
            () = stop.cancelled() => break,
            answer = ask(&person, runtime) => show(runtime, answer),
        }
    }
    if let Some(runtime) = registered.first() {
        go_on_with(&url, &runtime.id.to_string());
    }
    stop.cancelled().await;
    match beating.await {
        Ok(beat) => Ok(beat?),
        Err(_) => Ok(()),
    }
}

type Beating = JoinHandle<Result<(), doorbell_daemon::api::ApiError>>;

async fn start_daemon(
    url: &Url,
    agents: Vec<Agent>,
    interval: Duration,
    stop: &CancellationToken,
) -> Result<(Vec<RuntimeRecord>, Beating), CommandError> {
    let api = Api::new(http_client()?, url.clone(), DAEMON_A.token);
    let Ok(workspace) = WORKSPACE_A.parse() else { return Ok((Vec::new(), tokio::spawn(async { Ok(()) }))) };
    let settings = Settings { interval, ..Settings::of_this_machine(workspace) };
    let daemon = Daemon::new(api, settings, agents);
    let registered = daemon.register().await?;
    let (runtimes, stop) = (registered.clone(), stop.clone());
    Ok((registered, tokio::spawn(async move { daemon.run(&runtimes, stop).await })))
}

async fn ask(person: &Api, runtime: &RuntimeRecord) -> Result<Answer, AskError> {
    let spinner = Spinner::start();
    client::ask(person, runtime.id, |status| spinner.show(status)).await
}

fn show(runtime: &RuntimeRecord, answer: Result<Answer, AskError>) {
    output::line(format!("\n{} ({}), {}", runtime.name, runtime.provider, runtime.id));
    match answer {
        Ok(answer) => {
            output::line(output::models(&answer.record.models));
            let collected = answer.collected.map(|took| ("collected by the daemon", took));
            let mut steps = vec![("rung", answer.rung)];
            steps.extend(collected);
            steps.push(("answered, in all", answer.answered));
            output::line(format!("\n{}", output::steps(&steps)));
        }
        Err(error) => output::line(format!("no models: {error}")),
    }
}

fn go_on_with(url: &Url, runtime: &str) {
    output::line(format!(
        "\nGo on with:\n  curl -sX POST -H 'Authorization: Bearer {}' {url}api/runtimes/{runtime}/models\n\
         \nCtrl-C stops it.",
        USER_A.token
    ));
}
