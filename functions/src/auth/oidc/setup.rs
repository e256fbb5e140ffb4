//! What a process does once at its start.

use super::{ConfigError, HttpFetch, Oidc, OidcConfig, http_client};

/// Why OIDC is neither on nor off.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The environment contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// As a rule, because the machine has no root certificates.
    #[error("there is no HTTP client to fetch the issuer's keys with")]
    Http(#[from] reqwest::Error),
}

impl Oidc {
    /// For the issuer that the environment describes; `None` if it leaves OIDC off. Makes no call.
    pub fn from_environment() -> Result<Option<Self>, SetupError> {
        let Some(config) = OidcConfig::from_lookup(|name| std::env::var(name).ok())? else { return Ok(None) };
        Ok(Some(Self::new(config, HttpFetch::new(http_client()?))))
    }
}
