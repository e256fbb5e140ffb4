//! Poll: a client reads its request. `GET /api/runtimes/{runtimeId}/models/{requestId}`.

use doorbell_protocol::{Kind, Scope};
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, metrics, respond};
use doorbell_shared::request::KindFilter;
use doorbell_shared::store::{PollOutcome, Store};

use crate::record::{StoredRecord, render};

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("poll", |_| Operation::Load, request, poll(state, request)).await
}

async fn poll<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Result<StoredRecord, ApiError> {
    let caller = caller(request, Scope::User)?;
    input::limit_body(request)?;
    // The contract has no 400 here: a malformed id is not found.
    let address = input::address(request).map_err(|_| ApiError::RequestNotFound)?;

    let outcome =
        state.store.poll(address, KindFilter::Only(Kind::MODEL_LIST), &caller, state.clock.now()).await;
    let request = match outcome.map_err(Operation::Load.failed())? {
        PollOutcome::Found(request) => request,
        PollOutcome::TimedOut(request) => {
            metrics::request_timed_out();
            request
        }
        PollOutcome::NotFound => return Err(ApiError::RequestNotFound),
    };
    render(&request).map_err(|_| ApiError::CorruptResult(Operation::Load))
}
