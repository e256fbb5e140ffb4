//! OIDC: verifies the JSON Web Tokens of one issuer.
//!
//! A token is [`Verification::Valid`] only if a key of the issuer signed it with RS256 or ES256, for our audience, within its
//! validity period. An unavailable issuer is an [`OidcFault`]. No error, log or `Debug` output contains a token.
//!
//! | module | content |
//! |---|---|
//! | `config` | the issuer, from the environment |
//! | `verify` | header, signature and claims of a token |
//! | `jwks` | which published keys are used |
//! | `cache` | when keys are fetched, and the fallback |
//! | `fetch` | discovery and HTTP |
//! | `crypto` | signatures with ring |
//! | `verification` | outcomes and errors |
//! | [`limits`] | sizes and times |

mod cache;
mod config;
mod crypto;
mod fetch;
mod jwks;
pub mod limits;
mod verification;
mod verify;

use doorbell_protocol::Timestamp;

use cache::Cache;
pub use config::{ConfigError, OidcConfig};
pub(crate) use config::{ISSUER, discovery_url, safe_url};
use fetch::KeySource;
pub(crate) use fetch::discover;
pub use fetch::{FetchJson, HttpFetch, http_client};
pub use verification::{DeniedReason, Identity, OidcFault, Verification};
use verify::Header;

/// Why OIDC cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum OidcSetupError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Usually because the machine has no root certificates.
    #[error("there is no HTTP client to fetch the issuer's keys with")]
    Http(#[from] reqwest::Error),
}

/// Verifies the tokens of one issuer. Created once for a process, because it caches the issuer's keys.
pub struct Oidc<F = HttpFetch> {
    config: OidcConfig,
    cache: Cache<F>,
}

impl Oidc {
    /// The issuer of the environment; `None` if OIDC is off. Makes no call.
    ///
    /// # Errors
    /// When the variables contradict each other, or TLS cannot be set up.
    pub fn from_environment() -> Result<Option<Self>, OidcSetupError> {
        let Some(config) = OidcConfig::from_lookup(|name| std::env::var(name).ok())? else { return Ok(None) };
        Ok(Some(Self::new(config, HttpFetch::new(http_client()?))))
    }
}

impl<F: FetchJson> Oidc<F> {
    /// Makes no call.
    pub fn new(config: OidcConfig, fetch: F) -> Self {
        crypto::install();
        Self { cache: Cache::new(KeySource::new(config.clone(), fetch)), config }
    }

    /// Verifies `token` at `now`.
    ///
    /// # Errors
    /// When the issuer's keys are needed and unavailable.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Verification, OidcFault> {
        let header = match Header::parse(token) {
            Ok(header) => header,
            Err(reason) => return Ok(Verification::Denied(reason)),
        };
        let keys = self.cache.keys_for(&header.key_id, now).await?;
        let key = keys.find(&header.key_id, header.algorithm);
        let identity = key.and_then(|key| verify::identity(token, key, &self.config, now));
        Ok(identity.map_or_else(Verification::Denied, Verification::Valid))
    }
}
