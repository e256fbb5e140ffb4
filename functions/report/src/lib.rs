//! Report: a daemon answers a request.
//!
//! `POST /api/daemon/runtimes/{runtimeId}/models/{requestId}/result`. A daemon gives up at any 4xx and tries again at a
//! 5xx, so what the store could not say is a 500 and never anything else. A report on an answered or lapsed request is
//! ignored, and still 200.

use doorbell_shared::access::Scope;
use doorbell_shared::http::error::Operation;
use doorbell_shared::http::{ApiError, Backend, Response, answer, input, metrics, principal};
use doorbell_shared::request::{ErrorText, Kind, Outcome};
use doorbell_shared::store::{Report, Reported};
use doorbell_shared::wire::{Ack, ModelListReport};
use lambda_http::Request;

/// Answers one event.
pub async fn handle<S: Report>(backend: &Backend<S>, request: &Request) -> Response {
    answer("report", request, report(backend, request)).await
}

async fn report<S: Report>(backend: &Backend<S>, request: &Request) -> Result<Ack, ApiError> {
    let caller = principal::caller(request, Scope::Daemon)?;
    input::limit_body(request)?;
    let address = input::address(request, Kind::ModelList)?;
    let body: ModelListReport = input::body(request)?;
    // A result that cannot be stored fails the request, with a text that says so: a client would wait for it in vain.
    let (outcome, recorded) = match body.outcome() {
        Ok(outcome) => (outcome, Ok(Ack::default())),
        Err(too_large) => (Outcome::Failed(ErrorText::from(too_large)), Err(ApiError::ReportTooLarge)),
    };
    let operation = match outcome {
        Outcome::Completed(_) => Operation::Complete,
        Outcome::Failed(_) => Operation::Fail,
    };

    let now = backend.clock.now();
    let reported = backend.store.report(address, &caller.workspaces, &outcome, now).await;
    match reported.map_err(operation.failed())? {
        Reported::Recorded { created_at } => {
            metrics::request_answered(&outcome, now.since(created_at));
            recorded
        }
        Reported::Repeated => recorded,
        Reported::Stale => Ok(Ack::default()),
        Reported::Unknown => Err(ApiError::RequestNotFound),
    }
}
