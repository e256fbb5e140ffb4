//! The request lifecycle, as pure functions of (record, now): no storage, no HTTP, no clock.
//!
//! ```text
//!                         ┌──┐ redelivery
//!              claim      ▼  │       report
//!   pending ──────────▶ running ──────────────▶ completed | failed
//!      │  │                │
//!      │  └── report ──────┼──────────────────▶ completed | failed
//!      │ > 30 s            │ > 60 s after the first claim
//!      └──────▶ timeout ◀──┘
//! ```
//!
//! | state | entered by | left by |
//! |---|---|---|
//! | `pending` | initiate | a claim, a report, a timeout |
//! | `running` | the claim of a heartbeat | a report, a timeout, a redelivery |
//! | `completed`, `failed` | a report on an open request | never |
//! | `timeout` | the first poll after the deadline | never |

mod lease;
mod lifecycle;
mod outcome;

pub use lease::{ClaimFilter, Delivery, Lease, LeaseToken};
pub use outcome::{ErrorText, Payload, PayloadTooLarge, RequestOutcome};

use doorbell_protocol::{Kind, RequestId, RuntimeId, Status, Timestamp, WorkspaceId};

/// Where a request is found. Its id alone is not enough: a poll through another runtime's path must not find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    pub runtime: RuntimeId,
    pub request: RequestId,
    pub kind: Kind,
}

/// A client's request to a runtime.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub address: Address,
    /// The runtime's workspace at the time of the ring.
    pub workspace: WorkspaceId,
    pub state: State,
    /// The ring, where the pending deadline starts.
    pub created_at: Timestamp,
    /// The last change of state, where retention starts. Of a running request, the last delivery.
    pub updated_at: Timestamp,
}

/// A request's state, with exactly what is known in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    Pending,
    Running(Lease),
    Completed(Payload),
    Failed(ErrorText),
    Timeout(TimeoutReason),
}

/// Which deadline ended a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeoutReason {
    NotClaimed,
    NotReported,
}

impl TimeoutReason {
    /// The error text of the wire contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotClaimed => "daemon did not respond within 30 seconds",
            Self::NotReported => "daemon did not finish within 60 seconds",
        }
    }

    /// The reason with that text, as it is stored.
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::NotClaimed, Self::NotReported].into_iter().find(|reason| reason.as_str() == text)
    }
}

impl State {
    pub fn status(&self) -> Status {
        match self {
            Self::Pending => Status::Pending,
            Self::Running(_) => Status::Running,
            Self::Completed(_) => Status::Completed,
            Self::Failed(_) => Status::Failed,
            Self::Timeout(_) => Status::Timeout,
        }
    }

    /// Whether this is the state in which a report of `outcome` leaves a request. Compares by reference.
    pub fn is_outcome(&self, outcome: &RequestOutcome) -> bool {
        match (self, outcome) {
            (Self::Completed(stored), RequestOutcome::Completed(reported)) => stored == reported,
            (Self::Failed(stored), RequestOutcome::Failed(reported)) => stored == reported,
            _ => false,
        }
    }
}

impl From<RequestOutcome> for State {
    fn from(outcome: RequestOutcome) -> Self {
        match outcome {
            RequestOutcome::Completed(payload) => Self::Completed(payload),
            RequestOutcome::Failed(error) => Self::Failed(error),
        }
    }
}
