//! The transitions of a request. Each returns `None` if the current state does not allow it.
//!
//! Comparisons are strict: a request times out when it is *older than* its deadline. An open request past its deadline can be
//! neither claimed nor reported, whether or not the timeout has been written.

use doorbell_protocol::{Json, Timestamp, WorkspaceId};

use super::{ClaimFilter, Lease, LeaseToken, Request, RequestOutcome, Ring, State, TimeoutReason};
use crate::limits::{CLOCK_SKEW, REDELIVERY_AFTER, REMINDER_AFTER, REMINDER_INTERVAL};
use crate::runtime::ShortText;

impl Request {
    /// The request of `ring`, to a runtime of `workspace` that `daemon_id` serves.
    pub fn new(ring: Ring, workspace: WorkspaceId, daemon_id: ShortText, now: Timestamp) -> Self {
        let Ring { address, kind, args, deadlines, idempotency_key: _, joins: _ } = ring;
        let state = State::Pending;
        Self {
            address,
            kind,
            workspace,
            daemon_id,
            args,
            deadlines,
            state,
            progress: None,
            notified_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether the daemon is to be notified again.
    pub fn reminder_is_due(&self, now: Timestamp) -> bool {
        let Some(notified_at) = self.notified_at.filter(|_| self.state == State::Pending) else {
            return false;
        };
        let wait = if notified_at == self.created_at { REMINDER_AFTER } else { REMINDER_INTERVAL };
        now.since(notified_at) > wait
    }

    /// The pending deadline.
    pub fn claim_by(&self) -> Timestamp {
        self.created_at + self.deadlines.pending
    }

    /// The running deadline of a lease.
    pub fn report_by(&self, lease: Lease) -> Timestamp {
        lease.claimed_at + self.deadlines.running
    }

    /// Whether it is within retention. TTL deletes later.
    pub fn is_readable(&self, now: Timestamp) -> bool {
        now <= self.readable_until()
    }

    /// The end of retention.
    pub fn readable_until(&self) -> Timestamp {
        let waits = matches!(self.state, State::Pending) && self.deadlines.queued;
        let start = if waits { self.claim_by() } else { self.updated_at };
        start + self.deadlines.retention
    }

    /// The deadline that has passed, if one has.
    pub fn timeout_reason(&self, now: Timestamp) -> Option<TimeoutReason> {
        match self.state {
            State::Pending if now > self.claim_by() => Some(TimeoutReason::NotClaimed),
            State::Running(lease) if now > self.report_by(lease) => Some(TimeoutReason::NotReported),
            _ => None,
        }
    }

    /// Whether it can still be reported: not ended, and within its deadline.
    pub fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Pending | State::Running(_)) && self.timeout_reason(now).is_none()
    }

    /// Whether no instance can claim or report it any more, so that its id may leave the open set. An open request expires on one
    /// instance's clock up to [`CLOCK_SKEW`] before it does on another's, which must still find it.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        !self.is_open(now - CLOCK_SKEW)
    }

    /// The request after its timeout, if a deadline has passed.
    pub fn timed_out_if_expired(&self, now: Timestamp) -> Option<Self> {
        self.timeout_reason(now).map(|reason| self.in_state(State::Timeout(reason), now))
    }

    /// The request after a claim with the lease `token`, if a heartbeat with `filter` may claim it. The first claim starts the
    /// running deadline; a redelivery does not change it.
    pub fn claimed_if_claimable(
        &self,
        filter: ClaimFilter,
        token: LeaseToken,
        now: Timestamp,
    ) -> Option<Self> {
        if self.timeout_reason(now).is_some() {
            return None;
        }
        let lease = match (&self.state, filter) {
            (State::Pending, _) => Lease { claimed_at: now, leased_at: now, token, attempt: 1 },
            (State::Running(lease), ClaimFilter::PendingOrLost) if lease.may_be_lost(now) => {
                Lease { leased_at: now, token, attempt: lease.attempt.saturating_add(1), ..*lease }
            }
            _ => return None,
        };
        Some(self.in_state(State::Running(lease), now))
    }

    /// The request after a report, if it is open. The outcome replaces the progress.
    pub fn reported_if_open(&self, outcome: &RequestOutcome, now: Timestamp) -> Option<Self> {
        let reported = || Self { progress: None, ..self.in_state(State::from(outcome.clone()), now) };
        self.is_open(now).then(reported)
    }

    /// The request after a cancellation, if it is open.
    pub fn cancelled_if_open(&self, now: Timestamp) -> Option<Self> {
        self.is_open(now).then(|| self.in_state(State::Cancelled, now))
    }

    /// The request after a report of progress, if it is running.
    pub fn progressed_if_running(&self, progress: Json, now: Timestamp) -> Option<Self> {
        let is_running = matches!(self.state, State::Running(_)) && self.is_open(now);
        is_running.then(|| Self { progress: Some(progress), updated_at: now, ..self.clone() })
    }

    fn in_state(&self, state: State, now: Timestamp) -> Self {
        Self { state, updated_at: now, ..self.clone() }
    }
}

