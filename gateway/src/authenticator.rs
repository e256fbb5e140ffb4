//! Who is calling: the authorizer's own code, asked with the event that API Gateway would ask it with.

use axum::http::HeaderMap;
use doorbell_functions::auth::AuthorizerEvent;
use doorbell_functions::auth::oidc::Oidc;
use doorbell_shared::http::caller::Caller;
use doorbell_shared::http::{ApiError, AppState};
use doorbell_shared::store::TokenStore;
use serde_json::json;

use super::event::headers;

/// What the authorizer stands on. It need not be the store that the functions stand on.
pub struct Authenticator<T> {
    /// Where opaque tokens are known.
    pub backend: AppState<T>,
    /// The issuer of JWTs, if one is configured.
    pub oidc: Option<Oidc>,
}

impl<T: TokenStore> Authenticator<T> {
    /// Opaque tokens only.
    pub fn of_tokens(backend: AppState<T>) -> Self {
        Self { backend, oidc: None }
    }

    pub(super) async fn caller(&self, sent: &HeaderMap) -> Result<Caller, ApiError> {
        let event = json!({"version": "2.0", "type": "REQUEST", "headers": headers(sent)});
        let event: AuthorizerEvent =
            serde_json::from_value(event).map_err(|_| ApiError::AuthorizationUnchecked)?;
        let answer = doorbell_functions::auth::handle(&self.backend, self.oidc.as_ref(), &event).await;
        answer.map(|answer| answer.context).map_err(|_| ApiError::AuthorizationUnchecked)
    }
}
