//! The daemon as a whole: register, one heartbeat loop for each runtime, sign off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doorbell_protocol::id::{RuntimeId, WorkspaceId};
use doorbell_protocol::{
    Ack, DeregisterBody, RegisterBody, RegisterResponse, RegisterRuntime, RuntimeRecord,
};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::agents::Agent;
use crate::beat::beat_until;
use doorbell_client::{Api, ApiError};

/// How long beats and work under way may still take when the daemon is stopped.
const GRACE: Duration = Duration::from_secs(5);

/// Who the daemon is, and how often it beats.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose the runtimes are.
    pub workspace: WorkspaceId,
    /// The same at every start: the runtimes' ids follow from it.
    pub daemon_id: String,
    /// What people call the machine.
    pub device_name: String,
    /// Time between two beats of a runtime.
    pub interval: Duration,
}

impl Settings {
    /// The beat that the server's idea of online is made for.
    pub const INTERVAL: Duration = Duration::from_secs(15);

    /// This machine, by its host name.
    pub fn of_this_machine(workspace: WorkspaceId) -> Self {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        Self { workspace, daemon_id: host.clone(), device_name: host, interval: Self::INTERVAL }
    }
}

/// A runtime that the daemon serves.
#[derive(Clone, Debug)]
pub struct Served {
    /// What clients ring.
    pub id: RuntimeId,
    /// What answers.
    pub agent: Agent,
}

/// A daemon that has not been started.
#[derive(Debug)]
pub struct Daemon {
    api: Api,
    settings: Settings,
    agents: Vec<Agent>,
    registering_anew: Mutex<()>,
    registrations: AtomicU64,
}

impl Daemon {
    /// A daemon for `agents`. Makes no call.
    pub fn new(api: Api, settings: Settings, agents: Vec<Agent>) -> Self {
        Self {
            api,
            settings,
            agents,
            registering_anew: Mutex::default(),
            registrations: AtomicU64::default(),
        }
    }

    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    pub(crate) fn interval(&self) -> Duration {
        self.settings.interval
    }

    /// Makes the agents known as runtimes, in their order.
    ///
    /// # Errors
    /// As the API's.
    pub async fn register(&self) -> Result<Vec<RuntimeRecord>, ApiError> {
        let runtimes = self.agents.iter().map(|agent| RegisterRuntime {
            name: Some(agent.name.clone()),
            provider: Some(agent.provider.clone()),
            version: agent.version.clone(),
            status: Some("online".to_owned()),
            profile_id: Some(agent.profile_id.clone()),
        });
        let body = RegisterBody {
            workspace_id: Some(self.settings.workspace.to_string()),
            daemon_id: Some(self.settings.daemon_id.clone()),
            device_name: Some(self.settings.device_name.clone()),
            cli_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            runtimes: Some(runtimes.collect()),
            failed_profiles: None,
        };
        let answer: RegisterResponse = self.api.post("/api/daemon/register", &body).await?;
        Ok(answer.runtimes)
    }

    /// How often it was tried to register anew.
    pub(crate) fn registrations(&self) -> u64 {
        self.registrations.load(Ordering::Relaxed)
    }

    /// Registers again, unless that was tried since there were so many [`registrations`](Self::registrations): a server
    /// that has forgotten one runtime has forgotten them all, each finds out by itself, and one registration is for all.
    pub(crate) async fn register_anew(&self, registrations: u64) -> Result<(), ApiError> {
        let _turn = self.registering_anew.lock().await;
        if self.registrations() != registrations {
            return Ok(());
        }
        let registered = self.register().await;
        self.registrations.fetch_add(1, Ordering::Relaxed);
        registered.map(|_| ())
    }

    /// Beats for the `registered` runtimes until `stop`, then gives what is under way a moment and signs them off.
    ///
    /// # Errors
    /// When the token is refused: no beat will ever succeed. `stop` is cancelled then.
    pub async fn run(self, registered: &[RuntimeRecord], stop: CancellationToken) -> Result<(), ApiError> {
        let daemon = Arc::new(self);
        let mut loops = JoinSet::new();
        for (record, agent) in registered.iter().zip(&daemon.agents) {
            let served = Arc::new(Served { id: record.id, agent: agent.clone() });
            loops.spawn(beat_until(Arc::clone(&daemon), served, stop.clone()));
        }
        tokio::select! {
            ended = all_end(&mut loops) => ended.inspect_err(|_| stop.cancel())?,
            () = grace_ends(&stop) => tracing::warn!("stopped with work under way"),
        }
        // Nothing is reported of a runtime that was signed off.
        loops.shutdown().await;
        daemon.sign_off(registered).await;
        Ok(())
    }

    /// So that nobody rings and waits. The server would find out by itself after three missed beats.
    async fn sign_off(&self, registered: &[RuntimeRecord]) {
        let ids = registered.iter().map(|record| record.id.to_string()).collect();
        let body = DeregisterBody { runtime_ids: Some(ids) };
        match self.api.post::<Ack>("/api/daemon/deregister", &body).await {
            Ok(_) => tracing::info!("signed off"),
            Err(error) => tracing::warn!(%error, "not signed off"),
        }
    }
}

async fn all_end(loops: &mut JoinSet<Result<(), ApiError>>) -> Result<(), ApiError> {
    while let Some(ended) = loops.join_next().await {
        if let Ok(ended) = ended {
            ended?;
        }
    }
    Ok(())
}

async fn grace_ends(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}