impl Lease {
    /// Whether the lease is old enough that its heartbeat response has either arrived or been lost.
    fn may_be_lost(&self, now: Timestamp) -> bool {
        now.since(self.leased_at) > REDELIVERY_AFTER
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorbell_protocol::{Kind, RequestId, RuntimeId};
    use uuid::Uuid;

    use super::*;
    use crate::request::{Address, Deadlines, ErrorText, Payload};

    const TICK: Duration = Duration::from_millis(1);
    const BOTH: [ClaimFilter; 2] = [ClaimFilter::Pending, ClaimFilter::PendingOrLost];

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_795_000_000_000 + seconds * 1000).unwrap()
    }

    fn token() -> LeaseToken {
        LeaseToken::from_uuid(Uuid::from_u128(7))
    }

    fn second_token() -> LeaseToken {
        LeaseToken::from_uuid(Uuid::from_u128(8))
    }

    fn completed() -> RequestOutcome {
        RequestOutcome::Completed(Payload::try_from("{}".to_owned()).unwrap())
    }

    fn progress() -> Json {
        "1".parse().unwrap()
    }

    fn rung(deadlines: Deadlines) -> Request {
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let runtime = RuntimeId::from_uuid(Uuid::from_u128(1));
        let address = Address { runtime, request: RequestId::lower_bound(at(0)) };
        let ring = Ring::new(address, Kind::MODEL_LIST, deadlines);
        Request::new(ring, workspace, ShortText::from_stored("laptop"), at(0))
    }

    fn pending() -> Request {
        rung(Deadlines::of_seconds(30, 60, 120))
    }

    fn running() -> Request {
        pending().claimed_if_claimable(ClaimFilter::Pending, token(), at(10)).unwrap()
    }

    fn redelivered(request: &Request, now: Timestamp) -> Option<Request> {
        request.claimed_if_claimable(ClaimFilter::PendingOrLost, second_token(), now)
    }

    fn lease(request: &Request) -> Lease {
        let State::Running(lease) = request.state else { panic!("not running") };
        lease
    }

    fn terminal() -> [Request; 5] {
        let failure = RequestOutcome::Failed(ErrorText::from("no".to_owned()));
        [
            running().reported_if_open(&completed(), at(20)).unwrap(),
            running().reported_if_open(&failure, at(20)).unwrap(),
            running().cancelled_if_open(at(20)).unwrap(),
            pending().timed_out_if_expired(at(31)).unwrap(),
            running().timed_out_if_expired(at(71)).unwrap(),
        ]
    }

    #[test]
    fn pending_times_out_after_its_deadline() {
        assert_eq!(pending().timeout_reason(at(30)), None);
        assert_eq!(pending().timeout_reason(at(30) + TICK), Some(TimeoutReason::NotClaimed));
    }

    #[test]
    fn running_times_out_after_its_deadline_from_first_claim() {
        assert_eq!(running().timeout_reason(at(70)), None);
        assert_eq!(running().timeout_reason(at(70) + TICK), Some(TimeoutReason::NotReported));
    }

    #[test]
    fn claim_starts_lease() {
        let expected = Lease { claimed_at: at(10), leased_at: at(10), token: token(), attempt: 1 };
        assert_eq!(lease(&running()), expected);
    }

    #[test]
    fn never_claims_terminal() {
        for request in terminal() {
            for filter in BOTH {
                assert!(
                    request.claimed_if_claimable(filter, token(), at(21)).is_none(),
                    "{:?}",
                    request.state
                );
            }
        }
    }

    #[test]
    fn rejects_claim_past_deadline() {
        for filter in BOTH {
            assert!(pending().claimed_if_claimable(filter, token(), at(30)).is_some());
            assert!(pending().claimed_if_claimable(filter, token(), at(30) + TICK).is_none());
        }
    }

    #[test]
    fn redelivery_keeps_running_deadline() {
        let again = redelivered(&running(), at(20)).unwrap();
        let expected = Lease { claimed_at: at(10), leased_at: at(20), token: second_token(), attempt: 2 };
        assert_eq!(lease(&again), expected);
        assert_eq!((again.created_at, again.updated_at), (at(0), at(20)));
        assert_eq!(again.timeout_reason(at(70) + TICK), Some(TimeoutReason::NotReported));
    }

    #[test]
    fn redelivers_lease_older_than_5_s() {
        assert!(redelivered(&running(), at(15)).is_none());
        let second = redelivered(&running(), at(15) + TICK).unwrap();
        assert!(redelivered(&second, at(20) + TICK).is_none());
        assert!(redelivered(&second, at(20) + TICK * 2).is_some());
    }

    #[test]
    fn pending_filter_redelivers_nothing() {
        assert!(running().claimed_if_claimable(ClaimFilter::Pending, second_token(), at(20)).is_none());
    }

    #[test]
    fn rejects_redelivery_past_deadline() {
        assert!(redelivered(&running(), at(70)).is_some());
        assert!(redelivered(&running(), at(70) + TICK).is_none());
    }

    #[test]
    fn progress_does_not_extend_lease() {
        let progressed = running().progressed_if_running(progress(), at(14)).unwrap();
        assert_eq!((progressed.progress.clone(), progressed.updated_at), (Some(progress()), at(14)));
        assert!(redelivered(&progressed, at(15) + TICK).is_some());
        assert_eq!(progressed.timeout_reason(at(70) + TICK), Some(TimeoutReason::NotReported));
    }

    #[test]
    fn report_replaces_progress() {
        let progressed = running().progressed_if_running(progress(), at(14)).unwrap();
        assert_eq!(progressed.reported_if_open(&completed(), at(15)).unwrap().progress, None);
        assert_eq!(progressed.cancelled_if_open(at(15)).unwrap().progress, Some(progress()));
    }

    #[test]
    fn only_running_has_progress() {
        assert!(pending().progressed_if_running(progress(), at(1)).is_none());
        assert!(running().progressed_if_running(progress(), at(70) + TICK).is_none());
        for request in terminal() {
            assert!(request.progressed_if_running(progress(), at(21)).is_none(), "{:?}", request.state);
        }
    }

    #[test]
    fn reports_and_cancels_pending_and_running() {
        for request in [pending(), running()] {
            let reported = request.reported_if_open(&completed(), at(12)).unwrap();
            assert_eq!((reported.state.status().as_str(), reported.updated_at), ("completed", at(12)));
            let cancelled = request.cancelled_if_open(at(12)).unwrap();
            assert_eq!((cancelled.state.status().as_str(), cancelled.updated_at), ("failed", at(12)));
        }
    }

    #[test]
    fn rejects_report_and_cancellation_past_deadline() {
        for (request, now) in [(pending(), at(30) + TICK), (running(), at(70) + TICK)] {
            assert!(request.reported_if_open(&completed(), now).is_none());
            assert!(request.cancelled_if_open(now).is_none());
        }
    }

    #[test]
    fn terminal_is_final() {
        for request in terminal() {
            let state = &request.state;
            assert!(request.reported_if_open(&completed(), at(22)).is_none(), "report on {state:?}");
            assert!(request.cancelled_if_open(at(22)).is_none(), "cancellation of {state:?}");
            assert!(request.timed_out_if_expired(at(1_000)).is_none(), "timeout of {state:?}");
        }
    }

    #[test]
    fn expired_request_ends_after_clock_skew() {
        for (request, deadline) in [(pending(), at(30)), (running(), at(70))] {
            assert!(!request.has_ended(deadline + CLOCK_SKEW));
            assert!(request.has_ended(deadline + CLOCK_SKEW + TICK));
        }
        for request in terminal() {
            assert!(request.has_ended(at(20)), "{:?}", request.state);
        }
    }

    #[test]
    fn is_readable_within_retention() {
        assert!(running().is_readable(at(130)));
        assert!(!running().is_readable(at(130) + TICK));
    }

    #[test]
    fn queued_request_is_readable_after_its_deadline() {
        let queued = rung(Deadlines::of_seconds(30, 60, 120).with_queue(Duration::from_secs(3_600)));
        assert!(queued.is_readable(at(3_720)));
        assert!(!queued.is_readable(at(3_720) + TICK));
        let claimed = queued.claimed_if_claimable(ClaimFilter::Pending, token(), at(3_000)).unwrap();
        assert!(!claimed.is_readable(at(3_120) + TICK));
    }
}
