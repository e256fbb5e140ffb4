//! `doorbell token`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use doorbell_protocol::{Scope, UnknownScope, WorkspaceId};
use doorbell_shared::runtime::ShortText;
use reqwest::Url;

use super::credentials::TokenArgs;
use super::parsers::{self, lifetime, workspace};
use super::server::StoredServer;
use super::table::{TableArgs, TableStoreKind};

#[derive(Debug, Args)]
#[command(after_help = "\
Calls the API with a token of the scope admin. With --store it reads and writes the table itself, which needs AWS credentials and
no token: this creates the first admin token of a deployment.

Examples:
  doorbell token create --scope user --subject \"web server\" --expires 90d
  doorbell token list --url https://doorbell.example.com --token-file admin-token
  doorbell token revoke 1f0c9a2b7d3e
  doorbell token create --scope admin --subject ops --workspace $WORKSPACE --store dynamodb
  doorbell token create --scope user --subject me --store embedded --data doorbell.db")]
pub struct Token {
    #[command(subcommand)]
    pub action: TokenAction,

    #[command(flatten)]
    pub table: TokenTable,
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

/// The table, if the command uses it directly.
#[derive(Debug, Args)]
#[command(next_help_heading = "Without the API")]
pub struct TokenTable {
    /// Use the table of this store instead of the API
    #[arg(long, value_enum, global = true)]
    pub store: Option<TableStoreKind>,

    /// Table for `--store dynamodb`
    #[arg(long, global = true, env = "DOORBELL_TABLE", default_value = "doorbell")]
    pub table: String,

    /// File for `--store embedded`
    #[arg(long, global = true, value_name = "FILE")]
    pub data: Option<PathBuf>,
}

impl TokenTable {
    /// The arguments of the table. `None`: the command calls the API.
    pub fn used(self) -> Option<TableArgs> {
        let Self { store, table, data } = self;
        store.map(|store| TableArgs { store, table, data })
    }

    /// Whether `--data` was given without a store that has a file.
    pub(super) fn ignores_data(&self) -> bool {
        self.data.is_some() && self.store != Some(TableStoreKind::Embedded)
    }
}

/// The connection of an administrator: a token with scope `admin`.
#[derive(Debug, Args)]
pub struct AdminArgs {
    #[command(flatten)]
    pub server: StoredServer,

    #[command(flatten)]
    pub token: TokenArgs,
}

#[derive(Debug, Args)]
pub struct TokenCreate {
    #[command(flatten)]
    pub admin: AdminArgs,

    /// Workspace that the token gives access to (repeatable with --store, at most 250) [default: that of `doorbell login`, or that of `doorbell dev`]
    #[arg(long = "workspace", env = "DOORBELL_WORKSPACE", value_name = "ID", value_parser = workspace)]
    pub workspaces: Vec<WorkspaceId>,

    /// API that the token gives access to: user, daemon or admin
    #[arg(long, value_parser = scope)]
    pub scope: Scope,

    /// Owner of the token, for lists and logs
    #[arg(long, value_parser = subject)]
    pub subject: ShortText,

    /// Bind a token of the scope daemon to this daemon
    #[arg(long, value_name = "NAME", value_parser = daemon_id)]
    pub daemon_id: Option<ShortText>,

    /// Lifetime of the token, such as 90d or 12h [default: until it is revoked]
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub expires: Option<Duration>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TokenList {
    #[command(flatten)]
    pub admin: AdminArgs,

    /// Workspace of the tokens [default: that of `doorbell login`, or that of `doorbell dev`]
    #[arg(long, env = "DOORBELL_WORKSPACE", value_name = "ID", value_parser = workspace)]
    pub workspace: Option<WorkspaceId>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TokenRevoke {
    /// The beginning of the token's id, or the token
    #[arg(value_name = "ID")]
    pub revoked: String,

    #[command(flatten)]
    pub admin: AdminArgs,

    /// A workspace of the token [default: that of `doorbell login`, or that of `doorbell dev`]
    #[arg(long, env = "DOORBELL_WORKSPACE", value_name = "ID", value_parser = workspace)]
    pub workspace: Option<WorkspaceId>,

    /// HTTP endpoint of the push channel, to close the connections of the token: https:// and the parameter PushEndpoint of the
    /// stack. For --store; the API closes them itself
    #[arg(long, env = "DOORBELL_PUSH_ENDPOINT", value_name = "URL", help_heading = "Without the API")]
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

/// Trimmed, as the server trims the id in a registration: a token that is bound to another spelling would be of no daemon.
fn daemon_id(text: &str) -> Result<ShortText, String> {
    parsers::daemon_id(text).and_then(|id| ShortText::try_from(id).map_err(|error| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_daemon_id_is_trimmed() {
        assert_eq!(daemon_id(" laptop\u{a0}").unwrap().as_str(), "laptop");
        for text in ["", " ", "a\nb", &"a".repeat(201)] {
            assert!(daemon_id(text).is_err(), "{text:?}");
        }
    }
}
