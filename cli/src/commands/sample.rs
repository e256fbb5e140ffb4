//! A machine without any agent shows a sample catalog, and says so: it must not be taken for what can be run.

use doorbell_daemon::agents::Agent;

/// Why the sample is shown, and how to change that.
pub(super) const REASON: &str = "\
No agent program was found on PATH and none was named: this is a sample catalog.
Install codex or opencode, or name another: `doorbell daemon --help` tells how.";

/// Whether there is nothing but the sample.
pub(super) fn is_all(agents: &[Agent]) -> bool {
    agents.iter().all(|agent| agent.provider == "sample")
}
