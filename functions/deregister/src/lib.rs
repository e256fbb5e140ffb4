//! Deregister: a daemon that stops signs its runtimes off, so that nobody rings them and waits.
//!
//! `POST /api/daemon/deregister`. Ids that are unknown, another workspace's or no ids at all are passed over.

use doorbell_shared::access::Scope;
use doorbell_shared::http::error::Operation;
use doorbell_shared::http::{ApiError, Backend, Response, answer, input, principal};
use doorbell_shared::limits::RUNTIMES_PER_DEREGISTRATION;
use doorbell_shared::store::{Deregister, Deregistered};
use doorbell_shared::wire::{Ack, DeregisterBody};
use lambda_http::Request;

/// Answers one event.
pub async fn handle<S: Deregister>(backend: &Backend<S>, request: &Request) -> Response {
    answer("deregister", request, deregister(backend, request)).await
}

async fn deregister<S: Deregister>(backend: &Backend<S>, request: &Request) -> Result<Ack, ApiError> {
    let caller = principal::caller(request, Scope::Daemon)?;
    input::limit_body(request)?;
    let body: DeregisterBody = input::body(request)?;
    let runtimes = body.runtime_ids.filter(|ids| !ids.is_empty()).ok_or(ApiError::RuntimeIdsRequired)?;
    if runtimes.len() > RUNTIMES_PER_DEREGISTRATION {
        return Err(ApiError::TooManyRuntimes(RUNTIMES_PER_DEREGISTRATION));
    }

    let now = backend.clock.now();
    for runtime in runtimes.iter().filter_map(|id| id.parse().ok()) {
        let deregistered = backend.store.deregister(runtime, &caller.workspaces, now).await;
        match deregistered.map_err(Operation::Deregister.failed())? {
            Deregistered::Done | Deregistered::Unknown => {}
        }
    }
    Ok(Ack::default())
}
