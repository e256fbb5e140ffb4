//! Heartbeat: records that a runtime is alive, and returns at most one request of each kind.
//! `POST /api/daemon/heartbeat`.
//!
//! The liveness write comes first and alone decides the status. If the queue read fails or times out, the response is 200 without
//! work. A claim is never cancelled, because a cancelled claim may have won.

use doorbell_protocol::{HeartbeatBody, HeartbeatResponse, InFlight, Kind, RequestId, RuntimeId, Scope};
use doorbell_shared::access::Principal;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, metrics, respond};
use doorbell_shared::limits::{QUEUE_READ_TIMEOUT, SLOW_HEARTBEAT_THRESHOLD, SLOW_STORE_THRESHOLD};
use doorbell_shared::request::{Address, ClaimFilter, Delivery};
use doorbell_shared::store::{Candidate, ClaimOutcome, HeartbeatOutcome, Store};
use tracing::Span;

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("heartbeat", request, heartbeat(state, request)).await
}

async fn heartbeat<S: Store>(
    state: &AppState<S>,
    request: &HttpRequest,
) -> Result<HeartbeatResponse, ApiError> {
    let caller = caller(request, Scope::Daemon)?;
    input::limit_body(request)?;
    let body: HeartbeatBody = input::body(request)?;
    let runtime = input::required(body.runtime_id, ApiError::RuntimeIdRequired)?;
    let runtime = input::body_runtime(&runtime)?;
    Heartbeat { state, caller, runtime, filter: filter(body.in_flight) }.run().await
}

/// Without `in_flight`, nothing is redelivered.
fn filter(in_flight: Option<InFlight>) -> ClaimFilter {
    in_flight.map_or(ClaimFilter::Pending, ClaimFilter::PendingOrLost)
}

/// One heartbeat: record, list, claim.
struct Heartbeat<'a, S> {
    state: &'a AppState<S>,
    caller: Principal,
    runtime: RuntimeId,
    filter: ClaimFilter,
}

impl<S: Store> Heartbeat<'_, S> {
    async fn run(&self) -> Result<HeartbeatResponse, ApiError> {
        let total = Stopwatch::start();
        let work_hint = self.record().await?;
        let claimed = if !work_hint {
            None
        } else if total.elapsed() <= SLOW_STORE_THRESHOLD {
            self.claim(self.list().await).await
        } else {
            metrics::heartbeat_queue_skipped();
            None
        };
        if total.elapsed() >= SLOW_HEARTBEAT_THRESHOLD {
            // The span has the duration of each step.
            tracing::warn!(total_ms = total.elapsed_ms(), "slow heartbeat");
        }
        Ok(HeartbeatResponse::new(claimed))
    }

    /// Records liveness; returns whether the queue is worth a read.
    async fn record(&self) -> Result<bool, ApiError> {
        let step = Stopwatch::start();
        let now = self.state.clock.now();
        let outcome = self.state.store.record_heartbeat(self.runtime, &self.caller, now).await;
        Span::current().record("record_ms", step.elapsed_ms());
        match outcome.map_err(Operation::Heartbeat.failed())? {
            HeartbeatOutcome::Recorded { work_hint } => Ok(work_hint),
            HeartbeatOutcome::NotFound => Err(ApiError::RuntimeNotFound),
            HeartbeatOutcome::OtherWorkspace => Err(ApiError::OtherWorkspacesRuntime),
        }
    }

    /// The claimable requests; none when the read fails or times out.
    async fn list(&self) -> Vec<Candidate> {
        let step = Stopwatch::start();
        let list = self.state.store.list_claimable(self.runtime, &self.filter, self.state.clock.now());
        let listed = tokio::time::timeout(QUEUE_READ_TIMEOUT, list).await;
        Span::current().record("list_ms", step.elapsed_ms());
        match listed {
            Ok(Ok(candidates)) => candidates,
            Ok(Err(error)) => {
                metrics::heartbeat_queue_skipped();
                tracing::warn!(%error, "queue not read");
                Vec::new()
            }
            Err(_) => {
                metrics::heartbeat_queue_skipped();
                tracing::warn!("queue read timed out");
                Vec::new()
            }
        }
    }

    /// Claims the oldest request that is still claimable.
    async fn claim(&self, candidates: Vec<Candidate>) -> Option<RequestId> {
        let step = Stopwatch::start();
        let claimed = self.claim_first(candidates).await;
        Span::current().record("claim_ms", step.elapsed_ms());
        claimed
    }

    async fn claim_first(&self, candidates: Vec<Candidate>) -> Option<RequestId> {
        let kind = Kind::ModelList;
        for candidate in candidates.into_iter().filter(|candidate| candidate.kind == kind) {
            let address = Address { runtime: self.runtime, request: candidate.request, kind };
            let token = self.state.id_gen.lease_token();
            let now = self.state.clock.now();
            match self.state.store.claim(address, &self.caller, candidate.delivery, token, now).await {
                Ok(ClaimOutcome::Won(request)) => {
                    match candidate.delivery {
                        Delivery::First => metrics::claim_won(request.updated_at.since(request.created_at)),
                        Delivery::Redelivery { .. } => metrics::redelivered(),
                    }
                    return Some(candidate.request);
                }
                Ok(ClaimOutcome::Lost) => metrics::claim_lost(),
                Err(error) => {
                    tracing::warn!(request_id = %candidate.request, %error, "claim failed");
                    return None;
                }
            }
        }
        None
    }
}
