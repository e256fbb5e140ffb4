//! Between an API Gateway event and a use case: request → input, outcome → status and body.
//!
//! Knows the wire, not the lifecycle. Every error a caller can get is a variant of [`ApiError`], and only [`error`] knows
//! its status and text. A failure is logged once, here, with ids in fields: no token, no body, no result.

pub mod cors;
pub mod error;
pub mod event;
pub mod input;
pub mod log;
pub mod metrics;
pub mod principal;
pub mod routes;
pub mod telemetry;

use std::future::Future;
use std::sync::Arc;

use lambda_http::http::{Response as HttpResponse, header};
use lambda_http::{Body, Request};
use serde::Serialize;

use crate::clock::{Clock, SystemClock};
use crate::mint::{Ids, RandomIds};
use crate::wire;
pub use error::ApiError;

/// What a function answers.
pub type Response = HttpResponse<Body>;

/// What a use case runs on: a store, the time, and ids. Made once per cold start.
#[derive(Clone)]
pub struct Backend<S> {
    /// Where requests and runtimes are kept.
    pub store: S,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where new ids come from.
    pub ids: Arc<dyn Ids>,
}

impl<S> Backend<S> {
    /// A backend on the machine's clock and random source.
    pub fn new(store: S) -> Self {
        Self { store, clock: Arc::new(SystemClock), ids: Arc::new(RandomIds::default()) }
    }
}

/// Answers `request` with what `use_case` makes of it: 200 with its JSON, or the error's own status and text. Logs the
/// call, in one line.
pub async fn answer<T: Serialize>(
    function: &'static str,
    request: &Request,
    use_case: impl Future<Output = Result<T, ApiError>>,
) -> Response {
    let call = telemetry::Call::start(function, request);
    let outcome = use_case.await;
    let response = match &outcome {
        Ok(body) => json(200, body),
        Err(error) => error.response(),
    };
    call.finish(response.status().as_u16(), outcome.as_ref().err());
    response
}

/// A JSON response.
pub fn json(status: u16, body: &impl Serialize) -> Response {
    let response = HttpResponse::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    // A status and a static header are always valid; the fallback is for the type checker.
    response.body(Body::Text(wire::json(body))).unwrap_or_default()
}
