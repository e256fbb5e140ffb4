//! The heartbeat of one runtime: record, claim, remove what has ended, and twice a week renew the listing.
//!
//! The liveness write comes first and alone decides the outcome. It returns the open set, so an idle heartbeat is one call. A claim
//! is never cancelled, because a cancelled claim may have won. To end in time, a heartbeat instead starts no claim after
//! [`LATEST_CLAIM_START`].

use std::sync::atomic::{AtomicUsize, Ordering};

use doorbell_protocol::limits::{ARGS_BYTES, CLAIMS_PER_RUNTIME};
use doorbell_protocol::{InFlight, Json, Kind, RequestId, RuntimeId, WorkspaceId, escaped_len};
use doorbell_shared::access::Principal;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, metrics};
use doorbell_shared::kinds::built_in;
use doorbell_shared::limits::{
    CANCELLED_READ_TIMEOUT, LATEST_CLAIM_START, LISTING_RENEWAL_TIMEOUT, OPEN_REMOVAL_TIMEOUT,
    SLOW_STORE_THRESHOLD,
};
use doorbell_shared::presence::HeartbeatChannel;
use doorbell_shared::request::{Address, ClaimFilter, OpenRequest, Request, State};
use doorbell_shared::store::{ClaimOutcome, HeartbeatOutcome, RecordedHeartbeat, Store};
use tracing::Span;

pub(super) struct RuntimeHeartbeat<'a, S> {
    pub(super) state: &'a AppState<S>,
    pub(super) caller: &'a Principal,
    pub(super) runtime: RuntimeId,
    /// Without it, nothing is redelivered.
    pub(super) in_flight: Option<InFlight>,
    pub(super) channel: HeartbeatChannel,
    /// The start of the call.
    pub(super) started: Stopwatch,
}

/// Which requests a heartbeat claims.
#[derive(Clone, Copy, Debug)]
pub(super) enum ClaimLimit<'a> {
    /// Daemons that send the heartbeat of one runtime answer built-in kinds only.
    OnePerBuiltInKind,
    /// Up to [`CLAIMS_PER_RUNTIME`], of any kind, while their args fit into what is left of `bytes`.
    Many { bytes: &'a AtomicUsize },
}

/// The longest args in a response: each byte may be escaped.
const MOST_BYTES: usize = 2 * ARGS_BYTES;

/// The outcome of a recorded heartbeat.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) recorded: RecordedHeartbeat,
    /// The oldest first.
    pub(super) claimed: Vec<Request>,
    /// The requests in flight that were cancelled. Only with [`ClaimLimit::Many`].
    pub(super) cancelled: Vec<RequestId>,
}

impl Collected {
    /// The claimed requests by the field of their kind.
    pub(super) fn by_field(&self) -> impl Iterator<Item = (&'static str, RequestId)> {
        self.claimed
            .iter()
            .filter_map(|request| Some((built_in(request.kind)?.heartbeat_field, request.address.request)))
    }
}

impl ClaimLimit<'_> {
    /// Whether one more request of `kind` may be claimed.
    fn admits(self, kind: Kind, claimed: &[Request]) -> bool {
        match self {
            Self::OnePerBuiltInKind => {
                built_in(kind).is_some() && claimed.iter().all(|request| request.kind != kind)
            }
            Self::Many { .. } => claimed.len() < CLAIMS_PER_RUNTIME,
        }
    }

    /// Reserves the longest args for a claim, because they are unknown before it. Returns whether there was room.
    fn reserve(self) -> bool {
        let Self::Many { bytes } = self else { return true };
        bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(MOST_BYTES)).is_ok()
    }

    /// Returns what a claim with `args` has not used.
    fn release(self, args: Option<&Json>) {
        if let Self::Many { bytes } = self {
            let used = args.map_or(0, |args| escaped_len(args.as_str()));
            bytes.fetch_add(MOST_BYTES.saturating_sub(used), Ordering::Relaxed);
        }
    }
}

