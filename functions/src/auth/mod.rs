//! The authorizer: identifies the caller before API Gateway calls a function.
//!
//! A bearer token is an opaque token (one consistent read) or a JWT of the configured issuer. The functions trust only the
//! resulting subject, scopes and workspaces. API Gateway caches the response for `AuthorizerCacheSeconds`, which is how long
//! a revocation may take.
//!
//! A token with too many workspaces is denied like an unknown one: it can never be used, and a 500 would make daemons retry
//! without end and clients wait. The log has the reason.
//!
//! A failed check is an error and never an anonymous caller: a daemon takes 401 for "log in again".

mod event;
pub mod oidc;

use doorbell_protocol::{Scope, Timestamp};
use doorbell_shared::access::loggable;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::AppState;
use doorbell_shared::http::access_log::call_span;
use doorbell_shared::http::input::{AuthorizerContext, Caller};
use doorbell_shared::limits::{TOKEN_USE_TIMEOUT, WORKSPACES_PER_TOKEN};
use doorbell_shared::store::{FindTokenOutcome, StoreError, TokenStore};
use doorbell_shared::token::{Token, TokenHash, TokenRecord};
use doorbell_shared::token_id::TokenId;
use tracing::Instrument as _;

pub use event::{AuthorizerEvent, AuthorizerResponse};
use oidc::{FetchJson, Oidc, OidcFault, Verification};

/// The caller could not be checked. API Gateway responds with 500.
#[derive(Debug, thiserror::Error)]
#[error("authorization could not be checked")]
pub struct AuthorizerFault(#[source] Cause);

/// For the log only: the response has no details.
#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Issuer(#[from] OidcFault),
}

/// Identifies the caller of one event. Logs one line, with the subject and never with the token.
///
/// # Errors
/// When the store or the issuer fails.
pub async fn handle<S: TokenStore, F: FetchJson>(
    state: &AppState<S>,
    oidc: Option<&Oidc<F>>,
    event: &AuthorizerEvent,
) -> Result<AuthorizerResponse, AuthorizerFault> {
    check(state, oidc, event).instrument(call_span("authorizer", event.gateway_request_id())).await
}

async fn check<S: TokenStore, F: FetchJson>(
    state: &AppState<S>,
    oidc: Option<&Oidc<F>>,
    event: &AuthorizerEvent,
) -> Result<AuthorizerResponse, AuthorizerFault> {
    let started = Stopwatch::start();
    let caller = match event.bearer() {
        Some(token) => identify(state, oidc, token, state.clock.now()).await,
        None => Ok(None),
    };
    let duration_ms = started.elapsed_ms();
    match caller {
        Ok(Some(context)) => {
            let token_id = context.token_id.map(tracing::field::display);
            tracing::info!(subject = context.subject, token_id, duration_ms, "authenticated");
            Ok(Caller::Known(context).into())
        }
        Ok(None) => {
            tracing::info!(duration_ms, "anonymous");
            Ok(Caller::Anonymous.into())
        }
        Err(cause) => {
            tracing::error!(duration_ms, %cause, "failed");
            Err(AuthorizerFault(cause))
        }
    }
}

async fn identify<S: TokenStore, F: FetchJson>(
    state: &AppState<S>,
    oidc: Option<&Oidc<F>>,
    bearer: &str,
    now: Timestamp,
) -> Result<Option<AuthorizerContext>, Cause> {
    if let Some(token) = Token::parse(bearer) {
        return find_token(state, token.hash(), now).await;
    }
    let Some(oidc) = oidc else { return Ok(None) };
    match oidc.verify(bearer, now).await? {
        Verification::Valid(identity) => Ok(Some(AuthorizerContext {
            token_id: Some(TokenId::of_subject(&identity.subject)),
            subject: loggable(&identity.subject),
            // The issuer signs in users. Daemons have opaque tokens.
            scopes: vec![Scope::User],
            workspaces: identity.workspaces.iter().collect(),
            daemon_id: None,
        })),
        Verification::Denied(reason) => {
            tracing::info!(?reason, "JWT denied");
            Ok(None)
        }
    }
}

async fn find_token<S: TokenStore>(
    state: &AppState<S>,
    hash: TokenHash,
    now: Timestamp,
) -> Result<Option<AuthorizerContext>, Cause> {
    match state.store.find_token(hash, now).await? {
        FindTokenOutcome::Found(record) => {
            record_use(state, &record, now).await;
            Ok(Some(AuthorizerContext::from(record)))
        }
        FindTokenOutcome::TooManyWorkspaces => {
            let token_id = hash.id();
            tracing::error!(%token_id, limit = WORKSPACES_PER_TOKEN, "token denied: it has too many workspaces");
            Ok(None)
        }
        FindTokenOutcome::NotFound => Ok(None),
    }
}

/// Writes at most once a day. A failure is only logged, because the next call of the authorizer retries.
async fn record_use<S: TokenStore>(state: &AppState<S>, record: &TokenRecord, now: Timestamp) {
    if !record.is_use_due(now) {
        return;
    }
    let written = state.store.record_token_use(record.hash, now);
    match tokio::time::timeout(TOKEN_USE_TIMEOUT, written).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "token use not recorded"),
        Err(_) => tracing::warn!("token use not recorded in time"),
    }
}
