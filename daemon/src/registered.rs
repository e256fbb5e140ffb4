//! The outcome of the last registration: which runtime each agent has become, and which runtimes are of agents that are gone.

use std::collections::BTreeSet;

use doorbell_protocol::{RuntimeId, RuntimeRecord};

use crate::agents::Agent;

/// A registered agent.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    pub(crate) id: RuntimeId,
    pub(crate) agent: Agent,
}

/// The agents of the last registration and their records.
#[derive(Debug, Default)]
pub(crate) struct Registered {
    agents: Vec<Agent>,
    /// The server's records. Ids may differ from those of an earlier registration: a server that has lost its table derives them from
    /// another secret.
    pub(crate) records: Vec<RuntimeRecord>,
    /// Runtimes of agents that are gone, which the server may show as online.
    pub(crate) gone: BTreeSet<RuntimeId>,
}

impl Registered {
    /// Replaces the agents and their records.
    pub(crate) fn keep(&mut self, agents: Vec<Agent>, records: Vec<RuntimeRecord>) {
        for agent in agents.iter().filter(|agent| record_of(agent, &agents, &records).is_none()) {
            tracing::warn!(agent = agent.name, "the server did not register the agent");
        }
        // An agent that has come back.
        self.gone.retain(|gone| records.iter().all(|record| record.id != *gone));
        self.agents = agents;
        self.records = records;
    }

    /// Moves the runtimes of agents that are not among `agents` to those that are gone.
    pub(crate) fn retain(&mut self, agents: &[Agent]) {
        let is_kept = |agent: &Agent| agents.iter().any(|other| key(other) == key(agent));
        let (kept, lost): (Vec<_>, Vec<_>) = self.agents.iter().cloned().partition(is_kept);
        let id_of = |agent| record_of(agent, &self.agents, &self.records).map(|record| record.id);
        let lost: BTreeSet<_> = lost.iter().filter_map(id_of).collect();
        self.records.retain(|record| !lost.contains(&record.id));
        self.gone.extend(lost);
        self.agents = kept;
    }

    /// In the order of the agents.
    pub(crate) fn runtimes(&self) -> Vec<Runtime> {
        let runtime = |agent: &Agent| {
            let record = record_of(agent, &self.agents, &self.records)?;
            Some(Runtime { id: record.id, agent: agent.clone() })
        };
        self.agents.iter().filter_map(runtime).collect()
    }

    /// Of all runtimes that the server may show as online.
    pub(crate) fn known_ids(&self) -> Vec<RuntimeId> {
        let records = self.records.iter().map(|record| record.id);
        records.chain(self.gone.iter().copied()).collect()
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

    use doorbell_protocol::{RuntimeStatus, Timestamp};

    use super::*;
    use crate::sources::sample::Sample;

    fn agent(provider: &str, profile: &str) -> Agent {
        let profile_id = profile.to_owned();
        Agent { profile_id, ..Agent::new(format!("{provider} {profile}"), provider, Arc::new(Sample)) }
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

    fn ids(registered: &Registered) -> Vec<RuntimeId> {
        registered.runtimes().iter().map(|runtime| runtime.id).collect()
    }

    #[test]
    fn pairs_runtimes_with_agents_in_any_order() {
        let mut registered = Registered::default();
        let agents = [agent("codex", ""), agent("codex", "work"), agent("openai", "")];
        let mut records = records(&agents);
        records.reverse();
        registered.keep(agents.to_vec(), records);
        assert_eq!(ids(&registered), ["a", "b", "c"].map(id));
    }

    #[test]
    fn agent_without_record_has_no_runtime() {
        let mut registered = Registered::default();
        let agents = [agent("codex", ""), agent("openai", "")];
        registered.keep(agents.to_vec(), vec![record(id("b"), &agents[1])]);
        let runtimes = registered.runtimes();
        assert_eq!((runtimes.len(), runtimes[0].agent.provider.as_str()), (1, "openai"));
    }

    /// As the reference server answers: without profiles, in the order of the request.
    #[test]
    fn pairs_runtimes_without_profile_by_position() {
        let agents = [agent("codex", "work"), agent("openai", ""), agent("codex", ""), agent(" codex ", "b")];
        let mut registered = Registered::default();
        let records = records(&agents).into_iter().map(|record| RuntimeRecord { profile_id: None, ..record });
        registered.keep(agents.to_vec(), records.collect());
        assert_eq!(ids(&registered), ["a", "b", "c", "d"].map(id));
    }

    #[test]
    fn single_profile_may_be_missing_in_record() {
        let mut registered = Registered::default();
        let agent = agent("codex", "work");
        registered
            .keep(vec![agent.clone()], vec![RuntimeRecord { profile_id: None, ..record(id("a"), &agent) }]);
        assert_eq!(ids(&registered), [id("a")]);
    }

    #[test]
    fn runtime_of_lost_agent_has_to_be_deregistered() {
        let mut registered = Registered::default();
        let agents = [agent("codex", ""), agent("codex", "work"), agent("openai", "")];
        registered.keep(agents.to_vec(), records(&agents));
        registered.retain(&[agents[0].clone(), agents[2].clone()]);
        assert_eq!(ids(&registered), ["a", "c"].map(id));
        assert_eq!(registered.gone, BTreeSet::from([id("b")]));
    }

    #[test]
    fn agent_that_comes_back_is_not_deregistered() {
        let mut registered = Registered::default();
        let agents = [agent("codex", ""), agent("openai", "")];
        registered.keep(agents.to_vec(), records(&agents));
        registered.retain(&agents[..1]);
        registered.keep(agents.to_vec(), records(&agents));
        assert_eq!(registered.gone, BTreeSet::new());
    }

    /// A shutdown may come before the server has answered.
    #[test]
    fn shutdown_deregisters_what_is_gone_as_well() {
        let mut registered = Registered::default();
        let agents = [agent("codex", ""), agent("openai", "")];
        registered.keep(agents.to_vec(), records(&agents));
        registered.retain(&agents[1..]);
        assert_eq!(registered.known_ids(), ["b", "a"].map(id));
    }
}
