//! What all of these tests stand on: a scripted server, and agents to be served.

mod agents;
mod script;
mod server;
mod time;
mod wire;

pub(crate) use agents::{Scripted, agent, models, nothing_found};
pub(crate) use script::{Call, Reply};
pub(crate) use server::{Server, TOKEN};

use std::time::Duration;

use doorbell_client::ApiError;
use doorbell_daemon::agents::Agent;
use doorbell_daemon::daemon::{Daemon, Settings};
use doorbell_protocol::RuntimeId;
use tokio_util::sync::CancellationToken;

/// Where the daemon's runtimes are.
pub(crate) const WORKSPACE: &str = "00000000-0000-4000-8000-00000000000a";

/// A request that can be handed out.
pub(crate) const REQUEST: &str = "01930000000070008000000000000001";

pub(crate) const HEARTBEAT: &str = "/api/daemon/heartbeat";
pub(crate) const REGISTER: &str = "/api/daemon/register";
pub(crate) const DEREGISTER: &str = "/api/daemon/deregister";

pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// The id of the runtime that the daemon's agent of that type becomes.
pub(crate) fn runtime(provider: &str) -> RuntimeId {
    RuntimeId::derive(WORKSPACE.parse().unwrap(), "my-laptop", provider, "")
}

/// Where a report on [`REQUEST`] goes.
pub(crate) fn report_path(provider: &str) -> String {
    format!("/api/daemon/runtimes/{}/models/{REQUEST}/result", runtime(provider))
}

pub(crate) fn settings() -> Settings {
    Settings {
        workspace: WORKSPACE.parse().unwrap(),
        daemon_id: "my-laptop".to_owned(),
        device_name: "My laptop".to_owned(),
        interval: Settings::INTERVAL,
    }
}

/// More virtual time than any of these tests takes.
const FOR_EVER: Duration = Duration::from_secs(600);

/// Registers `agents` with `server` and serves them until `stop`.
pub(crate) async fn serve_until(
    stop: CancellationToken,
    server: &Server,
    settings: Settings,
    agents: Vec<Agent>,
) -> Result<(), ApiError> {
    let daemon = Daemon::new(server.api(), settings, agents);
    let registered = daemon.register().await?;
    tokio::time::timeout(FOR_EVER, daemon.run(&registered, stop)).await.expect("the daemon does not end")
}

/// Registers `agents` with `server`, serves them for so long, and stops.
pub(crate) async fn serve_for(time: Duration, server: &Server, agents: Vec<Agent>) -> Result<(), ApiError> {
    serve_as_for(time, server, settings(), agents).await
}

/// [`serve_for`] with other settings.
pub(crate) async fn serve_as_for(
    time: Duration,
    server: &Server,
    settings: Settings,
    agents: Vec<Agent>,
) -> Result<(), ApiError> {
    let stop = CancellationToken::new();
    let later = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(time).await;
        later.cancel();
    });
    serve_until(stop, server, settings, agents).await
}
