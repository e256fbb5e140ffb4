//! The server, the token and the workspace of a command: given, or stored by `doorbell join` or `doorbell login`.
//!
//! A stored file counts as a whole: its token is sent to its own server only.

mod administrator;
mod client;
mod daemon;
mod token;

use doorbell_client::Api;
use doorbell_gateway::DevToken;
use doorbell_protocol::WorkspaceId;
use reqwest::Url;

use super::{CommandError, connect};
use crate::arguments::StoredServer;
use crate::secret::Secret;
use crate::state::StateDirectory;

pub(super) use administrator::administrator;
pub(super) use client::client;
pub(super) use daemon::{DaemonConnection, daemon, daemon_id};
pub(super) use token::read_file;

/// The API of a user or an administrator.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) api: Api,
    pub(super) url: Url,
    /// Whether the URL needs `--allow-http`.
    pub(super) allow_http: bool,
    pub(super) workspace: Option<WorkspaceId>,
}

/// The state directory of a command that writes there.
pub(super) fn state_directory() -> Result<StateDirectory, CommandError> {
    StateDirectory::of_process().ok_or(CommandError::NoStateDirectory)
}

/// Whether the stored `url` is the server of the command: the given one, if there is one.
fn is_server(url: &Url, server: &StoredServer) -> bool {
    server.url.as_ref().is_none_or(|given| same_server(given, url))
}

pub(super) fn same_server(a: &Url, b: &Url) -> bool {
    a.as_str().trim_end_matches('/') == b.as_str().trim_end_matches('/')
}

/// The public token of `doorbell dev`, for a server on this machine only.
fn dev_token(token: &DevToken, url: &Url) -> Option<Secret> {
    if connect::is_loopback(url) { Secret::new(token.token) } else { None }
}

/// The workspace of a public token.
fn dev_workspace(token: &DevToken, url: &Url) -> Option<WorkspaceId> {
    if connect::is_loopback(url) { token.workspace.parse().ok() } else { None }
}

fn no_token(url: &Url, remedy: &'static str) -> CommandError {
    CommandError::NoToken { origin: url.origin().ascii_serialization(), remedy }
}

/// The given URL, the stored one, or that of `doorbell dev`.
fn url(server: &StoredServer, stored: Option<&Url>) -> Result<Url, CommandError> {
    let url = server.url.clone().or_else(|| stored.cloned()).or_else(StoredServer::dev);
    url.ok_or(CommandError::NoServer)
}
