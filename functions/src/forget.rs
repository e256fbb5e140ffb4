//! Forget: a client removes a runtime. `DELETE /api/runtimes/{runtimeId}`.
//!
//! A daemon that still serves the runtime registers it again with its next heartbeat.

use doorbell_protocol::{Ack, Scope};
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond};
use doorbell_shared::store::{ForgetOutcome, Store};

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("forget", |_| Operation::Forget, request, forget(state, request)).await
}

async fn forget<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Result<Ack, ApiError> {
    let caller = caller(request, Scope::User)?;
    input::limit_body(request)?;
    let runtime = input::runtime(request)?;

    let outcome = state.store.forget_runtime(runtime, &caller, state.clock.now()).await;
    match outcome.map_err(Operation::Forget.failed())? {
        ForgetOutcome::Forgotten => {
            tracing::info!(runtime_id = %runtime, "runtime forgotten");
            Ok(Ack::default())
        }
        ForgetOutcome::NotFound => Err(ApiError::RuntimeNotFound),
    }
}
