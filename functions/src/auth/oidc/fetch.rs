//! Fetching the issuer's documents.

use reqwest::header::ACCEPT;
use reqwest::{Client, Response, StatusCode, Url, redirect};

use super::limits::{DOCUMENT_BYTES, FETCH_TIMEOUT};
use super::verdict::OidcFault;

/// Something that fetches a JSON document.
pub trait FetchJson: Send + Sync {
    /// The document at `url`, in bounded time and of bounded size. It is not parsed.
    fn fetch(&self, url: &Url) -> impl Future<Output = Result<Vec<u8>, OidcFault>> + Send;
}

/// A client as fetching keys wants it: rustls on ring, no redirects to somewhere else. Reads the machine's root
/// certificates, so it is better not made where OIDC is off.
pub fn http_client() -> reqwest::Result<Client> {
    // Fails when a provider is installed already, which is just as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(redirect::Policy::none()).build()
}

/// Fetches over HTTP.
#[derive(Clone, Debug)]
pub struct HttpFetch(Client);

impl HttpFetch {
    /// With a client like [`http_client`]'s. What a redirect led to is refused even if the client follows them.
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
