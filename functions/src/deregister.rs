//! Deregister: a daemon takes its runtimes offline when it stops. `POST /api/daemon/deregister`.
//!
//! Ids that are unknown, malformed or of another workspace are skipped.

use doorbell_protocol::limits::RUNTIMES_PER_DEREGISTRATION;
use doorbell_protocol::{Ack, DeregisterBody, RuntimeId, Scope};
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond};
use doorbell_shared::limits::PARALLEL_WRITES;
use doorbell_shared::store::{DeregisterOutcome, Store};
use futures_util::{StreamExt as _, stream};

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("deregister", |_| Operation::Deregister, request, deregister(state, request)).await
}

async fn deregister<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Result<Ack, ApiError> {
    let caller = caller(request, Scope::Daemon)?;
    input::limit_body(request)?;
    let body: DeregisterBody = input::body(request)?;
    let runtimes = body.runtime_ids.filter(|ids| !ids.is_empty()).ok_or(ApiError::RuntimeIdsRequired)?;
    if runtimes.len() > RUNTIMES_PER_DEREGISTRATION {
        return Err(ApiError::TooManyRuntimes(RUNTIMES_PER_DEREGISTRATION));
    }

    let now = state.clock.now();
    let runtimes: Vec<RuntimeId> = runtimes.iter().filter_map(|id| id.parse().ok()).collect();
    let writes = stream::iter(runtimes).map(|runtime| state.store.deregister(runtime, &caller, now));
    let mut outcomes = writes.buffer_unordered(PARALLEL_WRITES);
    // A failure does not end the others: the daemon stops and does not call again.
    let mut result = Ok(Ack::default());
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(DeregisterOutcome::Deregistered | DeregisterOutcome::NotFound) => {}
            Err(error) => result = result.and(Err(error)),
        }
    }
    result.map_err(Operation::Deregister.failed())
}
