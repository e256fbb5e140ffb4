//! What a daemon registers with the server: its settings, its agents, and the runtimes that they become.

use std::collections::BTreeSet;
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
    clock: WallClock,
    slots: Slots,
    registered: Mutex<Registered>,
    /// The push channel of the last registration.
    offer: watch::Sender<Offer>,
    status: StatusBoard,
}

/// The outcome of the last registration.
#[derive(Debug, Default)]
struct Registered {
    agents: Vec<Agent>,
    /// The server's records. Ids may differ from those of an earlier registration: a server that has lost its table derives them from
    /// another secret.
    records: Vec<RuntimeRecord>,
    /// Runtimes of agents that are gone, which the server may show as online.
    gone: BTreeSet<RuntimeId>,
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
        self.keep(agents.to_vec(), records);
        Ok(())
    }

    fn keep(&self, agents: Vec<Agent>, records: Vec<RuntimeRecord>) {
        let mut registered = self.registered();
        for agent in agents.iter().filter(|agent| record_of(agent, &agents, &records).is_none()) {
            tracing::warn!(agent = agent.name, "the server did not register the agent");
        }
        // An agent that has come back.
        registered.gone.retain(|gone| records.iter().all(|record| record.id != *gone));
        registered.agents = agents;
        registered.records = records;
    }

    /// Forgets the runtimes of agents that are not among `agents`, and ends the push channel if none is left. The server still has to be
    /// [informed](Self::deregister_gone). Work in progress goes on: a client waits for it, and reports need no runtime that is online.
    pub(crate) fn retain(&self, agents: &[Agent]) {
        let mut registered = self.registered();
        let Registered { agents: old, records, gone } = &mut *registered;
        let is_kept = |agent: &Agent| agents.iter().any(|other| key(other) == key(agent));
        let (kept, lost): (Vec<_>, Vec<_>) = old.iter().cloned().partition(is_kept);
        let id_of = |agent| record_of(agent, old, records).map(|record| record.id);
        let lost: BTreeSet<_> = lost.iter().filter_map(id_of).collect();
        records.retain(|record| !lost.contains(&record.id));
        gone.extend(lost);
        *old = kept;
        if records.is_empty() {
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
        let registered = self.registered();
        let records = registered.records.iter().map(|record| record.id);
        records.chain(registered.gone.iter().copied()).collect()
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
        let Registered { agents, records, .. } = &*self.registered();
        let runtime = |agent: &Agent| {
            let record = record_of(agent, agents, records)?;
            Some(Runtime { id: record.id, agent: agent.clone() })
        };
        agents.iter().filter_map(runtime).collect()
    }
}

/// What the id of an agent's runtime is derived from.
fn key(agent: &Agent) -> (&str, &str) {
    (agent.provider.trim(), &agent.profile_id)
}

