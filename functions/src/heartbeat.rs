//! Heartbeat: records that a runtime is alive, and returns at most one request of each kind.
//! `POST /api/daemon/heartbeat`.
//!
//! The liveness write comes first and alone decides the status. If the queue read fails or times out, the response is 200 without
//! work. A claim is never cancelled, because a cancelled claim may have won. To end in time, a heartbeat instead starts no claim
//! after [`LATEST_CLAIM_START`].

use doorbell_protocol::{
    HeartbeatBody, HeartbeatResponse, InFlight, Kind, RequestId, RuntimeId, Scope, WorkspaceId,
};
use doorbell_shared::access::Principal;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, metrics, respond};
use doorbell_shared::limits::{
    LATEST_CLAIM_START, LISTING_RENEWAL_TIMEOUT, QUEUE_READ_TIMEOUT, SLOW_HEARTBEAT_THRESHOLD,
    SLOW_STORE_THRESHOLD,
};
use doorbell_shared::request::{Address, ClaimFilter, Delivery};
use doorbell_shared::store::{Candidate, ClaimOutcome, HeartbeatOutcome, Store};
use tracing::Span;

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("heartbeat", |_| Operation::Heartbeat, request, heartbeat(state, request)).await
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
    let started = Stopwatch::start();
    Heartbeat { state, caller, runtime, filter: filter(body.in_flight), started }.run().await
}

/// Without `in_flight`, nothing is redelivered.
fn filter(in_flight: Option<InFlight>) -> ClaimFilter {
    in_flight.map_or(ClaimFilter::Pending, ClaimFilter::PendingOrLost)
}

/// One heartbeat: record, list, claim, and twice a week renew the listing.
struct Heartbeat<'a, S> {
    state: &'a AppState<S>,
    caller: Principal,
    runtime: RuntimeId,
    filter: ClaimFilter,
    started: Stopwatch,
}

impl<S: Store> Heartbeat<'_, S> {
    async fn run(&self) -> Result<HeartbeatResponse, ApiError> {
        let (work_hint, listing_due) = self.record().await?;
        let claimed = if !work_hint {
            None
        } else if self.started.elapsed() <= SLOW_STORE_THRESHOLD {
            self.claim(self.list().await).await
        } else {
            metrics::heartbeat_queue_skipped();
            None
        };
        // Last, because a renewal may wait for a later heartbeat, and work may not.
        if let Some(workspace) = listing_due {
            self.renew_listing(workspace).await;
        }
        let total = self.started;
        if total.elapsed() >= SLOW_HEARTBEAT_THRESHOLD {
            // The span has the duration of each step.
            tracing::warn!(total_ms = total.elapsed_ms(), "slow heartbeat");
        }
        Ok(HeartbeatResponse::new(claimed))
    }

    /// Records liveness; returns whether the queue may have work, and the workspace if the listing's renewal is due.
    async fn record(&self) -> Result<(bool, Option<WorkspaceId>), ApiError> {
        let step = Stopwatch::start();
        let now = self.state.clock.now();
        let outcome = self.state.store.record_heartbeat(self.runtime, &self.caller, now).await;
        Span::current().record("record_ms", step.elapsed_ms());
        match outcome.map_err(Operation::Heartbeat.failed())? {
            HeartbeatOutcome::Recorded { work_hint, listing_due } => Ok((work_hint, listing_due)),
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

    /// A failure is only logged: the renewal stays due for days, and every heartbeat retries it.
    async fn renew_listing(&self, workspace: WorkspaceId) {
        if self.is_late() {
            return;
        }
        let renewal = self.state.store.renew_listing(workspace, self.runtime, self.state.clock.now());
        match tokio::time::timeout(LISTING_RENEWAL_TIMEOUT, renewal).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "listing not renewed"),
            Err(_) => tracing::warn!("renewal of the listing timed out"),
        }
    }

    /// Whether it is too late to start a claim or a renewal.
    fn is_late(&self) -> bool {
        self.started.elapsed() > LATEST_CLAIM_START
    }

    /// Claims the oldest request that is still claimable.
    async fn claim(&self, candidates: Vec<Candidate>) -> Option<RequestId> {
        let step = Stopwatch::start();
        let claimed = self.claim_first(candidates).await;
        Span::current().record("claim_ms", step.elapsed_ms());
        claimed
    }

    async fn claim_first(&self, candidates: Vec<Candidate>) -> Option<RequestId> {
        let kind = Kind::MODEL_LIST;
        for candidate in candidates.into_iter().filter(|candidate| candidate.kind == kind) {
            if self.is_late() {
                // The next heartbeat finds what is left.
                metrics::heartbeat_queue_skipped();
                tracing::warn!("claims stopped by a slow store");
                return None;
            }
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
