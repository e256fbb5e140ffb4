//! The outcomes of the store's operations.

use doorbell_protocol::{Kind, RequestId, Timestamp};

use crate::rate_limit::RateLimited;
use crate::request::{Delivery, Request, RequestOutcome};

/// The outcome of [`Store::initiate`](super::Store::initiate).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InitiateOutcome {
    /// The request waits for the runtime's next heartbeat.
    Enqueued(Request),
    Offline,
    RateLimited(RateLimited),
    NotFound,
}

/// The outcome of [`Store::poll`](super::Store::poll).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollOutcome {
    Found(Request),
    /// This poll has written the timeout. Returned at most once per request, unless two polls share `now`
    /// (indistinguishable from an SDK retry).
    TimedOut(Request),
    NotFound,
}

/// The outcome of [`Store::record_heartbeat`](super::Store::record_heartbeat).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeartbeatOutcome {
    Recorded {
        /// Whether the runtime was rung lately, so that the queue is worth a read.
        work_hint: bool,
    },
    NotFound,
    /// Distinguished from `NotFound`, because a daemon registers a runtime again when it does not exist.
    OtherWorkspace,
}

/// A request that a heartbeat may try to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub request: RequestId,
    pub kind: Kind,
    pub delivery: Delivery,
}

/// The outcome of [`Store::claim`](super::Store::claim).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The caller holds the lease.
    Won(Request),
    /// Another claim won, or the request cannot be delivered like this any more.
    Lost,
}

/// The outcome of [`Store::report`](super::Store::report).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// This report stored the outcome; every later poll shows it. Returned at most once per request, unless two equal reports
    /// share `now` (indistinguishable from an SDK retry).
    Recorded {
        created_at: Timestamp,
    },
    /// The same outcome was stored before. Nothing changed.
    Duplicate,
    /// The request has another outcome, or has timed out. Nothing changed.
    Stale,
    NotFound,
}

impl ReportOutcome {
    /// Of a report of `outcome` at `now` on a request that is not open. The stored outcome identifies the report, and its time
    /// distinguishes a retried write from a later report.
    pub(super) fn of_closed(request: &Request, outcome: &RequestOutcome, now: Timestamp) -> Self {
        if !request.state.is_outcome(outcome) {
            return Self::Stale;
        }
        if request.updated_at == now {
            Self::Recorded { created_at: request.created_at }
        } else {
            Self::Duplicate
        }
    }
}

/// The outcome of [`Store::deregister`](super::Store::deregister).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeregisterOutcome {
    Deregistered,
    NotFound,
}

/// The outcome of [`TokenStore::revoke_token`](super::TokenStore::revoke_token).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeOutcome {
    Revoked,
    NotFound,
}
