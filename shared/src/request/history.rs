//! The history of a request: the callers of its ring, deliveries and report, for `doorbell why`.
//!
//! Separate from [`Request`], because the lifecycle does not depend on it, and the model and the simulation compare requests.

use std::fmt;

use doorbell_protocol::Timestamp;

use super::{Request, State, TimeoutReason};
use crate::limits::HISTORY_SUBJECT_BYTES;

/// A caller's subject in a history: cut to [`HISTORY_SUBJECT_BYTES`], because an issuer's `sub` has no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistorySubject(String);

impl HistorySubject {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for HistorySubject {
    fn from(subject: &str) -> Self {
        let end = subject.floor_char_boundary(HISTORY_SUBJECT_BYTES);
        Self(subject.get(..end).unwrap_or_default().to_owned())
    }
}

impl fmt::Display for HistorySubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One delivery of a request to a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    pub at: Timestamp,
    /// 1 for the first delivery; every later one is a redelivery.
    pub attempt: u32,
    /// The subject of the daemon's token.
    pub by: HistorySubject,
}

/// A request and its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHistory {
    pub request: Request,
    /// The first claim, which starts the running deadline.
    pub claimed_at: Option<Timestamp>,
    /// The subject of the client's token.
    pub asked_by: Option<HistorySubject>,
    /// The oldest first. Of more than [`HISTORY_DELIVERIES`](crate::limits::HISTORY_DELIVERIES), the first ones and the last one.
    pub deliveries: Vec<DeliveryRecord>,
    /// The subject of the token that reported the outcome.
    pub reported_by: Option<HistorySubject>,
    /// The subject of the token that cancelled it.
    pub cancelled_by: Option<HistorySubject>,
}

/// How a request ended, or when its deadline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Open {
        deadline: Timestamp,
    },
    Reported {
        at: Timestamp,
    },
    Cancelled {
        at: Timestamp,
    },
    TimedOut {
        reason: TimeoutReason,
        deadline: Timestamp,
        /// When a poll stored the timeout; `None` if no poll came after the deadline.
        stored_at: Option<Timestamp>,
    },
}

impl RequestHistory {
    /// How the request has ended at `now`. A request past its deadline has timed out, whether or not a poll has stored that.
    pub fn ending(&self, now: Timestamp) -> Ending {
        let request = &self.request;
        let timed_out =
            |reason, stored_at| Ending::TimedOut { reason, deadline: self.deadline(reason), stored_at };
        match (&request.state, request.timeout_reason(now)) {
            (State::Completed(_) | State::Failed(_), _) => Ending::Reported { at: request.updated_at },
            (State::Cancelled, _) => Ending::Cancelled { at: request.updated_at },
            (State::Timeout(reason), _) => timed_out(*reason, Some(request.updated_at)),
            (_, Some(reason)) => timed_out(reason, None),
            (State::Pending, None) => Ending::Open { deadline: self.deadline(TimeoutReason::NotClaimed) },
            (State::Running(_), None) => Ending::Open { deadline: self.deadline(TimeoutReason::NotReported) },
        }
    }

    fn deadline(&self, reason: TimeoutReason) -> Timestamp {
        let created_at = self.request.created_at;
        match reason {
            TimeoutReason::NotClaimed => self.request.claim_by(),
            TimeoutReason::NotReported => {
                self.claimed_at.unwrap_or(created_at) + self.request.deadlines.running
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use doorbell_protocol::{Kind, RequestId, RuntimeId};
    use uuid::Uuid;

    use super::*;
    use crate::request::{Address, ClaimFilter, Deadlines, ErrorText, LeaseToken, RequestOutcome, Ring};
    use crate::runtime::ShortText;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_795_000_000_000 + seconds * 1000).unwrap()
    }

    fn pending() -> Request {
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let runtime: RuntimeId = "5f0c1b52-6c0e-5d0a-9a5e-0d9f7a1c2b3d".parse().unwrap();
        let request = RequestId::lower_bound(at(0));
        let deadlines = Deadlines::of_seconds(30, 60, 120);
        let ring = Ring::new(Address { runtime, request }, Kind::MODEL_LIST, deadlines);
        Request::new(ring, workspace, ShortText::from_stored("laptop"), at(0))
    }

    fn running() -> Request {
        let token = LeaseToken::from_uuid(Uuid::from_u128(7));
        pending().claimed_if_claimable(ClaimFilter::Pending, token, at(10)).unwrap()
    }

    fn ending(request: Request, claimed_at: Option<Timestamp>, now: i64) -> Ending {
        let history = RequestHistory {
            request,
            claimed_at,
            asked_by: None,
            deliveries: vec![],
            reported_by: None,
            cancelled_by: None,
        };
        history.ending(at(now))
    }

    #[test]
    fn open_request_ends_by_its_deadline() {
        assert_eq!(ending(pending(), None, 30), Ending::Open { deadline: at(30) });
        assert_eq!(ending(running(), Some(at(10)), 70), Ending::Open { deadline: at(70) });
    }

    #[test]
    fn timeout_without_poll_has_its_deadline() {
        let expired = |reason, deadline| Ending::TimedOut { reason, deadline, stored_at: None };
        assert_eq!(ending(pending(), None, 31), expired(TimeoutReason::NotClaimed, at(30)));
        assert_eq!(ending(running(), Some(at(10)), 71), expired(TimeoutReason::NotReported, at(70)));
    }

    #[test]
    fn stored_timeout_keeps_its_deadline() {
        let stored = |reason, deadline| Ending::TimedOut { reason, deadline, stored_at: Some(at(99)) };
        let unclaimed = pending().timed_out_if_expired(at(99)).unwrap();
        assert_eq!(ending(unclaimed, None, 100), stored(TimeoutReason::NotClaimed, at(30)));
        let unreported = running().timed_out_if_expired(at(99)).unwrap();
        assert_eq!(ending(unreported, Some(at(10)), 100), stored(TimeoutReason::NotReported, at(70)));
    }

    #[test]
    fn report_ends_request() {
        let failure = RequestOutcome::Failed(ErrorText::from("no".to_owned()));
        let failed = running().reported_if_open(&failure, at(12)).unwrap();
        assert_eq!(ending(failed, Some(at(10)), 100), Ending::Reported { at: at(12) });
    }

    #[test]
    fn cuts_long_subject_between_characters() {
        assert_eq!(HistorySubject::from("alice").as_str(), "alice");
        assert_eq!(HistorySubject::from("x".repeat(161).as_str()).as_str(), "x".repeat(160));
        assert_eq!(HistorySubject::from("€".repeat(100).as_str()).as_str(), "€".repeat(53));
    }
}
