//! Administration of tokens, with a token of the scope `admin`.

use doorbell_protocol::{Ack, IssuedToken, TokenBody, TokenInfo, WorkspaceId};

use crate::api::Api;
use crate::error::ClientError;

const PATH: &str = "/api/tokens";

/// The pages of a list that are read. A longer list is an error, because a faulty server may link pages without end.
const PAGES: usize = 100;

/// Creates a token. Not repeated after a lost response, which would leave a second valid token.
///
/// # Errors
/// [`ClientError`] of the call.
pub async fn issue_token(api: &Api, body: &TokenBody) -> Result<IssuedToken, ClientError> {
    api.post(PATH, body).await
}

/// The tokens of `workspace`, oldest first.
///
/// # Errors
/// [`ClientError`] of a call, or [`ClientError::UnusableList`] if there are more than 100 pages or one is on another host.
pub async fn tokens(api: &Api, workspace: WorkspaceId) -> Result<Vec<TokenInfo>, ClientError> {
    let mut query = format!("workspace_id={workspace}");
    let mut tokens = Vec::new();
    for _ in 0..PAGES {
        let (page, next): (Vec<TokenInfo>, _) = api.get_page(&format!("{PATH}?{query}")).await?;
        tokens.extend(page);
        let Some(next) = next else {
            tokens.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
            return Ok(tokens);
        };
        query = next;
    }
    Err(api.unusable_list("it has more than 100 pages"))
}

/// Revokes the token with the short id `id`, 12 hex digits.
///
/// # Errors
/// [`ClientError`] of the call; 404 `token not found` if the workspace has no such token.
pub async fn revoke_token(api: &Api, workspace: WorkspaceId, id: &str) -> Result<(), ClientError> {
    api.delete::<Ack>(&format!("{PATH}/{id}?workspace_id={workspace}")).await.map(|_| ())
}
