//! The daemon as a whole: register, one heartbeat loop for each runtime, sign off.

use std::sync::Arc;
use std::time::Duration;

use doorbell_shared::id::{RuntimeId, WorkspaceId};
use doorbell_shared::wire::{
    Ack, DeregisterBody, RegisterAnswer, RegisterBody, RegisterRuntime, RuntimeRecord,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agents::Agent;
use crate::api::{Api, ApiError};
use crate::beat::beat_until;

/// How long work under way may still take when the daemon is stopped.
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
}

impl Daemon {
    /// A daemon for `agents`. Makes no call.
    pub fn new(api: Api, settings: Settings, agents: Vec<Agent>) -> Self {
        Self { api, settings, agents }
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
        let answer: RegisterAnswer = self.api.post("/api/daemon/register", &body).await?;
        Ok(answer.runtimes)
    }

    /// Beats for the `registered` runtimes until `stop`, then gives work under way a moment and signs them off.
    ///
    /// # Errors
    /// When the token is refused: no beat will ever succeed.
    pub async fn run(self, registered: &[RuntimeRecord], stop: CancellationToken) -> Result<(), ApiError> {
        let daemon = Arc::new(self);
        let work = TaskTracker::new();
        let mut loops = JoinSet::new();
        for (record, agent) in registered.iter().zip(&daemon.agents) {
            let served = Arc::new(Served { id: record.id, agent: agent.clone() });
            loops.spawn(beat_until(Arc::clone(&daemon), served, work.clone(), stop.clone()));
        }
        let mut ended = Ok(());
        while let Some(beats) = loops.join_next().await {
            if let Ok(Err(error)) = beats {
                ended = Err(error);
                stop.cancel();
            }
        }
        work.close();
        if tokio::time::timeout(GRACE, work.wait()).await.is_err() {
            tracing::warn!("stopped with work under way");
        }
        if ended.is_ok() {
            daemon.sign_off(registered).await;
        }
        ended
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
