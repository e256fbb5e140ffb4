//! Poll: a person's client asks how far its request has come.
//!
//! `GET /api/runtimes/{runtimeId}/models/{requestId}`. The runtime in the path has to be the request's own.

use doorbell_shared::access::Scope;
use doorbell_shared::http::error::Operation;
use doorbell_shared::http::{ApiError, Backend, Response, answer, input, metrics, principal};
use doorbell_shared::request::Kind;
use doorbell_shared::store::{Poll, Polled};
use doorbell_shared::wire::{RequestRecord, StoredModels};
use lambda_http::Request;

/// Answers one event.
pub async fn handle<S: Poll>(backend: &Backend<S>, request: &Request) -> Response {
    answer("poll", request, poll(backend, request)).await
}

async fn poll<S: Poll>(
    backend: &Backend<S>,
    request: &Request,
) -> Result<RequestRecord<StoredModels>, ApiError> {
    let caller = principal::caller(request, Scope::User)?;
    input::limit_body(request)?;
    // The contract knows no 400 here: what is not an id is the id of nothing.
    let address = input::address(request, Kind::ModelList).map_err(|_| ApiError::RequestNotFound)?;

    let polled = backend.store.poll(address, &caller.workspaces, backend.clock.now()).await;
    let request = match polled.map_err(Operation::Load.failed())? {
        Polled::Found(request) => request,
        Polled::TimedOut(request) => {
            metrics::request_timed_out();
            request
        }
        Polled::Unknown => return Err(ApiError::RequestNotFound),
    };
    RequestRecord::try_from(&request).map_err(|_| ApiError::Unreadable(Operation::Load))
}
