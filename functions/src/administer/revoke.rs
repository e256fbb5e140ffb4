//! Revoke: an administrator revokes a token of a workspace. `DELETE /api/tokens/{tokenId}?workspace_id=`.
//!
//! A token with several workspaces, which only `doorbell token create` makes, is revoked in all of them: it would stay usable otherwise.

use doorbell_protocol::{Ack, Scope};
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond};
use doorbell_shared::limits::DISCONNECTS_TIMEOUT;
use doorbell_shared::push::{Closed, PushChannel, close_connections};
use doorbell_shared::store::{FindTokenOutcome, RevokeOutcome, TokenStore};
use doorbell_shared::token::TokenHash;

use super::{FUNCTION, check_member, log_event, required_workspace};

pub(super) async fn handle<S: TokenStore>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond(FUNCTION, |_| Operation::RevokeToken, request, revoke(state, request)).await
}

async fn revoke<S: TokenStore>(state: &AppState<S>, request: &HttpRequest) -> Result<Ack, ApiError> {
    let caller = caller(request, Scope::Admin)?;
    input::limit_body(request)?;
    let workspace = required_workspace(input::query(request, "workspace_id").map(str::to_owned))?;
    check_member(&caller, workspace)?;
    let id = input::token_id(request)?;

    let found = state.store.find_token_hash(workspace, id).await;
    let hash = found.map_err(Operation::RevokeToken.failed())?.ok_or(ApiError::TokenNotFound)?;
    // For the log only, so a failure does not prevent the revocation.
    let record = state.store.find_token(hash, state.clock.now()).await;
    match state.store.revoke_token(workspace, hash).await.map_err(Operation::RevokeToken.failed())? {
        RevokeOutcome::Revoked => {
            match record {
                Ok(FindTokenOutcome::Found(record)) => log_event("token revoked", &record, workspace),
                // The token has expired, has too many workspaces, or could not be read.
                _ => tracing::info!(token_id = %id, workspace = %workspace, "token revoked"),
            }
            if let Some(channel) = &state.push {
                disconnect(state, channel, hash).await;
            }
            Ok(Ack::default())
        }
        RevokeOutcome::NotFound => Err(ApiError::TokenNotFound),
    }
}

/// Closes the connections of a revoked token to the push channel. A failure is only logged: the token is revoked, and a connection without
/// it ends within a day and carries hints only.
async fn disconnect<S: TokenStore>(state: &AppState<S>, channel: &PushChannel, hash: TokenHash) {
    let closing = async {
        match state.store.find_token_connections(hash).await {
            Ok(clients) => log_closed(&close_connections(&*channel.push, clients).await),
            Err(error) => tracing::warn!(%error, "connections of the revoked token not found"),
        }
    };
    if tokio::time::timeout(DISCONNECTS_TIMEOUT, closing).await.is_err() {
        tracing::warn!("connections of the revoked token not closed in time");
    }
}

fn log_closed(Closed { closed, failures }: &Closed) {
    for error in failures {
        tracing::warn!(%error, "connection of the revoked token not closed");
    }
    if *closed > 0 {
        tracing::info!(closed, "connections of the revoked token closed");
    }
}
