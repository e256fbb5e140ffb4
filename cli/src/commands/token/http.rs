//! `doorbell token` with the API, which logs created and revoked tokens and closes their push connections.

use doorbell_client::{self as client, Api};
use doorbell_protocol::{IssuedToken, TokenBody, TokenInfo, WorkspaceId};
use doorbell_shared::token::Token;
use doorbell_shared::token_id::TokenId;

use super::print_revoked;
use crate::arguments::{AdminArgs, TokenCreate, TokenList, TokenRevoke};
use crate::commands::{CommandError, credentials};

fn connect(admin: &AdminArgs, workspace: Option<WorkspaceId>) -> Result<(Api, WorkspaceId), CommandError> {
    let connection = credentials::administrator(&admin.server, &admin.token, workspace)?;
    let workspace = connection.workspace.ok_or(CommandError::NoWorkspace)?;
    Ok((connection.api, workspace))
}

pub(super) async fn create(arguments: TokenCreate) -> Result<IssuedToken, CommandError> {
    let workspace = match arguments.workspaces.as_slice() {
        [] => None,
        &[workspace] => Some(workspace),
        _ => return Err(CommandError::SeveralWorkspaces),
    };
    let (api, workspace) = connect(&arguments.admin, workspace)?;
    let body = TokenBody {
        workspace_id: Some(workspace.to_string()),
        scope: Some(arguments.scope.to_string()),
        subject: Some(arguments.subject.as_str().to_owned()),
        expires_in_s: arguments.expires.and_then(|lifetime| lifetime.as_secs().try_into().ok()),
        daemon_id: arguments.daemon_id.map(|id| id.as_str().to_owned()),
    };
    Ok(client::issue_token(&api, &body).await?)
}

pub(super) async fn list(arguments: &TokenList) -> Result<Vec<TokenInfo>, CommandError> {
    let (api, workspace) = connect(&arguments.admin, arguments.workspace)?;
    Ok(client::tokens(&api, workspace).await?)
}

pub(super) async fn revoke(arguments: &TokenRevoke) -> Result<(), CommandError> {
    let (api, workspace) = connect(&arguments.admin, arguments.workspace)?;
    let id = resolve(&api, workspace, &arguments.revoked).await?;
    client::revoke_token(&api, workspace, &id.to_string()).await?;
    print_revoked(id);
    Ok(())
}

/// The token itself, its hash or its short id, which need no call, or the beginning of an id that is unique in the workspace.
/// The token is not sent.
async fn resolve(api: &Api, workspace: WorkspaceId, name: &str) -> Result<TokenId, CommandError> {
    let token = Token::parse(name).map(|token| token.hash());
    if let Some(hash) = token.or_else(|| name.parse().ok()) {
        return Ok(hash.id());
    }
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let tokens = client::tokens(api, workspace).await?;
    let mut matches = tokens.iter().filter(|token| token.id.starts_with(name));
    match (matches.next(), matches.next()) {
        // The id becomes a part of the path, so it must be one.
        (Some(token), None) if !name.is_empty() => token.id.parse().map_err(|_| CommandError::NoSuchToken),
        (Some(_), Some(_)) => Err(CommandError::AmbiguousToken),
        _ => Err(CommandError::NoSuchToken),
    }
}
