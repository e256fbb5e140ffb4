//! `doorbell runtimes` and `doorbell models`: what a person asks.

use clap::Args;
use doorbell_protocol::WorkspaceId;
use reqwest::Url;

use super::values::{DEV_URL, server, token, workspace};
use doorbell_gateway::USER_A;

/// `doorbell runtimes`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  doorbell runtimes
  doorbell runtimes --json")]
pub struct Runtimes {
    /// Where Doorbell is, and who asks.
    #[command(flatten)]
    pub person: Person,

    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}

/// `doorbell models`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  doorbell models Codex
  doorbell models 7b1d4e0c-9a39-5e4e-8a0e-2f1d3c5b7a90 --json")]
pub struct Models {
    /// An id, or a name if only one runtime is so named
    pub runtime: String,

    /// Where Doorbell is, and who asks.
    #[command(flatten)]
    pub person: Person,

    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}

/// Where Doorbell is, and who asks.
#[derive(Debug, Args)]
pub struct Person {
    /// Where Doorbell is
    #[arg(long, env = "DOORBELL_URL", default_value = DEV_URL, value_parser = server)]
    pub url: Url,

    /// A token with scope `user`
    #[arg(long, env = "DOORBELL_TOKEN", hide_env_values = true, default_value = USER_A.token, value_parser = token())]
    pub token: String,

    /// Only this workspace [default: all that the token is in]
    #[arg(long, env = "DOORBELL_WORKSPACE", value_name = "ID", value_parser = workspace)]
    pub workspace: Option<WorkspaceId>,
}
