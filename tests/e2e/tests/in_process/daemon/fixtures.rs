//! The scripted server as daemons see it, and scripted agents.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorbell_client::Api;
use doorbell_daemon::agents::Agent;
use doorbell_daemon::sources::{ModelSource, SourceError};
use doorbell_daemon::{Daemon, Settings, Stopped};
use doorbell_protocol::{Model, ModelEntry, ModelListResult, RuntimeId, RuntimeRecord, Timestamp};
use doorbell_shared::clock::{Clock as _, Stopwatch, SystemClock};
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer, runtime_id};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) const TOKEN: &str = "dbd_very-secret";
pub(crate) const WORKSPACE: &str = "00000000-0000-4000-8000-00000000000a";
/// A request to claim.
pub(crate) const REQUEST: &str = "01930000000070008000000000000001";

pub(crate) const HEARTBEAT: &str = "/api/daemon/heartbeat";
pub(crate) const REGISTER: &str = "/api/daemon/register";
pub(crate) const DEREGISTER: &str = "/api/daemon/deregister";

pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// The id of the runtime of the daemon's agent of that type.
pub(crate) fn runtime(provider: &str) -> RuntimeId {
    runtime_id("my-laptop", provider, "")
}

/// The path of reports on [`REQUEST`].
pub(crate) fn report_path(provider: &str) -> String {
    format!("/api/daemon/runtimes/{}/models/{REQUEST}/result", runtime(provider))
}

pub(crate) fn api(server: &ScriptedServer) -> Api {
    api_at(server, &format!("http://{}", server.host()))
}

/// The API of this server at another URL.
pub(crate) fn api_at(server: &ScriptedServer, url: &str) -> Api {
    Api::new(server.http_client(), url.parse().unwrap(), TOKEN)
}

/// The times of heartbeats.
pub(crate) fn heartbeat_times(server: &ScriptedServer) -> Vec<Duration> {
    server.calls_to(HEARTBEAT).into_iter().map(|call| call.at).collect()
}

/// What each heartbeat lists as in flight of the agent of that type.
pub(crate) fn in_flight(provider: &str, server: &ScriptedServer) -> Vec<Value> {
    let id = runtime(provider).to_string();
    let listed = |call: ScriptedCall| {
        let runtimes = call.body["runtimes"].as_array().unwrap();
        runtimes.iter().find(|runtime| runtime["id"] == id).unwrap()["in_flight"].clone()
    };
    server.calls_to(HEARTBEAT).into_iter().map(listed).collect()
}

/// A script in which the first heartbeat claims [`REQUEST`].
pub(crate) fn claims_once(call: &ScriptedCall) -> Reply {
    if call.path == HEARTBEAT && call.nth == 0 { Reply::pending(REQUEST) } else { Reply::Default }
}

/// A model source that answers from a script.
#[derive(Clone, Debug)]
pub(crate) struct ScriptedSource {
    pub(crate) duration: Duration,
    pub(crate) answer: Result<ModelListResult, SourceError>,
    /// Cancelled when the source is asked.
    pub(crate) asked: CancellationToken,
}

impl Default for ScriptedSource {
    fn default() -> Self {
        Self { duration: Duration::ZERO, answer: Ok(models(["gpt-6"])), asked: CancellationToken::new() }
    }
}

impl ScriptedSource {
    pub(crate) fn slow(duration: Duration) -> Self {
        Self { duration, ..Self::default() }
    }

    pub(crate) fn answering(answer: Result<ModelListResult, SourceError>) -> Self {
        Self { answer, ..Self::default() }
    }
}

#[async_trait]
impl ModelSource for ScriptedSource {
    fn name(&self) -> &str {
        "the agent"
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        self.asked.cancel();
        tokio::time::sleep(self.duration).await;
        self.answer.clone()
    }
}

pub(crate) fn agent(provider: &str, source: ScriptedSource) -> Agent {
    let version = Some("1.2.3".to_owned());
    Agent { version, ..Agent::new(provider.to_uppercase(), provider, Arc::new(source)) }
}

/// Agents of these types that answer at once.
pub(crate) fn agents<const N: usize>(providers: [&str; N]) -> Vec<Agent> {
    providers.map(|provider| agent(provider, ScriptedSource::default())).into()
}

pub(crate) fn models<const N: usize>(ids: [&str; N]) -> ModelListResult {
    let model = |id: &str| Model { id: id.to_owned(), label: id.to_owned(), ..Model::default() };
    let entry = |id| ModelEntry::try_from(&model(id)).unwrap();
    ModelListResult { models: ids.into_iter().map(entry).collect(), supported: true, fallback: false }
}

pub(crate) fn not_installed() -> SourceError {
    SourceError::NotInstalled { program: "The agent".to_owned() }
}

pub(crate) fn settings() -> Settings {
    Settings {
        workspace: WORKSPACE.parse().unwrap(),
        daemon_id: "my-laptop".to_owned(),
        device_name: "My laptop".to_owned(),
        interval: Settings::INTERVAL,
        push: true,
        exit_on_auth_failure: false,
    }
}

pub(crate) fn every_second() -> Settings {
    Settings { interval: seconds(1.0), ..settings() }
}

/// More virtual time than any test takes.
const LIMIT: Duration = Duration::from_secs(600);

/// A daemon whose agents stay the same, and whose clocks agree.
pub(crate) fn daemon(server: &ScriptedServer, settings: Settings, agents: Vec<Agent>) -> Daemon {
    daemon_with(server, settings, watch::channel(agents).1)
}

/// A daemon whose clocks agree: in virtual time the machine's clock would run much slower than tokio's.
pub(crate) fn daemon_with(
    server: &ScriptedServer,
    settings: Settings,
    agents: watch::Receiver<Vec<Agent>>,
) -> Daemon {
    Daemon::new(api(server), settings, agents).with_wall_clock(virtual_clock())
}

/// A machine's clock that follows tokio's.
pub(crate) fn virtual_clock() -> impl Fn() -> Option<Timestamp> + Send + Sync + 'static {
    let start = SystemClock.now();
    let watch = Stopwatch::start();
    move || Some(start + watch.elapsed())
}

/// Serves `agents` until `stop`.
pub(crate) async fn serve_until(
    stop: CancellationToken,
    server: &ScriptedServer,
    settings: Settings,
    agents: Vec<Agent>,
) -> Result<(), Stopped> {
    let daemon = daemon(server, settings, agents);
    tokio::time::timeout(LIMIT, daemon.run(stop)).await.expect("the daemon does not end")
}

/// Serves `agents` for `time`, and shuts down.
pub(crate) async fn serve_for(
    time: Duration,
    server: &ScriptedServer,
    settings: Settings,
    agents: Vec<Agent>,
) -> Result<(), Stopped> {
    let stop = CancellationToken::new();
    let later = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(time).await;
        later.cancel();
    });
    serve_until(stop, server, settings, agents).await
}

/// Registers `agents`, and returns the records that the daemon shows.
pub(crate) async fn registered(server: &ScriptedServer, agents: Vec<Agent>) -> Vec<RuntimeRecord> {
    let daemon = daemon(server, settings(), agents);
    let mut status = daemon.status();
    let registered = async {
        let status = status.wait_for(|status| !status.runtimes.is_empty()).await.unwrap();
        status.runtimes.clone()
    };
    tokio::select! {
        registered = registered => registered,
        ended = daemon.run(CancellationToken::new()) => panic!("{ended:?}"),
    }
}
