//! The HTTP layer: converts API Gateway's events to inputs of use cases, and outcomes to responses.
//!
//! Every error response is a variant of [`ApiError`]. A failure is logged once, in [`respond`].

pub mod access_log;
pub mod event;
pub mod input;
pub mod metrics;
pub mod response;
pub mod routes;
pub mod token_rates;

use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use tracing::Instrument as _;

use crate::clock::{Clock, Stopwatch, SystemClock};
use crate::id_gen::{IdGenerator, RandomIdGenerator};
use crate::limits::CALL_TIMEOUT;
use crate::push::PushChannel;
use crate::store::{StoreError, StoreErrorKind};
pub use lambda_http::Request as HttpRequest;
use response::Operation;
pub use response::{ApiError, Response};
use token_rates::TokenRates;

/// The dependencies of a use case. Created once per cold start.
#[derive(Clone)]
pub struct AppState<S> {
    pub store: S,
    pub clock: Arc<dyn Clock>,
    pub id_gen: Arc<dyn IdGenerator>,
    /// The rate limits of tokens.
    pub rates: TokenRates,
    /// The push channel to daemons, if the deployment has one.
    pub push: Option<PushChannel>,
}

impl<S> AppState<S> {
    /// Without a push channel, with the system clock, the operating system's random source and the rate limits of a deployment.
    pub fn new(store: S) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock),
            id_gen: Arc::new(RandomIdGenerator::default()),
            rates: TokenRates::default(),
            push: None,
        }
    }
}

/// The response to `request`: 200 with the JSON of the use case, or the error's status and text. Writes one line to the access
/// log. After [`CALL_TIMEOUT`] the use case is cancelled and its `operation` has failed.
pub fn respond<T: Serialize>(
    function: &'static str,
    operation: fn(&HttpRequest) -> Operation,
    request: &HttpRequest,
    use_case: impl Future<Output = Result<T, ApiError>>,
) -> impl Future<Output = Response> {
    respond_with(function, operation, request, use_case, |body| response::json(200, body))
}

/// As [`respond`], for a success that is more than a body.
pub fn respond_with<T>(
    function: &'static str,
    operation: fn(&HttpRequest) -> Operation,
    request: &HttpRequest,
    use_case: impl Future<Output = Result<T, ApiError>>,
    success: impl FnOnce(&T) -> Response,
) -> impl Future<Output = Response> {
    // Boxed once, because each layer around a future copies it, and the type is too deep for the compiler.
    let use_case = Box::pin(use_case);
    respond_and_log(function, request, within_call_timeout(move || operation(request), use_case), success)
}

/// As [`respond`], for a use case that may be held. It limits its own parts with [`within_call_timeout`].
pub fn respond_held<T: Serialize>(
    function: &'static str,
    request: &HttpRequest,
    use_case: impl Future<Output = Result<T, ApiError>>,
) -> impl Future<Output = Response> {
    respond_and_log(function, request, Box::pin(use_case), |body| response::json(200, body))
}

/// A part of a use case. After [`CALL_TIMEOUT`] it is cancelled and its `operation` has failed.
pub async fn within_call_timeout<T>(
    operation: impl FnOnce() -> Operation,
    part: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    match tokio::time::timeout(CALL_TIMEOUT, part).await {
        Ok(outcome) => outcome,
        Err(_) => Err(timed_out(operation())),
    }
}

async fn respond_and_log<T>(
    function: &'static str,
    request: &HttpRequest,
    use_case: impl Future<Output = Result<T, ApiError>>,
    success: impl FnOnce(&T) -> Response,
) -> Response {
    let started = Stopwatch::start();
    async {
        input::record_path_ids(request);
        let outcome = use_case.await;
        let response = match &outcome {
            Ok(body) => success(body),
            Err(error) => error.response(),
        };
        access_log::log_call(started, &response, outcome.as_ref().err());
        response
    }
    .instrument(access_log::call_span(function, input::gateway_request_id(request)))
    .await
}

fn timed_out(operation: Operation) -> ApiError {
    let detail = format!("no response within {} s", CALL_TIMEOUT.as_secs());
    operation.failed()(StoreError::new("call", StoreErrorKind::Timeout).with_detail(detail))
}