/// The record of `agent`; `None` if the server did not register it. Compares provider and profile. Servers may trim a provider, or show
/// no profile; then the order of the response counts, which is that of the request.
fn record_of<'r>(agent: &Agent, agents: &[Agent], records: &'r [RuntimeRecord]) -> Option<&'r RuntimeRecord> {
    let provider = agent.provider.trim();
    let agents: Vec<_> = agents.iter().filter(|other| other.provider.trim() == provider).collect();
    let records: Vec<_> = records.iter().filter(|record| record.provider == provider).collect();
    let has_no_profiles = records.iter().all(|record| record.profile_id.is_none());
    if agents.len() == 1 || (agents.len() == records.len() && has_no_profiles) {
        let position = agents.iter().position(|other| other.profile_id == agent.profile_id)?;
        return records.get(position).copied();
    }
    let is_of = |record: &RuntimeRecord| record.profile_id.as_deref().unwrap_or_default() == agent.profile_id;
    records.into_iter().find(|record| is_of(record))
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

    fn session() -> Session {
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let api = Api::new(http_client().unwrap(), "http://localhost".parse().unwrap(), "token");
        Session::new(api, Settings::of_this_machine(workspace))
    }

    fn id(letter: &str) -> RuntimeId {
        format!("00000000-0000-4000-8000-00000000000{letter}").parse().unwrap()
    }

    fn record(id: RuntimeId, agent: &Agent) -> RuntimeRecord {
        let time = Timestamp::from_millis(0).unwrap();
        RuntimeRecord {
            id,
            workspace_id: "00000000-0000-4000-8000-00000000000a".parse().unwrap(),
            daemon_id: "laptop".to_owned(),
            name: agent.name.clone(),
            provider: agent.provider.trim().to_owned(),
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

    /// Records of the agents with the ids a, b, c and d.
    fn records(agents: &[Agent]) -> Vec<RuntimeRecord> {
        agents.iter().zip(["a", "b", "c", "d"]).map(|(agent, letter)| record(id(letter), agent)).collect()
    }

    fn ids(session: &Session) -> Vec<RuntimeId> {
        session.runtimes().iter().map(|runtime| runtime.id).collect()
    }

    #[test]
    fn pairs_runtimes_with_agents_in_any_order() {
        let session = session();
        let agents = [agent("codex", ""), agent("codex", "work"), agent("openai", "")];
        let mut records = records(&agents);
        records.reverse();
        session.keep(agents.to_vec(), records);
        assert_eq!(ids(&session), ["a", "b", "c"].map(id));
    }

    #[test]
    fn agent_without_record_has_no_runtime() {
        let session = session();
        let agents = [agent("codex", ""), agent("openai", "")];
        session.keep(agents.to_vec(), vec![record(id("b"), &agents[1])]);
        let runtimes = session.runtimes();
        assert_eq!((runtimes.len(), runtimes[0].agent.provider.as_str()), (1, "openai"));
    }

    /// As the reference server answers: without profiles, in the order of the request.
    #[test]
    fn pairs_runtimes_without_profile_by_position() {
        let agents = [agent("codex", "work"), agent("openai", ""), agent("codex", ""), agent(" codex ", "b")];
        let session = session();
        let records = records(&agents).into_iter().map(|record| RuntimeRecord { profile_id: None, ..record });
        session.keep(agents.to_vec(), records.collect());
        assert_eq!(ids(&session), ["a", "b", "c", "d"].map(id));
    }

    #[test]
    fn single_profile_may_be_missing_in_record() {
        let session = session();
        let agent = agent("codex", "work");
        session
            .keep(vec![agent.clone()], vec![RuntimeRecord { profile_id: None, ..record(id("a"), &agent) }]);
        assert_eq!(ids(&session), [id("a")]);
    }

    #[test]
    fn runtime_of_lost_agent_has_to_be_deregistered() {
        let session = session();
        let agents = [agent("codex", ""), agent("codex", "work"), agent("openai", "")];
        session.keep(agents.to_vec(), records(&agents));
        session.retain(&[agents[0].clone(), agents[2].clone()]);
        assert_eq!(ids(&session), ["a", "c"].map(id));
        assert_eq!(session.registered().gone, BTreeSet::from([id("b")]));
        assert!(!session.has_runtime(id("b")) && session.has_runtime(id("a")));
    }

    #[test]
    fn agent_that_comes_back_is_not_deregistered() {
        let session = session();
        let agents = [agent("codex", ""), agent("openai", "")];
        session.keep(agents.to_vec(), records(&agents));
        session.retain(&agents[..1]);
        session.keep(agents.to_vec(), records(&agents));
        assert_eq!(session.registered().gone, BTreeSet::new());
    }

    /// A shutdown may come before the server has answered.
    #[test]
    fn shutdown_deregisters_what_is_gone_as_well() {
        let session = session();
        let agents = [agent("codex", ""), agent("openai", "")];
        session.keep(agents.to_vec(), records(&agents));
        session.retain(&agents[1..]);
        assert_eq!(session.known_ids(), ["b", "a"].map(id));
    }
}
