//! HTTP with Doorbell: base URL, bearer token, JSON both ways, and errors by what can be done about them.
//!
//! Used by the daemon and by the commands for people. The token is never shown, not even in `Debug`.

use std::fmt;
use std::time::Duration;

use doorbell_protocol::ErrorBody;
use reqwest::{Client, Method, RequestBuilder, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// No call of the contract takes long: what has not come by then is not coming.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// An HTTP client as every part of the daemon uses it: rustls on ring, no redirects to somewhere else.
pub fn http_client() -> reqwest::Result<Client> {
    // Fails when a provider is installed already, which is just as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(reqwest::redirect::Policy::none()).build()
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Doorbell said no, in its own words.
    #[error("{error}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error's text.
        error: String,
    },
    /// Nothing came back.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// Where it was tried.
        url: String,
        /// In a few words.
        reason: &'static str,
    },
    /// Something else answers there, which may stand in front of Doorbell.
    #[error("{url} answered {status} {}", in_words(*status))]
    Foreign {
        /// Where it was tried.
        url: String,
        /// The HTTP status.
        status: u16,
    },
}

impl ApiError {
    /// Whether the same call may succeed later: the network's faults, the server's own, and its pleas for patience.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } | Self::Foreign { status, .. } => {
                *status >= 500 || *status == 408 || *status == 429
            }
        }
    }

    /// Whether the token is the trouble, so that trying again is of no use.
    pub fn is_about_the_token(&self) -> bool {
        matches!(self, Self::Refused { status: 401 | 403, .. } | Self::Foreign { status: 401 | 403, .. })
    }
}

/// What a status says whose body says nothing. API Gateway has its own bodies for a refused token and when it is busy.
fn in_words(status: u16) -> &'static str {
    match status {
        401 | 403 => "and refuses the token",
        429 | 500.. => "without saying why",
        _ => "with something that is not Doorbell's",
    }
}

/// Doorbell at one URL, as seen with one token.
#[derive(Clone)]
pub struct Api {
    http: Client,
    base: Base,
    token: String,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("base", &self.base.shown).finish_non_exhaustive()
    }
}

impl Api {
    /// Doorbell at `base`, of which only scheme, host, port and path are used. Makes no call.
    pub fn new(http: Client, base: Url, token: impl Into<String>) -> Self {
        Self { http, base: Base::of(base), token: token.into() }
    }

    /// `GET path`, which may carry a query.
    pub async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, ApiError> {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST path` with a JSON body.
    pub async fn post<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<A, ApiError> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// [`post`](Self::post), for an answer that is worth less time than [`TIMEOUT`].
    pub async fn post_within<A: DeserializeOwned>(
        &self,
        time: Duration,
        path: &str,
        body: &impl Serialize,
    ) -> Result<A, ApiError> {
        self.send(self.request(Method::POST, path).json(body).timeout(time)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base.shown);
        self.http.request(method, url).bearer_auth(&self.token).timeout(TIMEOUT)
    }

    async fn send<A: DeserializeOwned>(&self, request: RequestBuilder) -> Result<A, ApiError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        if (200..300).contains(&status) {
            return serde_json::from_slice(&body).map_err(|_| self.foreign(status));
        }
        match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(ErrorBody { error }) => Err(ApiError::Refused { status, error }),
            Err(_) => Err(self.foreign(status)),
        }
    }

    fn foreign(&self, status: u16) -> ApiError {
        ApiError::Foreign { url: self.base.shown.clone(), status }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ApiError {
        let reason = match error {
            error if error.is_builder() && !self.base.is_http => "it is not an http or https URL",
            error if error.is_builder() => "the token has characters that no token has",
            error if error.is_timeout() => "no answer in time",
            error if error.is_connect() => "no connection (is Doorbell running there?)",
            _ => "the connection broke",
        };
        ApiError::Unreachable { url: self.base.shown.clone(), reason }
    }
}

/// Where Doorbell is, without what may be secret in a URL: it can be shown to anybody.
#[derive(Clone)]
struct Base {
    shown: String,
    is_http: bool,
}

impl Base {
    /// A user or password would become a second `Authorization` beside the token, and a query would cut every path short.
    fn of(mut url: Url) -> Self {
        let is_http = matches!(url.scheme(), "http" | "https");
        // These fail only on a URL without a host, which is dealt with below.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        let shown = url.as_str().trim_end_matches('/');
        let shown = match url.has_host() {
            true => shown,
            // `user:password@host:3000` is all scheme and path.
            false => shown.rsplit('@').next().unwrap_or_default(),
        };
        Self { shown: shown.to_owned(), is_http }
    }
}
