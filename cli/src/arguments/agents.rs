//! `doorbell agents`.

use clap::Args;

use super::daemon::Agents as AgentOptions;

#[derive(Debug, Args)]
#[command(after_help = "\
Asks each agent as a ring does, within 15 seconds, as many at a time as the machine has cores. Makes
no call to a server of Doorbell. Lists the known agent programs that are not on PATH as well.

Examples:
  doorbell agents
  doorbell agents --config agents.toml --json")]
pub struct ListAgents {
    #[command(flatten)]
    pub agents: AgentOptions,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
