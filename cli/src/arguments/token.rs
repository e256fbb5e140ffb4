//! `doorbell token`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use doorbell_protocol::Scope;
use doorbell_protocol::WorkspaceId;
use doorbell_shared::runtime::ShortText;

use crate::commands::expiry;
use doorbell_gateway::WORKSPACE_A;

/// `doorbell token`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  doorbell token create --store dynamodb --scope daemon --subject \"build machine\" --workspace $WORKSPACE --expires 90d
  doorbell token list --workspace $WORKSPACE
  doorbell token revoke 1f0c9a2b7d3e --workspace $WORKSPACE
  doorbell token create --store embedded --data doorbell.db --scope user --subject me")]
pub struct Token {
    /// What to do.
    #[command(subcommand)]
    pub action: TokenAction,

    /// Where the tokens are.
    #[command(flatten)]
    pub table: TokenTable,
}

/// Where the tokens are.
#[derive(Debug, Args)]
pub struct TokenTable {
    /// DynamoDB as the AWS environment variables say, or the file of a `doorbell dev`
    #[arg(long, value_enum, global = true, default_value_t = TokenStoreKind::Dynamodb)]
    pub store: TokenStoreKind,

    /// The table, with `--store dynamodb`
    #[arg(long, global = true, env = "DOORBELL_TABLE", default_value = "doorbell")]
    pub table: String,

    /// The file, with `--store embedded`
    #[arg(long, global = true, value_name = "FILE")]
    pub data: Option<PathBuf>,
}

/// Which kind of store holds the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TokenStoreKind {
    /// A file that `doorbell dev --data` serves
    Embedded,
    /// DynamoDB
    Dynamodb,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenAction {
    /// Make a token, and show it once
    Create(TokenCreate),
    /// List the tokens of a workspace
    List(TokenList),
    /// Revoke a token
    Revoke(TokenRevoke),
}

/// `doorbell token create`.
#[derive(Debug, Args)]
pub struct TokenCreate {
    /// A workspace that the token is for (may be given several times)
    #[arg(long = "workspace", env = "DOORBELL_WORKSPACE", default_value = WORKSPACE_A)]
    pub workspaces: Vec<WorkspaceId>,

    /// What it may be used for
    #[arg(long, value_parser = scope)]
    pub scope: Scope,

    /// Whose it is, for lists and logs
    #[arg(long, value_parser = text)]
    pub subject: ShortText,

    /// How long it lasts, such as 90d or 12h [default: until it is revoked]
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    pub expires: Option<Duration>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `doorbell token list`.
#[derive(Debug, Args)]
pub struct TokenList {
    /// The workspace
    #[arg(long, env = "DOORBELL_WORKSPACE", default_value = WORKSPACE_A)]
    pub workspace: WorkspaceId,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `doorbell token revoke`.
#[derive(Debug, Args)]
pub struct TokenRevoke {
    /// The beginning of its id, as the list shows it, or the token itself
    pub token: String,

    /// A workspace that it is for
    #[arg(long, env = "DOORBELL_WORKSPACE", default_value = WORKSPACE_A)]
    pub workspace: WorkspaceId,
}

fn scope(text: &str) -> Result<Scope, String> {
    text.parse().map_err(|error: doorbell_protocol::UnknownScope| error.to_string())
}

fn text(text: &str) -> Result<ShortText, String> {
    ShortText::try_from(text.to_owned()).map_err(|error| error.to_string())
}
