//! What a daemon registers with the server: its settings and its agents.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorbell_client::{Api, CallError};
use doorbell_protocol::limits::RUNTIMES_PER_DEREGISTRATION;
use doorbell_protocol::{
    Ack, DeregisterBody, RegisterBody, RegisterResponse, RegisterRuntime, RuntimeId, RuntimeRecord,
    WorkspaceId,
};

use tokio::sync::watch;

use crate::agents::Agent;
use crate::batches::batches;
use crate::clock::WallClock;
use crate::handlers::Slots;
use crate::push::offer::Offer;
use crate::registered::{Registered, Runtime};
use crate::status::{StatusBoard, replace_if_other};

/// The daemon's identity, and how it calls the server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The workspace of the runtimes.
    pub workspace: WorkspaceId,
    /// The same at every start: runtime ids are derived from it. At most 200 characters.
    pub daemon_id: String,
    /// The machine's name for display.
    pub device_name: String,
    /// The time between two heartbeats without a push channel. The server may ask for a shorter one.
    pub interval: Duration,
    /// Whether to use the deployment's push channel, if it has one.
    pub push: bool,
    /// Whether the daemon ends when the server has rejected its token for minutes. Otherwise it goes on trying, every five minutes.
    pub exit_on_auth_failure: bool,
}

impl Settings {
    /// The default heartbeat interval. The server shows a runtime as offline after three missed heartbeats at 15 s.
    pub const INTERVAL: Duration = Duration::from_secs(15);

    /// Settings with the host name as daemon id and device name, the default interval, and push.
    pub fn of_this_machine(workspace: WorkspaceId) -> Self {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        Self {
            workspace,
            daemon_id: host.clone(),
            device_name: host,
            interval: Self::INTERVAL,
            push: true,
            exit_on_auth_failure: false,
        }
    }
}

/// One daemon at one server.
#[derive(Debug)]
pub(crate) struct Session {
    api: Api,
    settings: Settings,
    clock: WallClock,
    slots: Slots,
    registered: Mutex<Registered>,
    /// The push channel of the last registration.
    offer: watch::Sender<Offer>,
    status: StatusBoard,
}

impl Session {
    pub(crate) fn new(api: Api, settings: Settings) -> Self {
        Self {
            api,
            settings,
            clock: WallClock::of_machine(),
            slots: Slots::default(),
            registered: Mutex::default(),
            offer: watch::Sender::default(),
            status: StatusBoard::default(),
        }
    }

    pub(crate) fn with_clock(self, clock: WallClock) -> Self {
        Self { clock, ..self }
    }

    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn clock(&self) -> &WallClock {
        &self.clock
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(crate) fn offers(&self) -> watch::Receiver<Offer> {
        self.offer.subscribe()
    }

    pub(crate) fn status(&self) -> &StatusBoard {
        &self.status
    }

    /// Registers `agents` and their questions, and keeps the server's records and its offer of a push channel.
    pub(crate) async fn register(&self, agents: &[Agent]) -> Result<(), CallError> {
        let runtimes = agents.iter().map(|agent| RegisterRuntime {
            name: Some(agent.name.clone()),
            provider: Some(agent.provider.clone()),
            version: agent.version.clone(),
            status: Some("online".to_owned()),
            profile_id: Some(agent.profile_id.clone()),
            questions: agent.questions.registration(),
        });
        let mut records = Vec::new();
        let mut offer = Offer::None;
        for runtimes in batches(runtimes) {
            let body = RegisterBody {
                workspace_id: Some(self.settings.workspace.to_string()),
                daemon_id: Some(self.settings.daemon_id.clone()),
                device_name: Some(self.settings.device_name.clone()),
                cli_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
                runtimes: Some(runtimes),
                failed_profiles: None,
                push: self.settings.push.then_some(true),
            };
            let response: RegisterResponse = self.api.try_post("/api/daemon/register", &body).await?;
            records.extend(response.runtimes);
            // The same in every response. A server may send it unasked.
            offer = response.settings.push.filter(|_| self.settings.push).into();
        }
        // Without a runtime there would be no heartbeat, and nothing would register again.
        if records.is_empty() {
            return Err(self.api.unexpected_response(200).into());
        }
        self.offer.send_if_modified(|known| replace_if_other(known, offer));
        self.registered().keep(agents.to_vec(), records);
        Ok(())
    }

    /// Forgets the runtimes of agents that are not among `agents`, and ends the push channel if none is left. The server still has to be
    /// [informed](Self::deregister_gone). Work in progress goes on: a client waits for it, and reports need no runtime that is online.
    pub(crate) fn retain(&self, agents: &[Agent]) {
        let mut registered = self.registered();
        registered.retain(agents);
        if registered.records.is_empty() {
            self.offer.send_if_modified(|known| replace_if_other(known, Offer::None));
        }
    }

    /// Takes the runtimes of agents that are gone offline.
    pub(crate) async fn deregister_gone(&self) -> Result<(), CallError> {
        let gone: Vec<_> = self.registered().gone.iter().copied().collect();
        for ids in gone.chunks(RUNTIMES_PER_DEREGISTRATION) {
            self.deregister(ids).await?;
            self.registered().gone.retain(|id| !ids.contains(id));
        }
        Ok(())
    }

    /// Whether [`deregister_gone`](Self::deregister_gone) has something to do.
    pub(crate) fn has_gone(&self) -> bool {
        !self.registered().gone.is_empty()
    }

    /// Takes all runtimes offline at once. Without it, the server does so after three missed heartbeats.
    pub(crate) async fn deregister_all(&self) -> Result<(), CallError> {
        for ids in self.known_ids().chunks(RUNTIMES_PER_DEREGISTRATION) {
            self.deregister(ids).await?;
        }
        Ok(())
    }

    /// What [`deregister_all`](Self::deregister_all) deregisters.
    pub(crate) fn known_ids(&self) -> Vec<RuntimeId> {
        self.registered().known_ids()
    }

    async fn deregister(&self, ids: &[RuntimeId]) -> Result<(), CallError> {
        let body = DeregisterBody { runtime_ids: Some(ids.iter().map(ToString::to_string).collect()) };
        self.api.try_post::<Ack>("/api/daemon/deregister", &body).await.map(|_| ())
    }

    fn registered(&self) -> MutexGuard<'_, Registered> {
        // Every change leaves each field whole, so a panic elsewhere does no harm.
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_runtime(&self, id: RuntimeId) -> bool {
        self.registered().records.iter().any(|record| record.id == id)
    }

    pub(crate) fn has_runtimes(&self) -> bool {
        !self.registered().records.is_empty()
    }

    /// The server's records of the last registration, without agents that are gone.
    pub(crate) fn records(&self) -> Vec<RuntimeRecord> {
        self.registered().records.clone()
    }

    /// The runtimes of the last registration, in the order of the agents.
    pub(crate) fn runtimes(&self) -> Vec<Runtime> {
        self.registered().runtimes()
    }
}
