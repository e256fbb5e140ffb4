//! What a daemon registers with the server: its settings, its agents, and the runtimes that they become.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorbell_client::{Api, ClientError};
use doorbell_protocol::limits::RUNTIMES_PER_DEREGISTRATION;
use doorbell_protocol::{
    Ack, DeregisterBody, RegisterBody, RegisterResponse, RegisterRuntime, RuntimeId, RuntimeRecord,
    WorkspaceId,
};

use tokio::sync::watch;

use crate::agents::Agent;
use crate::batches::batches;
use crate::handlers::Slots;
use crate::push::PushStatus;
use crate::push::offer::Offer;

/// The daemon's identity and heartbeat interval.
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
}

impl Settings {
    /// The default heartbeat interval. The server shows a runtime as offline after three missed heartbeats at 15 s.
    pub const INTERVAL: Duration = Duration::from_secs(15);

    /// Settings with the host name as daemon id and device name, the default interval, and push.
    pub fn of_this_machine(workspace: WorkspaceId) -> Self {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        Self { workspace, daemon_id: host.clone(), device_name: host, interval: Self::INTERVAL, push: true }
    }
}

/// A registered agent.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    pub(crate) id: RuntimeId,
    pub(crate) agent: Agent,
}

/// One daemon at one server.
#[derive(Debug)]
pub(crate) struct Session {
    api: Api,
    settings: Settings,
    agents: Vec<Agent>,
    slots: Slots,
    /// The server's records from the last registration. Ids may differ from those of an earlier one: a server that has lost
    /// its table derives them from another secret.
    registered: Mutex<Vec<RuntimeRecord>>,
    /// The push channel of the last registration.
    offer: watch::Sender<Offer>,
    push_status: watch::Sender<PushStatus>,
}

impl Session {
    pub(crate) fn new(api: Api, settings: Settings, agents: Vec<Agent>) -> Self {
        Self {
            api,
            settings,
            agents,
            slots: Slots::default(),
            registered: Mutex::default(),
            offer: watch::Sender::default(),
            push_status: watch::Sender::default(),
        }
    }

    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    pub(crate) fn interval(&self) -> Duration {
        self.settings.interval
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(crate) fn offers(&self) -> watch::Receiver<Offer> {
        self.offer.subscribe()
    }

    pub(crate) fn push_status(&self) -> watch::Receiver<PushStatus> {
        self.push_status.subscribe()
    }

    pub(crate) fn show_push_status(&self, status: PushStatus) {
        self.push_status.send_if_modified(|shown| replace_if_other(shown, status));
    }

    /// Registers all agents and their questions, and keeps the server's records and its offer of a push channel.
    pub(crate) async fn register(&self) -> Result<Vec<RuntimeRecord>, ClientError> {
        let runtimes = self.agents.iter().map(|agent| RegisterRuntime {
            name: Some(agent.name.clone()),
            provider: Some(agent.provider.clone()),
            version: agent.version.clone(),
            status: Some("online".to_owned()),
            profile_id: Some(agent.profile_id.clone()),
            questions: agent.questions.registration(),
        });
        let mut registered = Vec::new();
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
            let response: RegisterResponse = self.api.post("/api/daemon/register", &body).await?;
            registered.extend(response.runtimes);
            // The same in every response. A server may send it unasked.
            offer = response.settings.push.filter(|_| self.settings.push).into();
        }
        self.offer.send_if_modified(|known| replace_if_other(known, offer));
        self.keep(registered.clone());
        Ok(registered)
    }

    fn keep(&self, registered: Vec<RuntimeRecord>) {
        *self.registered() = registered;
        for agent in self.agents.iter().filter(|agent| self.runtime(agent).is_none()) {
            tracing::warn!(agent = agent.name, "the server did not register the agent");
        }
    }

    fn registered(&self) -> MutexGuard<'_, Vec<RuntimeRecord>> {
        // The records are replaced in one assignment, so a panic elsewhere leaves them whole.
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_runtime(&self, id: RuntimeId) -> bool {
        self.registered().iter().any(|record| record.id == id)
    }

    /// The runtimes of the last registration, in the order of the agents.
    pub(crate) fn runtimes(&self) -> Vec<Runtime> {
        self.agents.iter().filter_map(|agent| self.runtime(agent)).collect()
    }

    /// The runtime of `agent` by the last registration; `None` if the server did not register it.
    fn runtime(&self, agent: &Agent) -> Option<Runtime> {
        let registered = self.registered();
        let record = self.record_of(agent, &registered)?;
        Some(Runtime { id: record.id, agent: agent.clone() })
    }

