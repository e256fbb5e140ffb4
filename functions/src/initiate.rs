//! Initiate: a client rings a runtime. `POST /api/runtimes/{runtimeId}/models`.
//!
//! After a 200, polls find the request.

use doorbell_protocol::Scope;
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond};
use doorbell_shared::kinds::model_list;
use doorbell_shared::rate_limit::TokenAction;
use doorbell_shared::request::{Address, Ring};
use doorbell_shared::store::{InitiateOutcome, Store};

use crate::record::{StoredRecord, render};

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("initiate", |_| Operation::Enqueue, request, initiate(state, request)).await
}

async fn initiate<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Result<StoredRecord, ApiError> {
    let caller = caller(request, Scope::User)?;
    input::limit_body(request)?;
    let runtime = input::runtime(request)?;
    let now = state.clock.now();
    let admitted = state.rates.admit(TokenAction::Ring, &caller, &state.store, &*state.id_gen, now).await;
    admitted.map_err(ApiError::RingsLimited)?;
    let address = Address { runtime, request: state.id_gen.request_id(now) };
    let ring = Ring::new(address, model_list::MODEL_LIST.kind, model_list::MODEL_LIST.deadlines);

    let outcome = state.store.initiate(&ring, &caller, now).await;
    match outcome.map_err(Operation::Enqueue.failed())? {
        InitiateOutcome::Enqueued(request) | InitiateOutcome::Existing(request) => {
            render(&request).map_err(|_| ApiError::CorruptResult(Operation::Enqueue))
        }
        InitiateOutcome::IdempotencyKeyUsed => Err(ApiError::IdempotencyKeyUsed),
        InitiateOutcome::QueueFull => Err(ApiError::TooManyOpenRequests),
        InitiateOutcome::Offline => Err(ApiError::RuntimeOffline),
        InitiateOutcome::RateLimited(limited) => Err(ApiError::RateLimited(limited)),
        InitiateOutcome::NotFound => Err(ApiError::RuntimeNotFound),
    }
}
