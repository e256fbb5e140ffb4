//! The connection of an administrator.

use doorbell_gateway::ADMIN_A;
use doorbell_protocol::WorkspaceId;

use super::client::stored;
use super::{Connection, dev_token, dev_workspace, is_server, no_token, token, url};
use crate::arguments::{StoredServer, TokenArgs};
use crate::commands::{CommandError, connect};

/// The given token, or the public one of `doorbell dev` on loopback. The server and the workspace may be those of `doorbell login`,
/// whose token has another scope. Makes no call.
pub(in crate::commands) fn administrator(
    server: &StoredServer,
    token: &TokenArgs,
    workspace: Option<WorkspaceId>,
) -> Result<Connection, CommandError> {
    let stored = stored()?.filter(|stored| is_server(&stored.url, server));
    let url = url(server, stored.as_ref().map(|stored| &stored.url))?;
    let allow_http = server.allow_http || stored.as_ref().is_some_and(|stored| stored.allow_http);
    connect::check_encrypted(&url, allow_http)?;
    let token = token::given(token)?.or_else(|| dev_token(&ADMIN_A, &url));
    let token = token.ok_or_else(|| {
        no_token(&url, "give one with the scope admin: --token-file or DOORBELL_TOKEN; `doorbell token create` creates the first one in the table")
    })?;
    let workspace = workspace.or(stored.and_then(|stored| stored.workspace));
    let workspace = workspace.or_else(|| dev_workspace(&ADMIN_A, &url));
    let api = connect::to(&url, token.reveal())?;
    Ok(Connection { api, url, allow_http, workspace })
}
