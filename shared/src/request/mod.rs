//! The request: one question to one runtime, and its lifecycle.
//!
//! Pure functions of (record, now). They know no storage, no HTTP and no clock; the stores carry them out, and the
//! memory store does so literally.
//!
//! ```text
//!                         ┌──┐ redelivery
//!              claim      ▼  │       report
//!   pending ──────────▶ running ──────────────▶ completed | failed
//!      │  │                │
//!      │  └── report ──────┼──────────────────▶ completed | failed
//!      │ > 30 s            │ > 60 s after the claim
//!      └──────▶ timeout ◀──┘
//! ```
//!
//! | state | written by | left by |
//! |---|---|---|
//! | `pending` | initiate | a claim, a report, a lapse |
//! | `running` | the heartbeat that won the claim | a report, a lapse, a claim that replaces it |
//! | `completed`, `failed` | a report on an open request | nothing: terminal is for ever |
//! | `timeout` | the first poll that finds a lapse | nothing |

mod delivery;
mod kind;
mod lifecycle;
mod outcome;
pub mod pace;

pub use delivery::{Delivery, InFlight, Looking, TooManyInFlight};
pub use kind::Kind;
pub use outcome::{ErrorText, Outcome, ResultBody, ResultTooLarge};

use crate::id::{ClaimId, RequestId, RuntimeId, WorkspaceId};
use crate::time::Timestamp;

/// Where a request is found: its id alone is not enough, a poll through another runtime's path must miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The runtime that was rung.
    pub runtime: RuntimeId,
    /// The question.
    pub request: RequestId,
    /// What is asked.
    pub kind: Kind,
}

/// One question and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Where it is found.
    pub address: Address,
    /// The workspace of the runtime when it was rung.
    pub workspace: WorkspaceId,
    /// How far it has come.
    pub state: State,
    /// When it was asked: where the pending clock starts.
    pub created_at: Timestamp,
    /// When the state last changed: where retention starts. Of a running request, when it was last handed out.
    pub updated_at: Timestamp,
}

/// How far a request has come, with exactly what is known in that state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits for a heartbeat.
    Pending,
    /// A daemon has it.
    Running(Run),
    /// Answered.
    Completed(ResultBody),
    /// The daemon could not answer.
    Failed(ErrorText),
    /// Nobody answered in time.
    Timeout(Lapse),
}

/// The claim by which a daemon holds a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// When it was first claimed: where the running clock starts. Kept in storage, never on the wire.
    pub started_at: Timestamp,
    /// The heartbeat that won last.
    pub claim: ClaimId,
    /// How often it was handed out: 1 for the first claim.
    pub attempt: u32,
}

/// Which clock ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lapse {
    /// Nobody claimed it in time.
    Unclaimed,
    /// It was claimed and not answered in time.
    Unfinished,
}

impl Lapse {
    /// The error text of the wire contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unclaimed => "daemon did not respond within 30 seconds",
            Self::Unfinished => "daemon did not finish within 60 seconds",
        }
    }

    /// The lapse with that text, as storage keeps it.
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Unclaimed, Self::Unfinished].into_iter().find(|lapse| lapse.as_str() == text)
    }
}

/// A state's name, on the wire and in storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Waits for a heartbeat.
    Pending,
    /// A daemon has it.
    Running,
    /// Answered.
    Completed,
    /// The daemon could not answer.
    Failed,
    /// Nobody answered in time.
    Timeout,
}

impl Status {
    /// The name, as serde writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
        }
    }

    /// Whether nothing will change it any more.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

impl State {
    /// The state's name.
    pub fn status(&self) -> Status {
        match self {
            Self::Pending => Status::Pending,
            Self::Running(_) => Status::Running,
            Self::Completed(_) => Status::Completed,
            Self::Failed(_) => Status::Failed,
            Self::Timeout(_) => Status::Timeout,
        }
    }
}