    /// Compares provider and profile. Servers may trim a provider, or show no profile; then the order of the response counts, which
    /// is that of the request.
    fn record_of<'r>(&self, agent: &Agent, registered: &'r [RuntimeRecord]) -> Option<&'r RuntimeRecord> {
        let provider = agent.provider.trim();
        let agents: Vec<_> = self.agents.iter().filter(|other| other.provider.trim() == provider).collect();
        let records: Vec<_> = registered.iter().filter(|record| record.provider == provider).collect();
        let has_no_profiles = records.iter().all(|record| record.profile_id.is_none());
        if agents.len() == 1 || (agents.len() == records.len() && has_no_profiles) {
            let position = agents.iter().position(|other| other.profile_id == agent.profile_id)?;
            return records.get(position).copied();
        }
        let is_of =
            |record: &RuntimeRecord| record.profile_id.as_deref().unwrap_or_default() == agent.profile_id;
        records.into_iter().find(|record| is_of(record))
    }

    /// Takes the runtimes offline at once. Without it, the server does so after three missed heartbeats.
    pub(crate) async fn deregister(&self) -> Result<(), ClientError> {
        let ids: Vec<_> = self.registered().iter().map(|record| record.id.to_string()).collect();
        for ids in ids.chunks(RUNTIMES_PER_DEREGISTRATION) {
            let body = DeregisterBody { runtime_ids: Some(ids.to_vec()) };
            self.api.post::<Ack>("/api/daemon/deregister", &body).await?;
        }
        Ok(())
    }
}

/// Returns whether the value has changed.
fn replace_if_other<T: PartialEq>(old: &mut T, new: T) -> bool {
    let is_other = *old != new;
    *old = new;
    is_other
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use doorbell_client::http_client;
    use doorbell_protocol::{RuntimeStatus, Timestamp};

    use super::*;
    use crate::sources::sample::Sample;

    fn agent(provider: &str, profile: &str) -> Agent {
        let profile_id = profile.to_owned();
        Agent { profile_id, ..Agent::new(format!("{provider} {profile}"), provider, Arc::new(Sample)) }
    }

    fn session(agents: Vec<Agent>) -> Session {
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let api = Api::new(http_client().unwrap(), "http://localhost".parse().unwrap(), "token");
        Session::new(api, Settings::of_this_machine(workspace), agents)
    }

    fn record(session: &Session, agent: &Agent) -> RuntimeRecord {
        let Settings { workspace, daemon_id, .. } = session.settings.clone();
        let time = Timestamp::from_millis(0).unwrap();
        RuntimeRecord {
            id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            workspace_id: workspace,
            daemon_id,
            name: agent.name.clone(),
            provider: agent.provider.clone(),
            profile_id: Some(agent.profile_id.clone()).filter(|profile| !profile.is_empty()),
            device_info: None,
            runtime_mode: None,
            visibility: None,
            owner_id: None,
            metadata: None,
            questions: None,
            status: RuntimeStatus::Online,
            last_seen_at: time,
            created_at: time,
            updated_at: time,
        }
    }

    #[test]
    fn pairs_runtimes_with_agents_in_any_order() {
        let session = session(vec![agent("codex", ""), agent("codex", "work"), agent("openai", "")]);
        let mut registered: Vec<_> = session.agents.iter().map(|agent| record(&session, agent)).collect();
        for (record, id) in registered.iter_mut().zip(["a", "b", "c"]) {
            record.id = format!("00000000-0000-4000-8000-00000000000{id}").parse().unwrap();
        }
        registered.reverse();
        session.keep(registered.clone());
        for (agent, record) in session.agents.iter().zip(registered.iter().rev()) {
            assert_eq!(session.runtime(agent).unwrap().id, record.id);
        }
    }

    #[test]
    fn agent_without_record_has_no_runtime() {
        let session = session(vec![agent("codex", ""), agent("openai", "")]);
        session.keep(vec![record(&session, &session.agents[1])]);
        let runtimes: Vec<_> = session.agents.iter().map(|agent| session.runtime(agent).is_some()).collect();
        assert_eq!(runtimes, [false, true]);
    }

    /// As the reference server answers: without profiles, in the order of the request.
    #[test]
    fn pairs_runtimes_without_profile_by_position() {
        let agents = [agent("codex", "work"), agent("openai", ""), agent("codex", ""), agent(" codex ", "b")];
        let session = session(agents.to_vec());
        let records = session.agents.iter().zip(["a", "b", "c", "d"]).map(|(agent, id)| RuntimeRecord {
            id: format!("00000000-0000-4000-8000-00000000000{id}").parse().unwrap(),
            provider: agent.provider.trim().to_owned(),
            profile_id: None,
            ..record(&session, agent)
        });
        let registered: Vec<_> = records.collect();
        session.keep(registered.clone());
        let paired: Vec<_> =
            session.agents.iter().map(|agent| session.runtime(agent).map(|it| it.id)).collect();
        assert_eq!(paired, registered.iter().map(|record| Some(record.id)).collect::<Vec<_>>());
    }

    #[test]
    fn single_profile_may_be_missing_in_record() {
        let session = session(vec![agent("codex", "work")]);
        session.keep(vec![RuntimeRecord { profile_id: None, ..record(&session, &session.agents[0]) }]);
        assert!(session.runtime(&session.agents[0]).is_some());
    }
}
