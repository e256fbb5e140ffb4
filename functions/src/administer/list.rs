//! List: an administrator lists the tokens of a workspace, in pages. `GET /api/tokens?workspace_id=`.
//!
//! Pages follow each other in the order of hashes, so none is listed twice or left out. A page is sorted by time of creation.

use doorbell_protocol::limits::TOKENS_PER_PAGE;
use doorbell_protocol::{Scope, TokenInfo, WorkspaceId};
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::{Operation, json, link_to_next};
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond_with};
use doorbell_shared::store::TokenStore;
use doorbell_shared::token::TokenHash;
use lambda_http::http::header;

use super::{FUNCTION, check_member, info, required_workspace};

pub(super) async fn handle<S: TokenStore>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond_with(FUNCTION, |_| Operation::ListTokens, request, list(state, request), response).await
}

/// A page of tokens, and where the next one begins.
struct Listed {
    tokens: Vec<TokenInfo>,
    workspace: WorkspaceId,
    limit: usize,
    next: Option<TokenHash>,
}

async fn list<S: TokenStore>(state: &AppState<S>, request: &HttpRequest) -> Result<Listed, ApiError> {
    let caller = caller(request, Scope::Admin)?;
    input::limit_body(request)?;
    let workspace = required_workspace(input::query(request, "workspace_id").map(str::to_owned))?;
    let limit = input::page_limit(request, TOKENS_PER_PAGE)?;
    let cursor = input::query(request, "cursor");
    let after = cursor.map(|cursor| cursor.parse().map_err(|_| ApiError::InvalidCursor)).transpose()?;
    check_member(&caller, workspace)?;

    let page = state.store.list_token_page(workspace, after, limit, state.clock.now()).await;
    let mut page = page.map_err(Operation::ListTokens.failed())?;
    page.tokens.sort_by_key(|record| (record.created_at, record.hash));
    let tokens = page.tokens.iter().map(|record| info(record, &caller)).collect();
    Ok(Listed { tokens, workspace, limit, next: page.next })
}

fn response(listed: &Listed) -> Response {
    let mut response = json(200, &listed.tokens);
    if let Some(next) = listed.next {
        let Listed { workspace, limit, .. } = listed;
        let link = link_to_next(&format!("workspace_id={workspace}&limit={limit}&cursor={next}"));
        response.headers_mut().insert(header::LINK, link);
    }
    response
}
