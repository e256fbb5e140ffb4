//! `doorbell token` with the API, which logs created and revoked tokens and closes their push connections.

use doorbell_client::{self as client, Api};
use doorbell_protocol::{IssuedToken, TokenBody, TokenInfo, WorkspaceId};
use doorbell_shared::token::Token;
use doorbell_shared::token_id::TokenId;

use super::print_revoked;
use crate::arguments::{AdminArgs, TokenCreate, TokenList, TokenRevoke};
use crate::commands::{CommandError, connect};

fn connect(admin: &AdminArgs) -> Result<Api, CommandError> {
    connect::to_server(&admin.server, &admin.token)
}

pub(super) async fn create(arguments: TokenCreate) -> Result<IssuedToken, CommandError> {
    let &[workspace] = arguments.workspaces.as_slice() else {
        return Err(CommandError::SeveralWorkspaces);
    };
    let body = TokenBody {
        workspace_id: Some(workspace.to_string()),
        scope: Some(arguments.scope.to_string()),
        subject: Some(arguments.subject.as_str().to_owned()),
        expires_in_s: arguments.expires.and_then(|lifetime| lifetime.as_secs().try_into().ok()),
        daemon_id: arguments.daemon_id.map(|id| id.as_str().to_owned()),
    };
    Ok(client::issue_token(&connect(&arguments.admin)?, &body).await?)
}

pub(super) async fn list(arguments: &TokenList) -> Result<Vec<TokenInfo>, CommandError> {
    Ok(client::tokens(&connect(&arguments.admin)?, arguments.workspace).await?)
}

pub(super) async fn revoke(arguments: &TokenRevoke) -> Result<(), CommandError> {
    let api = connect(&arguments.admin)?;
    let id = resolve(&api, arguments.workspace, &arguments.revoked).await?;
    client::revoke_token(&api, arguments.workspace, &id.to_string()).await?;
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
