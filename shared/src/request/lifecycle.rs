//! The transitions of a request. Each returns `None` if the current state does not allow it.
//!
//! Comparisons are strict: a request times out when it is *older than* its deadline. An open request past its deadline can be
//! neither claimed nor reported, whether or not the timeout has been written.

use doorbell_protocol::limits::{PENDING_DEADLINE, RETENTION, RUNNING_DEADLINE};
use doorbell_protocol::{Timestamp, WorkspaceId};

use super::{
    Address, ClaimFilter, Delivery, Lease, LeaseToken, Request, RequestOutcome, State, TimeoutReason,
};
use crate::limits::REDELIVERY_AFTER;

impl Request {
    pub fn new(address: Address, workspace: WorkspaceId, now: Timestamp) -> Self {
        Self { address, workspace, state: State::Pending, created_at: now, updated_at: now }
    }

    /// Whether it is within retention. TTL deletes later.
    pub fn is_readable(&self, now: Timestamp) -> bool {
        now.since(self.updated_at) <= RETENTION
    }

    /// The deadline that has passed, if one has.
    pub fn timeout_reason(&self, now: Timestamp) -> Option<TimeoutReason> {
        match self.state {
            State::Pending if now.since(self.created_at) > PENDING_DEADLINE => {
                Some(TimeoutReason::NotClaimed)
            }
            State::Running(lease) if now.since(lease.claimed_at) > RUNNING_DEADLINE => {
                Some(TimeoutReason::NotReported)
            }
            _ => None,
        }
    }

    /// The request after its timeout, if a deadline has passed.
    pub fn timed_out_if_expired(&self, now: Timestamp) -> Option<Self> {
        self.timeout_reason(now).map(|reason| self.in_state(State::Timeout(reason), now))
    }

    /// How a heartbeat with `filter` may claim the request, if it may.
    pub fn delivery(&self, filter: &ClaimFilter, now: Timestamp) -> Option<Delivery> {
        if self.timeout_reason(now).is_some() {
            return None;
        }
        match (&self.state, filter) {
            (State::Pending, _) => Some(Delivery::First),
            (State::Running(lease), ClaimFilter::PendingOrLost(in_flight)) => {
                let lost = self.may_be_lost(now) && !in_flight.contains(self.address.request);
                lost.then_some(Delivery::Redelivery { lease: lease.token })
            }
            _ => None,
        }
    }

    /// The request after a claim by `delivery`, if that is still possible.
    pub fn claimed_if_claimable(
        &self,
        delivery: Delivery,
        token: LeaseToken,
        now: Timestamp,
    ) -> Option<Self> {
        match delivery {
            Delivery::First => self.claimed_if_pending(token, now),
            Delivery::Redelivery { lease } => self.redelivered_if_lost(lease, token, now),
        }
    }

    /// The request after its first claim, if it is pending. The first claim starts the running deadline.
    pub fn claimed_if_pending(&self, token: LeaseToken, now: Timestamp) -> Option<Self> {
        let claimable = matches!(self.state, State::Pending) && self.timeout_reason(now).is_none();
        claimable.then(|| self.in_state(State::Running(Lease { claimed_at: now, token, attempt: 1 }), now))
    }

    /// The request after redelivery in place of the lease `replaced`, if that is current and may be lost. The running deadline
    /// does not change.
    pub fn redelivered_if_lost(
        &self,
        replaced: LeaseToken,
        token: LeaseToken,
        now: Timestamp,
    ) -> Option<Self> {
        let State::Running(lease) = self.state else { return None };
        let replaceable =
            lease.token == replaced && self.may_be_lost(now) && self.timeout_reason(now).is_none();
        let lease = Lease { token, attempt: lease.attempt.saturating_add(1), ..lease };
        replaceable.then(|| self.in_state(State::Running(lease), now))
    }

    /// Whether the lease is old enough that its heartbeat response has either arrived or been lost.
    fn may_be_lost(&self, now: Timestamp) -> bool {
        now.since(self.updated_at) > REDELIVERY_AFTER
    }

    /// The request after a report, if it is open.
    pub fn reported_if_open(&self, outcome: &RequestOutcome, now: Timestamp) -> Option<Self> {
        let open = !self.state.status().is_terminal() && self.timeout_reason(now).is_none();
        open.then(|| self.in_state(State::from(outcome.clone()), now))
    }

