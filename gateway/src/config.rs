//! What a gateway serves: the state of the functions, the authorizer, the allowed origins, and the page's sign-in.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use doorbell_functions::auth::AuthorizerEvent;
use doorbell_functions::auth::oidc::Oidc;
use doorbell_functions::page::SignIn;
use doorbell_shared::http::input::Caller;
use doorbell_shared::http::routes::{CORS_EXPOSED_HEADERS, CORS_HEADERS, CORS_MAX_AGE_SECONDS, CORS_METHODS};
use doorbell_shared::http::{ApiError, AppState};
use doorbell_shared::store::TokenStore;
use tower_http::cors::{AllowCredentials, Any, CorsLayer};

/// A local API Gateway with the functions in this process.
pub struct Gateway<S, T> {
    /// The state of the functions.
    pub state: AppState<S>,
    pub authenticator: Authenticator<T>,
    pub origins: Origins,
    /// How the page signs users in with OIDC, if it does.
    pub sign_in: Option<SignIn>,
}

/// Calls the authorizer in process. Its store may differ from the store of the functions.
pub struct Authenticator<T> {
    /// Where opaque tokens are stored.
    pub state: AppState<T>,
    /// The issuer of JWTs, if one is configured.
    pub oidc: Option<Oidc>,
}

impl<T: TokenStore> Authenticator<T> {
    /// Accepts opaque tokens only.
    pub fn of_tokens(state: AppState<T>) -> Self {
        Self { state, oidc: None }
    }

    pub(super) async fn caller(&self, event: &AuthorizerEvent) -> Result<Caller, ApiError> {
        let response = doorbell_functions::auth::handle(&self.state, self.oidc.as_ref(), event).await;
        response.map(|response| response.context).map_err(|_| ApiError::AuthorizationUnchecked)
    }
}

/// The origins of browser clients.
#[derive(Clone, Debug, Default)]
pub enum Origins {
    /// No origin: the dev tokens are public, so any page that a developer visits could call the API.
    #[default]
    None,
    /// Every origin, without credentials: with credentials, every visited page could act for the user.
    Any,
    /// The listed origins, with credentials.
    Named(Vec<HeaderValue>),
}

impl Origins {
    /// Cross-origin headers as API Gateway sends them.
    pub(super) fn layer(&self) -> CorsLayer {
        let layer = CorsLayer::new()
            .allow_headers(
                CORS_HEADERS.iter().filter_map(|name| name.parse().ok()).collect::<Vec<HeaderName>>(),
            )
            .allow_methods(CORS_METHODS.iter().filter_map(|name| name.parse().ok()).collect::<Vec<Method>>())
            .expose_headers(
                CORS_EXPOSED_HEADERS.iter().filter_map(|name| name.parse().ok()).collect::<Vec<HeaderName>>(),
            )
            .max_age(Duration::from_secs(CORS_MAX_AGE_SECONDS));
        match self {
            Self::None => layer.allow_origin([]),
            Self::Any => layer.allow_origin(Any),
            Self::Named(origins) => {
                let allowed = origins.clone();
                // tower-http would send it to other origins as well, and API Gateway does not.
                let credentials = AllowCredentials::predicate(move |origin, _| allowed.contains(origin));
                layer.allow_origin(origins.clone()).allow_credentials(credentials)
            }
        }
    }
}
