//! Who is calling: an opaque token by one consistent read, a JWT by its issuer's keys.
//!
//! What cannot be checked is a fault, and the caller not nobody: a daemon takes 401 for "log in again".

use doorbell_protocol::{Scope, Timestamp};
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::AppState;
use doorbell_shared::http::caller::{AuthorizerContext, Caller};
use doorbell_shared::store::{StoreError, TokenStore};
use doorbell_shared::token::Token;

use super::event::{AuthorizerAnswer, AuthorizerEvent};
use super::oidc::{FetchJson, Oidc, OidcFault, Verdict};

/// The caller could not be checked. API Gateway answers 500.
#[derive(Debug, thiserror::Error)]
#[error("authorization could not be checked")]
pub struct AuthorizerFault(#[source] Cause);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Issuer(#[from] OidcFault),
}

/// Answers one event. Logs who it is, in one line, and never what was presented.
///
/// # Errors
/// When the store or the issuer could not say.
pub async fn handle<S: TokenStore, F: FetchJson>(
    backend: &AppState<S>,
    oidc: Option<&Oidc<F>>,
    event: &AuthorizerEvent,
) -> Result<AuthorizerAnswer, AuthorizerFault> {
    let started = Stopwatch::start();
    let caller = match event.bearer() {
        Some(presented) => identify(backend, oidc, presented, backend.clock.now()).await,
        None => Ok(None),
    };
    let duration_ms = started.elapsed_ms();
    match caller {
        Ok(Some(context)) => {
            tracing::info!(function = "authorizer", subject = context.subject, duration_ms, "known");
            Ok(Caller::Known(context).into())
        }
        Ok(None) => {
            tracing::info!(function = "authorizer", duration_ms, "nobody");
            Ok(Caller::Anonymous.into())
        }
        Err(cause) => {
            tracing::error!(function = "authorizer", duration_ms, %cause, "failed");
            Err(AuthorizerFault(cause))
        }
    }
}

async fn identify<S: TokenStore, F: FetchJson>(
    backend: &AppState<S>,
    oidc: Option<&Oidc<F>>,
    presented: &str,
    now: Timestamp,
) -> Result<Option<AuthorizerContext>, Cause> {
    if let Some(token) = Token::parse(presented) {
        let known = backend.store.find_token(token.hash(), now).await?;
        return Ok(known.map(AuthorizerContext::from));
    }
    let Some(oidc) = oidc else { return Ok(None) };
    match oidc.verify(presented, now).await? {
        Verdict::Valid(identity) => Ok(Some(AuthorizerContext {
            subject: identity.subject,
            // Who signs in is a person; a daemon has a token of its own.
            scopes: vec![Scope::User],
            workspaces: identity.workspaces.iter().collect(),
        })),
        Verdict::Denied(reason) => {
            tracing::info!(?reason, "JWT denied");
            Ok(None)
        }
    }
}
