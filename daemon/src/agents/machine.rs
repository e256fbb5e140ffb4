//! The machine itself as an agent: it answers the questions that no agent program answers.
//!
//! Without it a runner or an edge box, which has questions but no agent program, would have no runtime and could not be asked.

use super::builder::Agent;
use super::config::{AgentConfig, AgentKind};
use crate::questions::QuestionHandlers;

/// The machine, if it may answer a question that none of `agents` answers. It has no profile, so it is one runtime.
///
/// A question without `agents` is answered by every agent. One that names `machine` is answered by the machine, unless another of
/// its agents is there.
pub(super) fn for_unanswered(agents: &[AgentConfig], questions: &QuestionHandlers) -> Option<AgentConfig> {
    let present: Vec<_> = agents.iter().map(AgentConfig::provider).collect();
    let unanswered = questions.unanswered_by(&present).of(Agent::MACHINE);
    unanswered.declarations().next().map(|_| AgentConfig::new(AgentKind::Machine))
}

/// The name for display: the host name.
pub(super) fn name() -> String {
    let host = gethostname::gethostname().to_string_lossy().trim().to_owned();
    if host.is_empty() { Agent::MACHINE.to_owned() } else { host }
}
