//! `doorbell runtimes` and `doorbell models`.

use clap::Args;
use doorbell_protocol::WorkspaceId;

use super::credentials::TokenArgs;
use super::parsers::workspace;
use super::server::StoredServer;

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
The server keeps the last list of a runtime for 24 hours, and answers with it at once. From a minute on, it also asks the \
runtime, and the next answer is the new list. With --refresh, the command waits for the new list.

Examples:
  doorbell models Codex
  doorbell models opencode --refresh
  doorbell models 7b1d4e0c-9a39-5e4e-8a0e-2f1d3c5b7a90 --json")]
pub struct Models {
    /// An id, or a unique name or type, in any case
    pub runtime: String,

    /// Ask the runtime, although the server may have its list
    #[arg(long)]
    pub refresh: bool,

    #[command(flatten)]
    pub client: ClientArgs,

    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}

/// The connection of a user's client: a token with scope `user`.
#[derive(Debug, Args)]
pub struct ClientArgs {
    #[command(flatten)]
    pub server: StoredServer,

    #[command(flatten)]
    pub token: TokenArgs,

    /// Only this workspace [default: that of `doorbell login`, or all workspaces of the token]
    #[arg(long, env = "DOORBELL_WORKSPACE", value_name = "ID", value_parser = workspace)]
    pub workspace: Option<WorkspaceId>,
}
