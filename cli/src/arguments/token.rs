//! `doorbell token`.

use std::time::Duration;

use clap::{Args, Subcommand};
use doorbell_gateway::WORKSPACE_A;
use doorbell_protocol::{Scope, UnknownScope, WorkspaceId};
use doorbell_shared::runtime::ShortText;
use reqwest::Url;

use super::parsers::lifetime;
use super::table::TableArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  doorbell token create --store dynamodb --scope daemon --subject \"build machine\" --workspace $WORKSPACE --expires 90d
  doorbell token list --workspace $WORKSPACE
  doorbell token revoke 1f0c9a2b7d3e --workspace $WORKSPACE
  doorbell token create --store embedded --data doorbell.db --scope user --subject me")]
pub struct Token {
    #[command(subcommand)]
    pub action: TokenAction,

    #[command(flatten)]
    pub table: TableArgs,
}

#[derive(Debug, Subcommand)]
pub enum TokenAction {
    /// Create a token and print it once
    Create(TokenCreate),
    /// List the tokens of a workspace
    List(TokenList),
    /// Revoke a token
    Revoke(TokenRevoke),
}

#[derive(Debug, Args)]
pub struct TokenCreate {
    /// Workspace that the token gives access to (repeatable, at most 250)
    #[arg(long = "workspace", env = "DOORBELL_WORKSPACE", default_value = WORKSPACE_A)]
    pub workspaces: Vec<WorkspaceId>,

    /// API that the token gives access to
    #[arg(long, value_parser = scope)]
    pub scope: Scope,

    /// Owner of the token, for lists and logs
    #[arg(long, value_parser = subject)]
    pub subject: ShortText,

    /// Lifetime of the token, such as 90d or 12h [default: until it is revoked]
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub expires: Option<Duration>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TokenList {
    /// Workspace of the tokens
    #[arg(long, env = "DOORBELL_WORKSPACE", default_value = WORKSPACE_A)]
    pub workspace: WorkspaceId,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TokenRevoke {
    /// The token, or the beginning of its id
    pub token: String,

    /// A workspace of the token
    #[arg(long, env = "DOORBELL_WORKSPACE", default_value = WORKSPACE_A)]
    pub workspace: WorkspaceId,

    /// HTTP endpoint of the push channel, to close the connections of the token: https:// and the parameter PushEndpoint of the stack
    #[arg(long, env = "DOORBELL_PUSH_ENDPOINT", value_name = "URL")]
    pub push_endpoint: Option<Url>,
}

fn scope(text: &str) -> Result<Scope, String> {
    text.parse().map_err(|error: UnknownScope| error.to_string())
}

/// Trimmed: a blank subject would identify no owner in the logs.
fn subject(text: &str) -> Result<ShortText, String> {
    match text.trim() {
        "" => Err("it is blank".to_owned()),
        subject => ShortText::try_from(subject.to_owned()).map_err(|error| error.to_string()),
    }
}
