//! Cross-origin answers, as API Gateway gives them. Credentials go with named origins only: with any origin they would let
//! every page a person visits act for them.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use doorbell_shared::http::cors::{EXPOSED, HEADERS, MAX_AGE_SECONDS, METHODS};
use tower_http::cors::CorsLayer;

/// The origins of browser clients.
#[derive(Clone, Debug, Default)]
pub enum Origins {
    /// None: a page that a developer happens to visit must not call what has public tokens.
    #[default]
    None,
    /// Every origin, without credentials.
    Any,
    /// These, with credentials.
    Named(Vec<HeaderValue>),
}

impl Origins {
    pub(super) fn layer(self) -> CorsLayer {
        let layer = CorsLayer::new()
            .allow_headers(HEADERS.iter().filter_map(|name| name.parse().ok()).collect::<Vec<HeaderName>>())
            .allow_methods(METHODS.iter().filter_map(|name| name.parse().ok()).collect::<Vec<Method>>())
            .expose_headers(EXPOSED.iter().filter_map(|name| name.parse().ok()).collect::<Vec<HeaderName>>())
            .max_age(Duration::from_secs(MAX_AGE_SECONDS));
        match self {
            Self::None => layer.allow_origin([]),
            Self::Any => layer.allow_origin(tower_http::cors::Any),
            Self::Named(origins) => layer.allow_origin(origins).allow_credentials(true),
        }
    }
}
