//! Calls to the API: base URL, bearer token, JSON bodies, and errors sorted by remedy.
//!
//! No text, error or `Debug` output contains the token.

use std::fmt;
use std::time::Duration;

use doorbell_protocol::ErrorBody;
use reqwest::header::LINK;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::link;

/// The time limit of a call, response body included. Every call of the contract is far shorter.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest body that is read. A function's response has at most 6 MB (AWS, "Lambda quotas"), so a longer one is not
/// Doorbell's.
pub const RESPONSE_BYTES: usize = 8 << 20;

/// An HTTP client with rustls on ring and without redirects, which could send the token to another host.
///
/// # Errors
/// When the TLS backend cannot be initialised.
pub fn http_client() -> reqwest::Result<Client> {
    // Fails when the process has a provider already, which is equally good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(Policy::none()).build()
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Doorbell responded with an error.
    #[error("{error}")]
    Api {
        /// The HTTP status.
        status: u16,
        /// The text, often one of [`error_text`](doorbell_protocol::error_text).
        error: String,
    },
    /// No response arrived.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// The base URL without secrets.
        url: String,
        /// The cause in a few words.
        reason: &'static str,
    },
    /// The body is not Doorbell's. API Gateway has bodies of its own for a rejected token and for overload.
    #[error("{url} answered {status} {}", describe(*status))]
    UnexpectedResponse {
        /// The base URL without secrets.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The body is longer than [`RESPONSE_BYTES`].
    #[error("{url} answered with more than {} MiB, which is not Doorbell's", RESPONSE_BYTES >> 20)]
    ResponseTooLarge {
        /// The base URL without secrets.
        url: String,
    },
    /// The next page of a list is on another host, which must not get the token, or the list does not end.
    #[error("{url} answered with a list that cannot be read to its end: {reason}")]
    UnusableList {
        /// The base URL without secrets.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl ClientError {
    /// Whether a retry may succeed: network faults, 408, 429 and every 5xx.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Api { status, .. } | Self::UnexpectedResponse { status, .. } => {
                *status >= 500 || *status == 408 || *status == 429
            }
            Self::ResponseTooLarge { .. } | Self::UnusableList { .. } => false,
        }
    }

    /// Whether the server asks to come back later (503).
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Api { status: 503, .. })
    }

    /// Whether the network or the server failed (any 5xx), and not the request.
    pub(crate) fn is_fault(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Api { status, .. } | Self::UnexpectedResponse { status, .. } => *status >= 500,
            Self::ResponseTooLarge { .. } | Self::UnusableList { .. } => false,
        }
    }

    /// Whether the token was rejected (401 or 403), so that no retry can succeed.
    pub fn is_auth_error(&self) -> bool {
        matches!(
            self,
            Self::Api { status: 401 | 403, .. } | Self::UnexpectedResponse { status: 401 | 403, .. }
        )
    }
}

fn describe(status: u16) -> &'static str {
    match status {
        401 | 403 => "and refuses the token",
        429 | 500.. => "without saying why",
        _ => "with something that is not Doorbell's",
    }
}

/// The API at one base URL, with one token.
#[derive(Clone)]
pub struct Api {
    http: Client,
    base: BaseUrl,
    token: String,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("base", &self.base.text).finish_non_exhaustive()
    }
}

impl Api {
    /// The API at `base`. User, password, query and fragment of the URL are dropped. Makes no call.
    pub fn new(http: Client, base: Url, token: impl Into<String>) -> Self {
        Self { http, base: BaseUrl::new(base), token: token.into() }
    }

    /// `GET path`; `path` may have a query.
    ///
    /// # Errors
    /// [`ClientError`], after [`TIMEOUT`] at the latest.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send(self.request(Method::GET, path)).await
    }

    /// `GET path`, and the query of the next page, if the response's `Link` header names one.
    ///
    /// # Errors
    /// [`ClientError`], after [`TIMEOUT`] at the latest.
    pub(crate) async fn get_page<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<(T, Option<String>), ClientError> {
        let response = self.respond(self.request(Method::GET, path)).await?;
        let url = response.url().clone();
        let links = response.headers().get_all(LINK).iter().filter_map(|value| value.to_str().ok());
        let next = links.filter_map(link::next).next().map(str::to_owned);
        let page = self.body(response).await?;
        let Some(next) = next else { return Ok((page, None)) };
        let query = link::query(&url, &next).map_err(|reason| self.unusable_list(reason))?;
        Ok((page, Some(query)))
    }

    /// `DELETE path`.
    ///
    /// # Errors
    /// [`ClientError`], after [`TIMEOUT`] at the latest.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// `POST path` with a JSON body.
    ///
    /// # Errors
    /// [`ClientError`], after [`TIMEOUT`] at the latest.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// [`post`](Self::post) with a time limit of its own.
    ///
    /// # Errors
    /// [`ClientError`], after `timeout` at the latest.
    pub async fn post_with_timeout<T: DeserializeOwned>(
        &self,
        timeout: Duration,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.send(self.request(Method::POST, path).json(body).timeout(timeout)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base.text);
        self.http.request(method, url).bearer_auth(&self.token).timeout(TIMEOUT)
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = self.respond(request).await?;
        self.body(response).await
    }

    async fn respond(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    /// The body of a successful response, or the error in any other.
    async fn body<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let status = response.status().as_u16();
        let body = self.read_to_limit(response).await?;
        if (200..300).contains(&status) {
            return serde_json::from_slice(&body).map_err(|_| self.unexpected_response(status));
        }
        match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(ErrorBody { error }) => Err(ClientError::Api { status, error }),
            Err(_) => Err(self.unexpected_response(status)),
        }
    }

    async fn read_to_limit(&self, mut response: Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + chunk.len() > RESPONSE_BYTES {
                return Err(ClientError::ResponseTooLarge { url: self.base.text.clone() });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    pub(crate) fn unusable_list(&self, reason: &'static str) -> ClientError {
        ClientError::UnusableList { url: self.base.text.clone(), reason }
    }

    fn unexpected_response(&self, status: u16) -> ClientError {
        ClientError::UnexpectedResponse { url: self.base.text.clone(), status }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let reason = match error {
            error if error.is_builder() && !self.base.is_http => "it is not an http or https URL",
            error if error.is_builder() => "the token has characters that no token has",
            error if error.is_timeout() => "no answer in time",
            error if error.is_connect() => "no connection (is Doorbell running there?)",
            _ => "the connection broke",
        };
        ClientError::Unreachable { url: self.base.text.clone(), reason }
    }
}

/// The base URL without secrets, so it may appear in errors and logs.
#[derive(Clone)]
struct BaseUrl {
    text: String,
    is_http: bool,
}

impl BaseUrl {
    /// A user or password would add a second `Authorization` header, and a query would swallow the path of each call.
    fn new(mut url: Url) -> Self {
        let is_http = matches!(url.scheme(), "http" | "https");
        // These fail only for a URL without a host, which is handled below.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        let text = url.as_str().trim_end_matches('/');
        // `user:password@host:3000` parses as a scheme and a path.
        let text = if url.has_host() { text } else { text.rsplit('@').next().unwrap_or_default() };
        Self { text: text.to_owned(), is_http }
    }
}
