//! Initiate: a person's client rings a runtime.
//!
//! `POST /api/runtimes/{runtimeId}/models`. Once this has answered 200, a poll finds the request.

use doorbell_shared::access::Scope;
use doorbell_shared::http::error::Operation;
use doorbell_shared::http::{ApiError, Backend, Response, answer, input, principal};
use doorbell_shared::request::{Address, Kind};
use doorbell_shared::store::{Initiate, Initiated};
use doorbell_shared::wire::{RequestRecord, StoredModels};
use lambda_http::Request;

/// Answers one event.
pub async fn handle<S: Initiate>(backend: &Backend<S>, request: &Request) -> Response {
    answer("initiate", request, initiate(backend, request)).await
}

async fn initiate<S: Initiate>(
    backend: &Backend<S>,
    request: &Request,
) -> Result<RequestRecord<StoredModels>, ApiError> {
    let caller = principal::caller(request, Scope::User)?;
    input::limit_body(request)?;
    let runtime = input::runtime(request)?;
    let now = backend.clock.now();
    let address = Address { runtime, request: backend.ids.request_id(now), kind: Kind::ModelList };

    let initiated = backend.store.initiate(address, &caller.workspaces, now).await;
    match initiated.map_err(Operation::Enqueue.failed())? {
        Initiated::Enqueued(request) => {
            RequestRecord::try_from(&request).map_err(|_| ApiError::Unreadable(Operation::Enqueue))
        }
        Initiated::Offline => Err(ApiError::RuntimeOffline),
        Initiated::TooFast(too_fast) => Err(ApiError::TooManyRings(too_fast)),
        Initiated::Unknown => Err(ApiError::RuntimeNotFound),
    }
}