impl<S: Store> RuntimeHeartbeat<'_, S> {
    pub(super) async fn run(&self, limit: ClaimLimit<'_>) -> Result<Collected, ApiError> {
        let recorded = self.record().await?;
        let open = recorded.open.clone();
        let listing_due = recorded.listing_is_due.then_some(recorded.workspace);
        let mut collected = Collected { recorded, claimed: Vec::new(), cancelled: Vec::new() };
        if self.started.elapsed() <= SLOW_STORE_THRESHOLD {
            if let ClaimLimit::Many { .. } = limit {
                collected.cancelled = self.find_cancelled(&open).await;
            }
            if !open.is_empty() {
                collected.claimed = self.claim(open, limit).await;
            }
        } else if !open.is_empty() {
            metrics::heartbeat_queue_skipped();
        }
        // Last, because a renewal may wait for a later heartbeat, and work may not.
        if let Some(workspace) = listing_due {
            self.renew_listing(workspace).await;
        }
        Ok(collected)
    }

    /// Records liveness.
    async fn record(&self) -> Result<RecordedHeartbeat, ApiError> {
        let step = Stopwatch::start();
        let now = self.state.clock.now();
        let outcome = self.state.store.record_heartbeat(self.runtime, self.caller, self.channel, now).await;
        Span::current().record("record_ms", step.elapsed_ms());
        match outcome.map_err(Operation::Heartbeat.failed())? {
            HeartbeatOutcome::Recorded(recorded) => Ok(recorded),
            HeartbeatOutcome::NotFound => Err(ApiError::RuntimeNotFound),
            HeartbeatOutcome::OtherWorkspace => Err(ApiError::OtherWorkspacesRuntime),
        }
    }

    /// The requests in flight that were cancelled. Those in the open set were not, so a daemon at work costs no read.
    async fn find_cancelled(&self, open: &[OpenRequest]) -> Vec<RequestId> {
        let is_open = |request: &RequestId| open.iter().any(|entry| entry.request == *request);
        let in_flight = self.in_flight.iter().flat_map(InFlight::iter);
        let ended: Vec<RequestId> = in_flight.filter(|request| !is_open(request)).collect();
        if ended.is_empty() {
            return ended;
        }
        let found = self.state.store.find_cancelled(self.runtime, &ended, self.state.clock.now());
        match tokio::time::timeout(CANCELLED_READ_TIMEOUT, found).await {
            Ok(Ok(cancelled)) => cancelled,
            Ok(Err(error)) => {
                tracing::warn!(%error, "cancelled requests not read");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!("read of cancelled requests timed out");
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

    /// Claims the oldest requests that are still claimable, and removes what has ended from the open set.
    async fn claim(&self, open: Vec<OpenRequest>, limit: ClaimLimit<'_>) -> Vec<Request> {
        let step = Stopwatch::start();
        let mut claimed = Vec::new();
        let mut ended = Vec::new();
        self.claim_oldest(open, limit, &mut claimed, &mut ended).await;
        Span::current().record("claim_ms", step.elapsed_ms());
        self.remove_ended(&ended).await;
        claimed
    }

    async fn claim_oldest(
        &self,
        open: Vec<OpenRequest>,
        limit: ClaimLimit<'_>,
        claimed: &mut Vec<Request>,
        ended: &mut Vec<OpenRequest>,
    ) {
        let is_in_flight =
            |request| self.in_flight.as_ref().is_some_and(|in_flight| in_flight.contains(request));
        let filter = if self.in_flight.is_some() { ClaimFilter::PendingOrLost } else { ClaimFilter::Pending };
        for entry in open {
            if is_in_flight(entry.request) || !limit.admits(entry.kind, claimed) {
                continue;
            }
            if self.is_late() {
                // The next heartbeat finds what is left.
                metrics::heartbeat_queue_skipped();
                tracing::warn!("claims stopped by a slow store");
                return;
            }
            if !limit.reserve() {
                return;
            }
            let address = Address { runtime: self.runtime, request: entry.request };
            let token = self.state.id_gen.lease_token();
            let now = self.state.clock.now();
            let outcome = self.state.store.claim(address, self.caller, filter, token, now).await;
            let args = match &outcome {
                Ok(ClaimOutcome::Won(request)) => request.args.as_ref(),
                _ => None,
            };
            limit.release(args);
            match outcome {
                Ok(ClaimOutcome::Won(request)) => {
                    record_claim(&request);
                    claimed.push(request);
                }
                Ok(ClaimOutcome::Lost) => metrics::claim_lost(),
                Ok(ClaimOutcome::Ended) => ended.push(entry),
                Ok(ClaimOutcome::Missing) => ended.extend(entry.is_orphan(now).then_some(entry)),
                Err(error) => {
                    // The claim may have been applied, so claiming a younger request could break the order.
                    tracing::warn!(request_id = %entry.request, %error, "claim failed");
                    return;
                }
            }
        }
    }

    /// A failure is only logged: the next heartbeat finds the ids again.
    async fn remove_ended(&self, ended: &[OpenRequest]) {
        if ended.is_empty() || self.is_late() {
            return;
        }
        let removal = self.state.store.remove_open(self.runtime, ended);
        match tokio::time::timeout(OPEN_REMOVAL_TIMEOUT, removal).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "ids not removed from the open set"),
            Err(_) => tracing::warn!("removal from the open set timed out"),
        }
    }
}

fn record_claim(request: &Request) {
    match request.state {
        State::Running(lease) if lease.attempt == 1 => {
            metrics::claim_won(request.kind, lease.claimed_at.since(request.created_at));
        }
        _ => metrics::redelivered(),
    }
}

#[cfg(test)]
mod tests {
    use doorbell_shared::limits::WORK_BYTES;

    use super::*;

    /// The number of claims with these args that one response has room for.
    fn claims(args: &str) -> usize {
        let args: Json = args.parse().unwrap();
        let bytes = AtomicUsize::new(WORK_BYTES);
        let limit = ClaimLimit::Many { bytes: &bytes };
        let claims = (0..1_000).take_while(|_| {
            let admitted = limit.reserve();
            if admitted {
                limit.release(Some(&args));
            }
            admitted
        });
        claims.count()
    }

    /// The response is a JSON text inside of one, in which each quote and backslash is two bytes.
    #[test]
    fn response_counts_escaped_args() {
        let plain = format!("\"{}\"", "x".repeat(ARGS_BYTES - 2));
        let escaped = format!("\"{}\"", "\\".repeat(ARGS_BYTES - 2));
        assert_eq!((claims(&plain), claims(&escaped)), (126, 64));
    }
}
