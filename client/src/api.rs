//! Calls to the API: base URL, bearer token and JSON bodies.
//!
//! No text, error or `Debug` output contains the token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::{ErrorBody, one_line};
use reqwest::header::{HeaderMap, LINK, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::base_url::BaseUrl;
use crate::error::{CallError, ClientError};
use crate::link;

/// The time limit of a call, response body included. Every call of the contract is far shorter.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest body that is read. A function's response has at most 6 MB (AWS, "Lambda quotas"), so a longer one is not
/// Doorbell's.
pub const RESPONSE_BYTES: usize = 8 << 20;

/// The longest error text that is kept. Doorbell's own have at most about 50 characters, those about arguments some more.
const ERROR_CHARS: usize = 200;

/// The longest body of an error that is read. Doorbell's have less than 1 KB.
const ERROR_BYTES: usize = 64 << 10;

/// An HTTP client with rustls on ring and without redirects, which could send the token to another host.
///
/// # Errors
/// When the TLS backend cannot be initialised.
pub fn http_client() -> reqwest::Result<Client> {
    // Fails when the process has a provider already, which is equally good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(Policy::none()).build()
}

/// The API at one base URL, with one token.
#[derive(Clone)]
pub struct Api {
    http: Client,
    base: BaseUrl,
    token: String,
    /// One permit for each call in flight, if they are limited.
    calls: Option<Arc<Semaphore>>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("base", &self.base.text).finish_non_exhaustive()
    }
}

impl Api {
    /// The API at `base`. User, password, query and fragment of the URL are dropped. Makes no call.
    pub fn new(http: Client, base: Url, token: impl Into<String>) -> Self {
        Self { http, base: BaseUrl::new(base), token: token.into(), calls: None }
    }

    /// The token, for the password of a protocol other than HTTP.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The same API with at most `calls` calls in flight, those of clones included. Further calls wait for their turn, which does
    /// not count towards their time limit.
    #[must_use]
    pub fn with_calls_in_flight(mut self, calls: usize) -> Self {
        self.calls = Some(Arc::new(Semaphore::new(calls)));
        self
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
        let _permit = self.permit().await;
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

    /// [`post`](Self::post) for callers that call again after a failure.
    ///
    /// # Errors
    /// [`CallError`] with the time that the server asks for, after [`TIMEOUT`] at the latest.
    pub async fn try_post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        self.call(self.request(Method::POST, path).json(body)).await
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

    /// A request with the token and [`TIMEOUT`].
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_without_token(method, path).bearer_auth(&self.token)
    }

    /// A request to a route that needs no token.
    pub(crate) fn request_without_token(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base.text);
        self.http.request(method, url).timeout(TIMEOUT)
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        Ok(self.call(request).await?)
    }

    /// Sends `request`. An error has the time of the response's `Retry-After`.
    pub(crate) async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CallError> {
        let _permit = self.permit().await;
        let response = self.respond(request).await?;
        let retry_after = retry_after(response.headers());
        self.body(response).await.map_err(|error| CallError { error, retry_after })
    }

    async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        // Fails only when the semaphore is closed, which it never is.
        self.calls.as_ref()?.acquire().await.ok()
    }

    async fn respond(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    /// The body of a successful response, or the error in any other.
    async fn body<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            let body = self.read_to_limit(response, RESPONSE_BYTES).await?;
            let body = body.ok_or_else(|| ClientError::ResponseTooLarge { url: self.base.text.clone() })?;
            return serde_json::from_slice(&body).map_err(|_| self.unexpected_response(status));
        }
        let body = self.read_to_limit(response, ERROR_BYTES).await?.unwrap_or_default();
        match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(ErrorBody { error }) => Err(ClientError::Api { status, error: one_line(&error, ERROR_CHARS) }),
            Err(_) => Err(self.unexpected_response(status)),
        }
    }

    /// `None` if the body is longer than `limit`. Reads one chunk more than that at most.
    async fn read_to_limit(
        &self,
        mut response: Response,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + chunk.len() > limit {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    pub(crate) fn unusable_list(&self, reason: &'static str) -> ClientError {
        ClientError::UnusableList { url: self.base.text.clone(), reason }
    }

    /// The error of a response that is not Doorbell's although it has the form of one, for callers that know more about its meaning.
    pub fn unexpected_response(&self, status: u16) -> ClientError {
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

/// The seconds of `Retry-After`. Its other form, a date, is not Doorbell's.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
