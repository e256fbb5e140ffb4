//! Finds the issuer's key set and fetches documents over HTTP.

use reqwest::header::ACCEPT;
use reqwest::{Client, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::config::{KeysAt, OidcConfig, safe_url};
use super::jwks::KeySet;
use super::limits::{DOCUMENT_BYTES, FETCH_TIMEOUT};
use super::verification::OidcFault;

/// Fetches the keys of one issuer.
pub(super) struct KeySource<F> {
    config: OidcConfig,
    fetch: F,
}

/// The part of a discovery document that names the keys.
#[derive(Deserialize)]
struct Keys {
    jwks_uri: String,
}

impl<F: FetchJson> KeySource<F> {
    pub(super) fn new(config: OidcConfig, fetch: F) -> Self {
        Self { config, fetch }
    }

    /// The published keys.
    pub(super) async fn keys(&self) -> Result<KeySet, OidcFault> {
        let url = match &self.config.keys {
            KeysAt::Jwks(url) => url.clone(),
            KeysAt::Discovery(url) => self.key_url(url).await?,
        };
        let document = self.fetch.fetch(&url).await?;
        KeySet::parse(&document).ok_or(OidcFault::Unreadable { url, wanted: "a JWK set" })
    }

    /// Read again for each fetch, because an issuer may move its keys.
    async fn key_url(&self, discovery: &Url) -> Result<Url, OidcFault> {
        let keys: Keys = discover(&self.fetch, discovery, &self.config.issuer).await?;
        let wanted = "a discovery document with a safe jwks_uri";
        safe_url(&keys.jwks_uri).ok_or_else(|| OidcFault::Unreadable { url: discovery.clone(), wanted })
    }
}

/// A discovery document with the fields that its user needs.
#[derive(Deserialize)]
struct Discovery<D> {
    issuer: String,
    #[serde(flatten)]
    used: D,
}

/// The used part of the discovery document of `issuer` at `url`.
pub(crate) async fn discover<D: DeserializeOwned>(
    fetch: &impl FetchJson,
    url: &Url,
    issuer: &str,
) -> Result<D, OidcFault> {
    let document = fetch.fetch(url).await?;
    let unreadable = |wanted| OidcFault::Unreadable { url: url.clone(), wanted };
    let discovery: Discovery<D> =
        serde_json::from_slice(&document).map_err(|_| unreadable("a discovery document"))?;
    if discovery.issuer != issuer {
        return Err(unreadable("the discovery document of the configured issuer"));
    }
    Ok(discovery.used)
}

/// Fetches JSON documents.
pub trait FetchJson: Send + Sync {
    /// The document at `url`, unparsed, within a time limit and a size limit.
    fn fetch(&self, url: &Url) -> impl Future<Output = Result<Vec<u8>, OidcFault>> + Send;
}

/// An HTTP client with rustls on ring and without redirects. It reads the machine's root certificates, which takes a while,
/// so create it only when OIDC is on.
pub fn http_client() -> reqwest::Result<Client> {
    // Fails when the process has a provider already, which is equally good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(redirect::Policy::none()).build()
}

/// Fetches over HTTP.
#[derive(Clone, Debug)]
pub struct HttpFetch(Client);

impl HttpFetch {
    /// Responses after a redirect are rejected, even if `client` follows redirects.
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    async fn get(&self, url: &Url) -> Result<Response, OidcFault> {
        let request = self.0.get(url.clone()).header(ACCEPT, "application/json").timeout(FETCH_TIMEOUT);
        let response = request.send().await.map_err(|error| unreachable(url, &error))?;
        if response.url() != url {
            return Err(OidcFault::Unreachable { url: url.clone(), reason: "it leads somewhere else" });
        }
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(OidcFault::Refused { url: url.clone(), status: status.as_u16() }),
        }
    }
}

impl FetchJson for HttpFetch {
    async fn fetch(&self, url: &Url) -> Result<Vec<u8>, OidcFault> {
        let mut response = self.get(url).await?;
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(url, &error))? {
            if document.len() + chunk.len() > DOCUMENT_BYTES {
                return Err(OidcFault::Unreadable { url: url.clone(), wanted: "of a reasonable size" });
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}

fn unreachable(url: &Url, error: &reqwest::Error) -> OidcFault {
    let reason = match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        error if error.is_redirect() => "it leads somewhere else",
        _ => "the connection broke",
    };
    OidcFault::Unreachable { url: url.clone(), reason }
}
