//! The legal transitions, each from exactly the states it may start from.
//!
//! Every comparison is strict: a request lapses when it is **older than** its deadline, and is gone when it is older
//! than its retention. An open request that has lapsed can be neither claimed nor answered, whether or not anyone has
//! written the lapse down yet.

use super::{Address, Delivery, Lapse, Looking, Outcome, Request, Run, State};
use crate::id::{ClaimId, WorkspaceId};
use crate::limits::{PENDING_DEADLINE, REDELIVERY_AFTER, RETENTION, RUNNING_DEADLINE};
use crate::time::Timestamp;

impl Request {
    /// A new question, asked at `now`.
    pub fn new(address: Address, workspace: WorkspaceId, now: Timestamp) -> Self {
        Self { address, workspace, state: State::Pending, created_at: now, updated_at: now }
    }

    /// Whether reads may still show it, whether or not the store has deleted it yet.
    pub fn is_readable(&self, now: Timestamp) -> bool {
        now.since(self.updated_at) <= RETENTION
    }

    /// The deadline that has passed, if one has.
    pub fn lapse(&self, now: Timestamp) -> Option<Lapse> {
        match self.state {
            State::Pending if now.since(self.created_at) > PENDING_DEADLINE => Some(Lapse::Unclaimed),
            State::Running(run) if now.since(run.started_at) > RUNNING_DEADLINE => Some(Lapse::Unfinished),
            _ => None,
        }
    }

    /// The request timed out, if it has lapsed.
    pub fn timed_out_if_lapsed(&self, now: Timestamp) -> Option<Self> {
        self.lapse(now).map(|lapse| self.in_state(State::Timeout(lapse), now))
    }

    /// How the request may be handed to a heartbeat, if it may.
    pub fn delivery(&self, looking: &Looking, now: Timestamp) -> Option<Delivery> {
        if self.lapse(now).is_some() {
            return None;
        }
        match (&self.state, looking) {
            (State::Pending, _) => Some(Delivery::First),
            (State::Running(run), Looking::ForPendingAndUndelivered(in_flight)) => {
                let undelivered = self.may_be_undelivered(now) && !in_flight.contains(self.address.request);
                undelivered.then_some(Delivery::Again { replaced: run.claim })
            }
            _ => None,
        }
    }

    /// The request claimed, if it can still be handed out that way.
    pub fn claimed_if_deliverable(&self, delivery: Delivery, claim: ClaimId, now: Timestamp) -> Option<Self> {
        match delivery {
            Delivery::First => self.claimed_if_pending(claim, now),
            Delivery::Again { replaced } => self.redelivered_if_undelivered(replaced, claim, now),
        }
    }

    /// The request claimed, if it is pending and has not lapsed. This starts the running clock, for good.
    pub fn claimed_if_pending(&self, claim: ClaimId, now: Timestamp) -> Option<Self> {
        let claimable = matches!(self.state, State::Pending) && self.lapse(now).is_none();
        claimable.then(|| self.in_state(State::Running(Run { started_at: now, claim, attempt: 1 }), now))
    }

    /// The request claimed in place of `replaced`, if it runs by that claim, which is old enough to be called undelivered,
    /// and has not lapsed. The running clock goes on.
    pub fn redelivered_if_undelivered(
        &self,
        replaced: ClaimId,
        claim: ClaimId,
        now: Timestamp,
    ) -> Option<Self> {
        let State::Running(run) = self.state else { return None };
        let replaceable = run.claim == replaced && self.may_be_undelivered(now) && self.lapse(now).is_none();
        let run = Run { claim, attempt: run.attempt.saturating_add(1), ..run };
        replaceable.then(|| self.in_state(State::Running(run), now))
    }

    /// Whether the claim is so old that its answer has arrived or never will.
    fn may_be_undelivered(&self, now: Timestamp) -> bool {
        now.since(self.updated_at) > REDELIVERY_AFTER
    }

