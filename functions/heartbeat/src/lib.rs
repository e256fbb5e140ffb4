//! Heartbeat: a daemon says that a runtime is alive, and is handed at most one request of each kind.
//!
//! `POST /api/daemon/heartbeat`. Liveness comes first and alone decides the answer's status: looking for work is
//! bounded, and a look that fails or takes too long is logged and answered 200 without work. A claim, once begun, is
//! waited for: an abandoned one may have been won, and nobody would work on it until it is handed out again, which it is
//! only to a daemon that says what it has in flight.

mod timings;

use doorbell_shared::access::{Principal, Scope};
use doorbell_shared::http::error::Operation;
use doorbell_shared::http::{ApiError, Backend, Response, answer, input, metrics, principal};
use doorbell_shared::id::RuntimeId;
use doorbell_shared::limits::LOOK_TIMEOUT;
use doorbell_shared::request::{Address, Delivery, Kind, Looking};
use doorbell_shared::store::{Beat, Candidate, Claim, Heartbeat};
use doorbell_shared::wire::{HeartbeatAnswer, HeartbeatBody, InFlightBody, PendingRequest};
use lambda_http::Request;
use timings::Timings;

/// Answers one event.
pub async fn handle<S: Heartbeat>(backend: &Backend<S>, request: &Request) -> Response {
    answer("heartbeat", request, heartbeat(backend, request)).await
}

async fn heartbeat<S: Heartbeat>(
    backend: &Backend<S>,
    request: &Request,
) -> Result<HeartbeatAnswer, ApiError> {
    let mut timings = Timings::start();
    let caller = principal::caller(request, Scope::Daemon)?;
    timings.authenticated();
    let runtime = runtime(request)?;

    let attention = beat(backend, runtime, &caller).await;
    timings.updated();
    let pending_model_list = match attention? {
        true if timings.has_time_for_work() => {
            collect(backend, runtime, &looking(request), &mut timings).await
        }
        true => {
            metrics::heartbeat_not_looked();
            None
        }
        false => None,
    };
    timings.log_if_slow(runtime);
    Ok(HeartbeatAnswer { status: "ok".to_owned(), pending_model_list })
}

fn runtime(request: &Request) -> Result<RuntimeId, ApiError> {
    input::limit_body(request)?;
    let body: HeartbeatBody = input::body(request)?;
    let runtime = input::required(body.runtime_id, ApiError::RuntimeIdRequired)?;
    runtime.parse().map_err(|_| ApiError::InvalidRuntimeId)
}

/// A list of what is in flight that cannot be read is none: its daemon is handed nothing twice.
fn looking(request: &Request) -> Looking {
    match input::body::<InFlightBody>(request) {
        Ok(body) => Looking::ForPendingAndUndelivered(body.in_flight),
        Err(_) => Looking::ForPending,
    }
}

/// Notes the sign of life, and says whether looking for work is worth a read.
async fn beat<S: Heartbeat>(
    backend: &Backend<S>,
    runtime: RuntimeId,
    caller: &Principal,
) -> Result<bool, ApiError> {
    let beat = backend.store.beat(runtime, &caller.workspaces, backend.clock.now()).await;
    match beat.map_err(Operation::Heartbeat.failed())? {
        Beat::Recorded { attention } => Ok(attention),
        Beat::Unknown => Err(ApiError::RuntimeNotFound),
        Beat::Foreign => Err(ApiError::ForeignRuntime),
    }
}

/// Looks for work and claims the oldest that can still be had.
async fn collect<S: Heartbeat>(
    backend: &Backend<S>,
    runtime: RuntimeId,
    looking: &Looking,
    timings: &mut Timings,
) -> Option<PendingRequest> {
    let candidates = look(backend, runtime, looking, timings).await;
    timings.looked();
    let claimed = claim_first(backend, runtime, candidates).await;
    timings.claimed();
    claimed
}

async fn look<S: Heartbeat>(
    backend: &Backend<S>,
    runtime: RuntimeId,
    looking: &Looking,
    timings: &mut Timings,
) -> Vec<Candidate> {
    let look = backend.store.look(runtime, looking, backend.clock.now());
    match tokio::time::timeout(LOOK_TIMEOUT, look).await {
        Ok(Ok(candidates)) => candidates,
        Ok(Err(error)) => {
            metrics::heartbeat_not_looked();
            tracing::warn!(%runtime, %error, "answered without having looked for work");
            Vec::new()
        }
        Err(_) => {
            timings.look_timed_out();
            metrics::heartbeat_not_looked();
            tracing::warn!(%runtime, probe_model_timed_out = true, "answered without having looked for work");
            Vec::new()
        }
    }
}

async fn claim_first<S: Heartbeat>(
    backend: &Backend<S>,
    runtime: RuntimeId,
    candidates: Vec<Candidate>,
) -> Option<PendingRequest> {
    let kind = Kind::ModelList;
    for candidate in candidates.into_iter().filter(|candidate| candidate.kind == kind) {
        let address = Address { runtime, request: candidate.request, kind };
        let (claim, now) = (backend.ids.claim_id(), backend.clock.now());
        match backend.store.claim(address, candidate.delivery, claim, now).await {
            Ok(Claim::Won(claimed)) => {
                match candidate.delivery {
                    Delivery::First => metrics::claim_won(claimed.updated_at.since(claimed.created_at)),
                    Delivery::Again { .. } => metrics::redelivered(),
                }
                return Some(PendingRequest { id: candidate.request });
            }
            Ok(Claim::Lost) => metrics::claim_lost(),
            Err(error) => {
                tracing::warn!(%runtime, request_id = %candidate.request, %error, "answered without work");
                return None;
            }
        }
    }
    None
}