    fn in_state(&self, state: State, now: Timestamp) -> Self {
        Self { state, updated_at: now, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorbell_protocol::{InFlight, Kind, RequestId, RuntimeId};
    use uuid::Uuid;

    use super::*;
    use crate::request::{ErrorText, Payload};

    const TICK: Duration = Duration::from_millis(1);

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

    fn pending() -> Request {
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let runtime = RuntimeId::from_uuid(Uuid::from_u128(1));
        let request = RequestId::lower_bound(at(0));
        Request::new(Address { runtime, request, kind: Kind::MODEL_LIST }, workspace, at(0))
    }

    fn running() -> Request {
        pending().claimed_if_pending(token(), at(10)).unwrap()
    }

    fn terminal() -> [Request; 4] {
        let failure = RequestOutcome::Failed(ErrorText::from("no".to_owned()));
        [
            running().reported_if_open(&completed(), at(20)).unwrap(),
            running().reported_if_open(&failure, at(20)).unwrap(),
            pending().timed_out_if_expired(at(31)).unwrap(),
            running().timed_out_if_expired(at(71)).unwrap(),
        ]
    }

    #[test]
    fn pending_times_out_after_30_s() {
        assert_eq!(pending().timeout_reason(at(30)), None);
        assert_eq!(pending().timeout_reason(at(30) + TICK), Some(TimeoutReason::NotClaimed));
    }

    #[test]
    fn running_times_out_60_s_after_first_claim() {
        assert_eq!(running().timeout_reason(at(70)), None);
        assert_eq!(running().timeout_reason(at(70) + TICK), Some(TimeoutReason::NotReported));
    }

    #[test]
    fn claim_starts_lease() {
        let State::Running(lease) = running().state else { panic!("not running") };
        assert_eq!(lease, Lease { claimed_at: at(10), token: token(), attempt: 1 });
    }

    #[test]
    fn claims_only_pending() {
        assert!(running().claimed_if_pending(token(), at(11)).is_none());
        for request in terminal() {
            assert!(request.claimed_if_pending(token(), at(21)).is_none(), "{:?}", request.state);
        }
    }

    #[test]
    fn rejects_claim_past_deadline() {
        assert!(pending().claimed_if_pending(token(), at(30)).is_some());
        assert!(pending().claimed_if_pending(token(), at(30) + TICK).is_none());
    }

    #[test]
    fn redelivery_keeps_running_deadline() {
        let again = running().redelivered_if_lost(token(), second_token(), at(20)).unwrap();
        let State::Running(lease) = again.state else { panic!("not running") };
        assert_eq!(lease, Lease { claimed_at: at(10), token: second_token(), attempt: 2 });
        assert_eq!((again.created_at, again.updated_at), (at(0), at(20)));
        assert_eq!(again.timeout_reason(at(70) + TICK), Some(TimeoutReason::NotReported));
    }

    #[test]
    fn redelivers_only_running() {
        for request in std::iter::once(pending()).chain(terminal()) {
            let again = request.redelivered_if_lost(token(), second_token(), at(26));
            assert!(again.is_none(), "{:?}", request.state);
        }
    }

    #[test]
    fn replaces_only_current_lease() {
        let again = running().redelivered_if_lost(token(), second_token(), at(16)).unwrap();
        assert!(again.redelivered_if_lost(token(), second_token(), at(22)).is_none());
        assert!(again.redelivered_if_lost(second_token(), token(), at(22)).is_some());
    }

    #[test]
    fn redelivers_lease_older_than_5_s() {
        let again = |request: &Request, replaced, now| {
            request.redelivered_if_lost(replaced, LeaseToken::from_uuid(Uuid::from_u128(9)), now)
        };
        assert!(again(&running(), token(), at(15)).is_none());
        let second = running().redelivered_if_lost(token(), second_token(), at(15) + TICK).unwrap();
        assert!(again(&second, second_token(), at(20) + TICK).is_none());
        assert!(again(&second, second_token(), at(20) + TICK * 2).is_some());
    }

    #[test]
    fn rejects_redelivery_past_deadline() {
        let again = |now| running().redelivered_if_lost(token(), second_token(), now);
        assert!(again(at(70)).is_some());
        assert!(again(at(70) + TICK).is_none());
    }

    fn pending_or_lost(in_flight: &[RequestId]) -> ClaimFilter {
        ClaimFilter::PendingOrLost(InFlight::try_from(in_flight.to_vec()).unwrap())
    }

    #[test]
    fn delivers_pending_to_every_filter() {
        for filter in
            [ClaimFilter::Pending, pending_or_lost(&[]), pending_or_lost(&[pending().address.request])]
        {
            assert_eq!(pending().delivery(&filter, at(30)), Some(Delivery::First));
            assert_eq!(pending().delivery(&filter, at(30) + TICK), None);
        }
    }

    #[test]
    fn redelivers_running_request_missing_from_in_flight() {
        let running = running();
        let now = at(15) + TICK;
        assert_eq!(running.delivery(&ClaimFilter::Pending, now), None);
        assert_eq!(running.delivery(&pending_or_lost(&[running.address.request]), now), None);
        let other = RequestId::lower_bound(at(1));
        for in_flight in [&[][..], &[other]] {
            let again = Some(Delivery::Redelivery { lease: token() });
            assert_eq!(running.delivery(&pending_or_lost(in_flight), now), again);
            assert_eq!(running.delivery(&pending_or_lost(in_flight), at(15)), None);
            assert_eq!(running.delivery(&pending_or_lost(in_flight), at(70) + TICK), None);
        }
    }

    #[test]
    fn never_delivers_terminal() {
        for request in terminal() {
            assert_eq!(request.delivery(&pending_or_lost(&[]), at(40)), None, "{:?}", request.state);
        }
    }

    #[test]
    fn reports_pending_and_running() {
        for request in [pending(), running()] {
            let reported = request.reported_if_open(&completed(), at(12)).unwrap();
            assert_eq!((reported.state.status().as_str(), reported.updated_at), ("completed", at(12)));
        }
    }

    #[test]
    fn rejects_report_past_deadline() {
        assert!(pending().reported_if_open(&completed(), at(30) + TICK).is_none());
        assert!(running().reported_if_open(&completed(), at(70) + TICK).is_none());
    }

    #[test]
    fn terminal_is_final() {
        for request in terminal() {
            let state = &request.state;
            assert!(request.reported_if_open(&completed(), at(22)).is_none(), "report on {state:?}");
            assert!(request.timed_out_if_expired(at(1_000)).is_none(), "timeout of {state:?}");
        }
    }

    #[test]
    fn is_readable_within_retention() {
        assert!(running().is_readable(at(130)));
        assert!(!running().is_readable(at(130) + TICK));
    }
}