    /// The request answered, if it is open and has not lapsed.
    pub fn reported_if_open(&self, outcome: &Outcome, now: Timestamp) -> Option<Self> {
        let open = !self.state.status().is_terminal() && self.lapse(now).is_none();
        open.then(|| self.in_state(State::from(outcome.clone()), now))
    }

    fn in_state(&self, state: State, now: Timestamp) -> Self {
        Self { state, updated_at: now, ..self.clone() }
    }
}

impl From<Outcome> for State {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed(result) => Self::Completed(result),
            Outcome::Failed(error) => Self::Failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::id::{RequestId, RuntimeId};
    use crate::request::{ErrorText, InFlight, Kind, ResultBody};

    const TICK: Duration = Duration::from_millis(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_795_000_000_000 + seconds * 1000).unwrap()
    }

    fn claim() -> ClaimId {
        ClaimId::from_uuid(Uuid::from_u128(7))
    }

    fn second_claim() -> ClaimId {
        ClaimId::from_uuid(Uuid::from_u128(8))
    }

    fn answer() -> Outcome {
        Outcome::Completed(ResultBody::try_from("{}".to_owned()).unwrap())
    }

    fn pending() -> Request {
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let runtime = RuntimeId::derive(workspace, "d", "t", "");
        let request = RequestId::lower_bound(at(0));
        Request::new(Address { runtime, request, kind: Kind::ModelList }, workspace, at(0))
    }

    fn running() -> Request {
        pending().claimed_if_pending(claim(), at(10)).unwrap()
    }

    fn terminal() -> [Request; 4] {
        let failure = Outcome::Failed(ErrorText::from("no".to_owned()));
        [
            running().reported_if_open(&answer(), at(20)).unwrap(),
            running().reported_if_open(&failure, at(20)).unwrap(),
            pending().timed_out_if_lapsed(at(31)).unwrap(),
            running().timed_out_if_lapsed(at(71)).unwrap(),
        ]
    }

    #[test]
    fn pending_lapses_after_thirty_seconds_and_not_at_thirty() {
        assert_eq!(pending().lapse(at(30)), None);
        assert_eq!(pending().lapse(at(30) + TICK), Some(Lapse::Unclaimed));
    }

    #[test]
    fn running_lapses_sixty_seconds_after_the_claim_whenever_it_was_asked() {
        assert_eq!(running().lapse(at(70)), None);
        assert_eq!(running().lapse(at(70) + TICK), Some(Lapse::Unfinished));
    }

    #[test]
    fn a_claim_starts_the_run() {
        let State::Running(run) = running().state else { panic!("not running") };
        assert_eq!(run, Run { started_at: at(10), claim: claim(), attempt: 1 });
    }

    #[test]
    fn only_pending_can_be_claimed() {
        assert!(running().claimed_if_pending(claim(), at(11)).is_none());
        for request in terminal() {
            assert!(request.claimed_if_pending(claim(), at(21)).is_none(), "{:?}", request.state);
        }
    }

    #[test]
    fn a_lapsed_request_cannot_be_claimed() {
        assert!(pending().claimed_if_pending(claim(), at(30)).is_some());
        assert!(pending().claimed_if_pending(claim(), at(30) + TICK).is_none());
    }

    #[test]
    fn a_redelivery_replaces_the_claim_and_leaves_the_running_clock() {
        let again = running().redelivered_if_undelivered(claim(), second_claim(), at(20)).unwrap();
        let State::Running(run) = again.state else { panic!("not running") };
        assert_eq!(run, Run { started_at: at(10), claim: second_claim(), attempt: 2 });
        assert_eq!((again.created_at, again.updated_at), (at(0), at(20)));
        assert_eq!(again.lapse(at(70) + TICK), Some(Lapse::Unfinished));
    }

    #[test]
    fn only_running_can_be_redelivered() {
        for request in std::iter::once(pending()).chain(terminal()) {
            let again = request.redelivered_if_undelivered(claim(), second_claim(), at(26));
            assert!(again.is_none(), "{:?}", request.state);
        }
    }

    #[test]
    fn only_the_claim_that_was_seen_is_replaced() {
        let again = running().redelivered_if_undelivered(claim(), second_claim(), at(16)).unwrap();
        assert!(again.redelivered_if_undelivered(claim(), second_claim(), at(22)).is_none());
        assert!(again.redelivered_if_undelivered(second_claim(), claim(), at(22)).is_some());
    }

    #[test]
    fn a_claim_is_replaced_after_five_seconds_and_not_at_five() {
        let again = |request: &Request, replaced, now| {
            request.redelivered_if_undelivered(replaced, ClaimId::from_uuid(Uuid::from_u128(9)), now)
        };
        assert!(again(&running(), claim(), at(15)).is_none());
        let second = running().redelivered_if_undelivered(claim(), second_claim(), at(15) + TICK).unwrap();
        assert!(again(&second, second_claim(), at(20) + TICK).is_none());
        assert!(again(&second, second_claim(), at(20) + TICK * 2).is_some());
    }

    #[test]
    fn a_lapsed_request_cannot_be_redelivered() {
        let again = |now| running().redelivered_if_undelivered(claim(), second_claim(), now);
        assert!(again(at(70)).is_some());
        assert!(again(at(70) + TICK).is_none());
    }

    fn listing(requests: &[RequestId]) -> Looking {
        Looking::ForPendingAndUndelivered(InFlight::try_from(requests.to_vec()).unwrap())
    }

    #[test]
    fn every_heartbeat_is_handed_what_is_pending() {
        for looking in [Looking::ForPending, listing(&[]), listing(&[pending().address.request])] {
            assert_eq!(pending().delivery(&looking, at(30)), Some(Delivery::First));
            assert_eq!(pending().delivery(&looking, at(30) + TICK), None);
        }
    }

    #[test]
    fn what_runs_is_handed_out_again_only_to_who_lists_what_is_in_flight_without_it() {
        let (running, now) = (running(), at(15) + TICK);
        assert_eq!(running.delivery(&Looking::ForPending, now), None);
        assert_eq!(running.delivery(&listing(&[running.address.request]), now), None);
        let other = RequestId::lower_bound(at(1));
        for in_flight in [&[][..], &[other]] {
            let again = Some(Delivery::Again { replaced: claim() });
            assert_eq!(running.delivery(&listing(in_flight), now), again);
            assert_eq!(running.delivery(&listing(in_flight), at(15)), None);
            assert_eq!(running.delivery(&listing(in_flight), at(70) + TICK), None);
        }
    }

    #[test]
    fn nothing_terminal_is_handed_out() {
        for request in terminal() {
            assert_eq!(request.delivery(&listing(&[]), at(40)), None, "{:?}", request.state);
        }
    }

    #[test]
    fn pending_and_running_can_be_reported() {
        for request in [pending(), running()] {
            let reported = request.reported_if_open(&answer(), at(12)).unwrap();
            assert_eq!((reported.state.status().as_str(), reported.updated_at), ("completed", at(12)));
        }
    }

    #[test]
    fn a_lapsed_request_cannot_be_reported() {
        assert!(pending().reported_if_open(&answer(), at(30) + TICK).is_none());
        assert!(running().reported_if_open(&answer(), at(70) + TICK).is_none());
    }

    #[test]
    fn no_transition_alters_a_terminal_request() {
        for request in terminal() {
            let state = &request.state;
            assert!(request.reported_if_open(&answer(), at(22)).is_none(), "report after {state:?}");
            assert!(request.timed_out_if_lapsed(at(1_000)).is_none(), "time-out after {state:?}");
        }
    }

    #[test]
    fn is_readable_for_two_minutes_after_the_last_change() {
        assert!(running().is_readable(at(130)));
        assert!(!running().is_readable(at(130) + TICK));
    }
}
