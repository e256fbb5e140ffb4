//! Sign-in with OIDC: the page's client at the issuer, and the issuer's endpoints.
//!
//! The endpoints come from the issuer's discovery document, which an instance keeps for [`ENDPOINTS_FRESH`]. If it cannot be fetched, the
//! endpoints of before stay in use, and the next fetch is after [`RETRY_FLOOR`]. Without any, the page offers the token sign-in only.

use std::time::Duration;

use doorbell_protocol::Timestamp;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::auth::oidc::{
    ConfigError, FetchJson, HttpFetch, ISSUER, OidcFault, OidcSetupError, discover, discovery_url,
    http_client, safe_url,
};

const CLIENT_ID: &str = "DOORBELL_OIDC_CLIENT_ID";
const SCOPE: &str = "DOORBELL_OIDC_SCOPE";

const DEFAULT_SCOPE: &str = "openid";

/// The age at which the endpoints are fetched again.
const ENDPOINTS_FRESH: Duration = Duration::from_secs(3600);

/// The time between a failed fetch and the next. A document waits for the fetch, for `FETCH_TIMEOUT` at most.
const RETRY_FLOOR: Duration = Duration::from_secs(60);

/// How the page signs users in at one issuer. Created once for a process, because it caches the issuer's endpoints.
pub struct SignIn<F = HttpFetch> {
    config: SignInConfig,
    fetch: F,
    /// Locked during a fetch, so that calls at the same time share it.
    cache: Mutex<Cache>,
}

/// The issuer, and the page as its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInConfig {
    issuer: String,
    discovery: Url,
    client: Client,
}

/// The page as a public client, which has no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Client {
    client_id: String,
    scope: String,
}

/// Where the page sends its user, and where it exchanges the code that the user brings back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct SignInEndpoints {
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(skip)]
    token_origin: String,
}

/// The used part of a discovery document.
#[derive(Deserialize)]
struct Endpoints {
    authorization_endpoint: String,
    token_endpoint: String,
}

#[derive(Debug, Default)]
struct Cache {
    endpoints: Option<SignInEndpoints>,
    /// When the next fetch is due. `None`: at once.
    due: Option<Timestamp>,
}

impl SignInConfig {
    /// Reads the variables `DOORBELL_OIDC_ISSUER`, `_CLIENT_ID` and `_SCOPE`; `None` if the page has no sign-in with OIDC. An empty variable
    /// counts as unset, because a deployment template cannot omit one.
    ///
    /// # Errors
    /// When a client has no issuer, or the issuer's URL is not safe.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let set = |name| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let Some(client_id) = set(CLIENT_ID) else { return Ok(None) };
        let issuer = set(ISSUER).ok_or(ConfigError::NoIssuer(CLIENT_ID))?;
        let discovery = discovery_url(&issuer)?;
        let scope = set(SCOPE).unwrap_or_else(|| DEFAULT_SCOPE.to_owned());
        Ok(Some(Self { issuer, discovery, client: Client { client_id, scope } }))
    }
}

impl SignIn {
    /// The client of the environment; `None` if the page has no sign-in with OIDC. Makes no call.
    ///
    /// # Errors
    /// When the variables contradict each other, or TLS cannot be set up.
    pub fn from_environment() -> Result<Option<Self>, OidcSetupError> {
        let Some(config) = SignInConfig::from_lookup(|name| std::env::var(name).ok())? else {
            return Ok(None);
        };
        Ok(Some(Self::new(config, HttpFetch::new(http_client()?))))
    }
}

impl<F: FetchJson> SignIn<F> {
    /// Makes no call.
    pub fn new(config: SignInConfig, fetch: F) -> Self {
        Self { config, fetch, cache: Mutex::default() }
    }

    pub(super) fn client(&self) -> &Client {
        &self.config.client
    }

    /// The issuer's endpoints at `now`; `None` if they are not known.
    pub(super) async fn endpoints(&self, now: Timestamp) -> Option<SignInEndpoints> {
        let mut cache = self.cache.lock().await;
        if cache.due.is_none_or(|due| due <= now) {
            match self.fetch_endpoints().await {
                Ok(endpoints) => {
                    *cache = Cache { endpoints: Some(endpoints), due: Some(now + ENDPOINTS_FRESH) };
                }
                Err(fault) => {
                    tracing::warn!(error = %fault, "the issuer's endpoints for the page cannot be fetched");
                    cache.due = Some(now + RETRY_FLOOR);
                }
            }
        }
        cache.endpoints.clone()
    }

    async fn fetch_endpoints(&self) -> Result<SignInEndpoints, OidcFault> {
        let SignInConfig { issuer, discovery, .. } = &self.config;
        let Endpoints { authorization_endpoint, token_endpoint } =
            discover(&self.fetch, discovery, issuer).await?;
        let unsafe_url = || {
            let wanted = "a discovery document with safe endpoints";
            OidcFault::Unreadable { url: discovery.clone(), wanted }
        };
        safe_url(&authorization_endpoint).ok_or_else(unsafe_url)?;
        let token_origin = safe_url(&token_endpoint).ok_or_else(unsafe_url)?.origin().ascii_serialization();
        Ok(SignInEndpoints { authorization_endpoint, token_endpoint, token_origin })
    }
}

impl SignInEndpoints {
    /// Where the page's script connects to, as in a Content Security Policy.
    pub(super) fn token_origin(&self) -> &str {
        &self.token_origin
    }
}
