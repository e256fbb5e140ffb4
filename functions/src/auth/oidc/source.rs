//! Where the issuer publishes its keys.

use reqwest::Url;
use serde::Deserialize;

use super::config::{KeysAt, OidcConfig, safe_url};
use super::fetch::FetchJson;
use super::keys::KeySet;
use super::verdict::OidcFault;

/// Fetches an issuer's keys.
pub(super) struct Source<F> {
    config: OidcConfig,
    fetch: F,
}

/// Of the discovery document, what is needed.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl<F: FetchJson> Source<F> {
    /// The keys of that issuer, fetched with `fetch`.
    pub(super) fn new(config: OidcConfig, fetch: F) -> Self {
        Self { config, fetch }
    }

    /// The keys as they are published now.
    pub(super) async fn keys(&self) -> Result<KeySet, OidcFault> {
        let url = match &self.config.keys {
            KeysAt::Jwks(url) => url.clone(),
            KeysAt::Discovery(url) => self.discover(url).await?,
        };
        let document = self.fetch.fetch(&url).await?;
        KeySet::read(&document).ok_or(OidcFault::Unreadable { url, wanted: "a JWK set" })
    }

    /// Asked each time: an issuer may move its keys.
    async fn discover(&self, url: &Url) -> Result<Url, OidcFault> {
        let document = self.fetch.fetch(url).await?;
        let unreadable = |wanted| OidcFault::Unreadable { url: url.clone(), wanted };
        let discovery: Discovery =
            serde_json::from_slice(&document).map_err(|_| unreadable("a discovery document"))?;
        if discovery.issuer != self.config.issuer {
            return Err(unreadable("the discovery document of the configured issuer"));
        }
        safe_url(&discovery.jwks_uri).ok_or_else(|| unreadable("a discovery document with a safe jwks_uri"))
    }
}
