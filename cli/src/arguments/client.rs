//! `doorbell runtimes` and `doorbell models`.

use clap::Args;
use doorbell_gateway::USER_A;
use doorbell_protocol::WorkspaceId;

use super::parsers::{token, workspace};
use super::server::Server;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  doorbell runtimes
  doorbell runtimes --json")]
pub struct Runtimes {
    #[command(flatten)]
    pub client: ClientArgs,

    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  doorbell models Codex
  doorbell models opencode
  doorbell models 7b1d4e0c-9a39-5e4e-8a0e-2f1d3c5b7a90 --json")]
pub struct Models {
    /// An id, or a unique name or type, in any case
    pub runtime: String,

    #[command(flatten)]
    pub client: ClientArgs,

    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}

/// The connection of a user's client.
#[derive(Debug, Args)]
pub struct ClientArgs {
    #[command(flatten)]
    pub server: Server,

    /// A token with scope `user`
    #[arg(long, env = "DOORBELL_TOKEN", hide_env_values = true, default_value = USER_A.token, value_parser = token())]
    pub token: String,

    /// Only this workspace [default: all workspaces of the token]
    #[arg(long, env = "DOORBELL_WORKSPACE", value_name = "ID", value_parser = workspace)]
    pub workspace: Option<WorkspaceId>,
}
