//! The request lifecycle, as pure functions of (record, now): no storage, no HTTP, no clock.
//!
//! ```text
//!                         ┌──┐ redelivery, progress
//!              claim      ▼  │       report, cancel
//!   pending ──────────▶ running ──────────────▶ completed | failed | cancelled
//!      │  │                │
//!      │  └ report, cancel ┼──────────────────▶ completed | failed | cancelled
//!      │ pending deadline  │ running deadline, after the first claim
//!      └──────▶ timeout ◀──┘
//! ```
//!
//! | state | entered by | left by |
//! |---|---|---|
//! | `pending` | initiate | a claim, a report, a cancellation, a timeout |
//! | `running` | the claim of a heartbeat | a report, a cancellation, a timeout, a redelivery |
//! | `completed`, `failed` | a report on an open request | never |
//! | `cancelled` | a cancellation of an open request; `failed` on the wire | never |
//! | `timeout` | the first poll or cancellation after the deadline | never |
//!
//! In the lifecycle, a kind is a name, and a request's deadlines are durations. Args, progress and results are opaque JSON.

mod deadlines;
mod history;
mod lifecycle;
mod open_set;
mod ring;

use std::fmt;

use doorbell_protocol::limits::{ERROR_BYTES, RESULT_BYTES};
use doorbell_protocol::{Json, Kind, RequestId, RuntimeId, Status, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use uuid::Uuid;

use crate::runtime::ShortText;

pub use deadlines::Deadlines;
pub use history::{DeliveryRecord, Ending, HistorySubject, RequestHistory};
pub use open_set::OpenRequest;
pub use ring::{Fingerprint, Ring};

/// The key of a request. The id alone is not enough: a poll of another runtime's path must not find the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    pub runtime: RuntimeId,
    pub request: RequestId,
}

/// Which kinds a route serves. Requests of other kinds do not exist on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindFilter {
    Any,
    Only(Kind),
    /// All but these. One or more.
    Except(&'static [Kind]),
}

impl KindFilter {
    pub fn matches(self, kind: Kind) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => only == kind,
            Self::Except(excepted) => !excepted.contains(&kind),
        }
    }
}

/// A client's request to a runtime.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub address: Address,
    pub kind: Kind,
    /// The runtime's workspace at the time of the ring.
    pub workspace: WorkspaceId,
    /// The runtime's daemon, so that a report by another daemon's token fails without a read of the runtime.
    pub daemon_id: ShortText,
    pub args: Option<Json>,
    pub deadlines: Deadlines,
    pub state: State,
    /// The last progress that was reported while it was running.
    pub progress: Option<Json>,
    /// When the daemon was last notified. Only if the runtime had a push lease at the time of the ring.
    pub notified_at: Option<Timestamp>,
    /// The time of the ring. The pending deadline starts here.
    pub created_at: Timestamp,
    /// The last change: for a running request, the last delivery or progress. Retention starts here.
    pub updated_at: Timestamp,
}

/// A request's state and its data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    Pending,
    Running(Lease),
    Completed(Payload),
    Failed(ErrorText),
    Cancelled,
    Timeout(TimeoutReason),
}

/// Which deadline ended a request. The text of the wire contract depends on the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum TimeoutReason {
    NotClaimed,
    NotReported,
}

impl TimeoutReason {
    /// The name in storage.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl State {
    pub fn status(&self) -> Status {
        match self {
            Self::Pending => Status::Pending,
            Self::Running(_) => Status::Running,
            Self::Completed(_) => Status::Completed,
            Self::Failed(_) | Self::Cancelled => Status::Failed,
            Self::Timeout(_) => Status::Timeout,
        }
    }

    /// Whether a report of `outcome` leads to this state. Compares without a clone: results are large.
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

/// A daemon's claim on a running request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The time of the first claim. The running deadline starts here. Never on the wire.
    pub claimed_at: Timestamp,
    /// The time of this claim.
    pub leased_at: Timestamp,
    pub token: LeaseToken,
    /// The number of deliveries so far: 1 for the first claim.
    pub attempt: u32,
}

/// The idempotency token of a claim: a retried claim recognizes its first try by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseToken(#[serde(with = "uuid::serde::simple")] Uuid);

impl LeaseToken {
    /// For id generators, and for tests with fixed tokens.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The last bits of a random id: all of them are random.
    pub(crate) fn random_bits(self) -> u32 {
        (self.0.as_u128() & u128::from(u32::MAX)) as u32
    }
}

impl fmt::Display for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// Which requests a heartbeat may claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimFilter {
    Pending,
    /// Pending requests, and running ones whose lease is old enough to be lost. For daemons that list what they have in flight; the
    /// caller leaves those out.
    PendingOrLost,
}

/// The reported outcome of a daemon's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    Completed(Payload),
    Failed(ErrorText),
}

impl RequestOutcome {
    pub fn status(&self) -> Status {
        match self {
            Self::Completed(_) => Status::Completed,
            Self::Failed(_) => Status::Failed,
        }
    }
}

/// A result as JSON text, at most [`RESULT_BYTES`] long. Opaque to the lifecycle and the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payload(String);

/// The result is over [`RESULT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a result of {bytes} bytes is over the {RESULT_BYTES} that can be stored")]
pub struct PayloadTooLarge {
    pub bytes: usize,
}

impl Payload {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Payload {
    type Error = PayloadTooLarge;
    fn try_from(json: String) -> Result<Self, PayloadTooLarge> {
        if json.len() <= RESULT_BYTES { Ok(Self(json)) } else { Err(PayloadTooLarge { bytes: json.len() }) }
    }
}

/// An error text for users, truncated to [`ERROR_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ErrorText(String);

impl ErrorText {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ErrorText {
    fn from(mut text: String) -> Self {
        if text.len() > ERROR_BYTES {
            text.truncate(text.floor_char_boundary(ERROR_BYTES - '…'.len_utf8()));
            text.push('…');
        }
        Self(text)
    }
}

impl fmt::Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_is_bounded() {
        assert!(Payload::try_from("x".repeat(RESULT_BYTES)).is_ok());
        let over = Payload::try_from("x".repeat(RESULT_BYTES + 1));
        assert_eq!(over, Err(PayloadTooLarge { bytes: RESULT_BYTES + 1 }));
    }

    #[test]
    fn truncates_long_error_between_characters() {
        assert_eq!(ErrorText::from("short".to_owned()).as_str(), "short");
        let cut = ErrorText::from("ü".repeat(ERROR_BYTES));
        assert!(cut.as_str().len() <= ERROR_BYTES && cut.as_str().ends_with("ü…"));
    }
}
