//! The connection of a user.

use doorbell_gateway::USER_A;

use super::{Connection, dev_token, is_server, no_token, token, url};
use crate::arguments::ClientArgs;
use crate::commands::{CommandError, connect};
use crate::state::{LoginFile, StateDirectory};

/// What is given, else what `doorbell login` stored, else the public token of `doorbell dev` on loopback. Makes no call.
pub(in crate::commands) fn client(arguments: &ClientArgs) -> Result<Connection, CommandError> {
    let ClientArgs { server, token, workspace } = arguments;
    let given = token::given(token)?;
    let is_complete = given.is_some() && server.url.is_some();
    let stored = if is_complete { None } else { stored()? };
    let stored = stored.filter(|stored| is_server(&stored.url, server));
    let url = url(server, stored.as_ref().map(|stored| &stored.url))?;
    let allow_http = server.allow_http || stored.as_ref().is_some_and(|stored| stored.allow_http);
    connect::check_encrypted(&url, allow_http)?;
    // A workspace of another user's token is none of this one.
    let stored = stored.filter(|_| given.is_none());
    let workspace = workspace.or(stored.as_ref().and_then(|stored| stored.workspace));
    let token = given.or(stored.map(|stored| stored.token)).or_else(|| dev_token(&USER_A, &url));
    let token = token.ok_or_else(|| no_token(&url, "log in with `doorbell login`, or use --token-file"))?;
    let api = connect::to(&url, token.reveal())?;
    Ok(Connection { api, url, allow_http, workspace })
}

pub(super) fn stored() -> Result<Option<LoginFile>, CommandError> {
    let Some(directory) = StateDirectory::of_process() else { return Ok(None) };
    Ok(LoginFile::load(&directory)?)
}
