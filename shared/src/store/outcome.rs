//! The outcomes and errors of the store's operations.

use std::error::Error;
use std::fmt;

use doorbell_protocol::{RuntimeId, Timestamp, WorkspaceId};

use crate::catalog::ServedSnapshot;
use crate::limits::QUESTIONS_PER_PAGE_BYTES;
use crate::presence::{Presence, PushLease};
use crate::push::ClientId;
use crate::rate_limit::RateLimited;
use crate::request::{Deadlines, OpenRequest, Request, RequestOutcome, State};
use crate::runtime::{Runtime, ShortText};
use crate::token::{TokenHash, TokenRecord};

/// The outcome of [`Store::initiate`](super::Store::initiate).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InitiateOutcome {
    /// The request waits for the runtime's next heartbeat. With the push lease of the runtime: its daemon is to be notified.
    Enqueued(Request, Option<PushLease>),
    /// An earlier request answers the ring: it has the same idempotency key, or the ring joins it.
    Existing(Request),
    /// The idempotency key belongs to a ring with another kind or other args.
    IdempotencyKeyUsed,
    /// With the client of a push lease that has expired: its daemon may be connected all the same.
    Offline(Option<ClientId>),
    RateLimited(RateLimited),
    /// The runtime has too many open requests.
    QueueFull,
    NotFound,
}

/// The outcome of [`Store::find_question`](super::Store::find_question).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindQuestionOutcome {
    /// With the deadlines of its requests.
    Found(Deadlines),
    NotDeclared,
    RuntimeNotFound,
}

/// The outcome of [`Store::find_snapshot`](super::Store::find_snapshot).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindSnapshotOutcome {
    /// The snapshot answers the ring. With the open set of the runtime, the oldest first.
    Found(ServedSnapshot, Vec<OpenRequest>),
    /// The ring is answered by [`Store::initiate`](super::Store::initiate): there is no snapshot that may be served, the runtime is
    /// offline or does not exist, or the idempotency key was used.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeartbeatOutcome {
    Recorded(RecordedHeartbeat),
    NotFound,
    /// The runtime is of another workspace, or of another daemon than the caller is bound to. Distinguished from `NotFound`, because a
    /// daemon registers an unknown runtime again.
    OtherWorkspace,
}

/// What a heartbeat has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedHeartbeat {
    /// The open set of the runtime, the oldest first.
    pub open: Vec<OpenRequest>,
    pub workspace: WorkspaceId,
    pub daemon_id: ShortText,
    /// After this heartbeat.
    pub presence: Presence,
    /// Whether the runtime's listing is due for [renewal](super::Store::renew_listing).
    pub listing_is_due: bool,
}

/// The outcome of [`Store::replace_presence`](super::Store::replace_presence).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresenceOutcome {
    /// With the open set at this time, the oldest first. A ring before it may have seen no push lease.
    Replaced(Vec<OpenRequest>),
    /// A heartbeat, a registration or another end of the lease came first. Nothing changed.
    Changed,
}

/// The outcome of [`Store::take_reminder`](super::Store::take_reminder).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReminderOutcome {
    /// This caller reminds the daemon.
    Taken(PushLease),
    /// Another poll reminds the daemon, the request has been claimed or has ended, or the runtime has no push lease.
    NotDue,
}

/// The outcome of [`Store::claim`](super::Store::claim).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one outcome exists at a time, and most carry a request")]
pub enum ClaimOutcome {
    /// The caller holds the lease.
    Won(Request),
    /// The request cannot be claimed now: another claim won, its lease may hold, or it has expired on this instance's clock only.
    Lost,
    /// The request has [ended](Request::has_ended), so that its id can be removed from the open set.
    Ended,
    /// There is no request. Its initiate may be in progress.
    Missing,
}

impl ClaimOutcome {
    /// The outcome of a claim of `request`, which cannot be claimed.
    pub(super) fn of_unclaimable(request: &Request, now: Timestamp) -> Self {
        if request.has_ended(now) { Self::Ended } else { Self::Lost }
    }
}

/// The outcome of [`Store::report_progress`](super::Store::report_progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressOutcome {
    Recorded,
    Cancelled,
    /// The request is not running. Nothing changed.
    Stale,
    NotFound,
}

impl ProgressOutcome {
    pub(super) fn of_not_running(request: &Request) -> Self {
        if request.state == State::Cancelled { Self::Cancelled } else { Self::Stale }
    }
}

/// The outcome of [`Store::cancel`](super::Store::cancel).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The request is cancelled, by this call or its first try.
    Cancelled(Request),
    /// The request had ended before. Nothing changed.
    Ended(Request),
    NotFound,
}

impl CancelOutcome {
    /// The outcome of a cancellation of an ended request. A cancellation at `now` was the first try of this one.
    pub(super) fn of_ended(request: Request, now: Timestamp) -> Self {
        let is_ours = request.state == State::Cancelled && request.updated_at == now;
        if is_ours { Self::Cancelled(request) } else { Self::Ended(request) }
    }
}

/// The outcome of [`Store::report`](super::Store::report).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// This report stored the outcome; every later poll returns it. Returned at most once per request, unless two equal reports
    /// share `now` (indistinguishable from an SDK retry).
    Recorded {
        created_at: Timestamp,
    },
    /// The same outcome was stored before. Nothing changed.
    Duplicate,
    /// The request was cancelled. Nothing changed.
    Cancelled,
    /// The request has another outcome, or has timed out. Nothing changed.
    Stale,
    NotFound,
}

impl ReportOutcome {
    /// The outcome of a report on a request that is not open. An equal stored outcome identifies the report; its time
    /// distinguishes a retried write from a later report.
    pub(super) fn of_closed(request: &Request, outcome: &RequestOutcome, now: Timestamp) -> Self {
        if request.state == State::Cancelled {
            return Self::Cancelled;
        }
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

/// The outcome of [`Store::register`](super::Store::register).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterOutcome {
    /// The runtimes, in the order of the registration.
    Registered(Vec<Runtime>),
    /// The new runtimes exceed the limit of the workspace. Nothing was written.
    WorkspaceFull,
}

/// The outcome of [`Store::deregister`](super::Store::deregister).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeregisterOutcome {
    Deregistered,
    NotFound,
}

/// The outcome of [`Store::forget_runtime`](super::Store::forget_runtime).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgetOutcome {
    Forgotten,
    NotFound,
}

/// The outcome of [`Store::list_runtimes`](super::Store::list_runtimes).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuntimePage {
    /// In the order of their ids.
    pub runtimes: Vec<Runtime>,
    /// The `after` of the next page; none on the last page.
    pub next: Option<RuntimeId>,
}

impl RuntimePage {
    /// The page with the first of `runtimes` whose questions take up to [`QUESTIONS_PER_PAGE_BYTES`], at least one runtime.
    pub(super) fn bounded(mut runtimes: Vec<Runtime>, next: Option<RuntimeId>) -> Self {
        let mut bytes = 0_usize;
        let over = runtimes.iter().position(|runtime| {
            bytes = bytes.saturating_add(runtime.questions.response_bytes());
            bytes > QUESTIONS_PER_PAGE_BYTES
        });
        let Some(fitting) = over.map(|index| index.max(1)).filter(|fitting| *fitting < runtimes.len()) else {
            return Self { runtimes, next };
        };
        runtimes.truncate(fitting);
        let next = runtimes.last().map(|runtime| runtime.id);
        Self { runtimes, next }
    }
}

/// The outcome of [`Store::charge`](super::Store::charge), with the stored TAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeOutcome {
    Charged {
        tat: Timestamp,
    },
    /// Nothing was charged.
    RateLimited {
        limited: RateLimited,
        tat: Timestamp,
    },
}

/// The outcome of [`TokenStore::find_token`](super::TokenStore::find_token).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindTokenOutcome {
    Found(TokenRecord),
    /// The stored token has more workspaces than [`Workspaces`](crate::access::Workspaces) may have, so it cannot be used.
    TooManyWorkspaces,
    /// Unknown, revoked or expired.
    NotFound,
}

/// The outcome of [`TokenStore::revoke_token`](super::TokenStore::revoke_token).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeOutcome {
    Revoked,
    NotFound,
}

/// The outcome of [`TokenStore::redeem_enrolment`](super::TokenStore::redeem_enrolment).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedeemOutcome {
    /// The stored record of the token.
    Redeemed(TokenRecord),
    /// Unknown, expired, or redeemed by another daemon or too long ago.
    NotFound,
}

/// A page of [`TokenStore::list_token_page`](super::TokenStore::list_token_page).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenPage {
    /// In the order of their hashes.
    pub tokens: Vec<TokenRecord>,
    /// The `after` of the next page; none on the last page.
    pub next: Option<TokenHash>,
}

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The operation failed, and may or may not have been applied. Its text is for the log and contains no item, token or payload.
pub struct StoreError {
    /// The store's name for the operation.
    pub operation: &'static str,
    pub kind: StoreErrorKind,
    /// An error code or request id, for support.
    pub detail: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Why a store operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub enum StoreErrorKind {
    /// Over the table's or the account's throughput.
    #[strum(serialize = "throttled")]
    Throttled,
    #[strum(serialize = "could not be reached")]
    Unreachable,
    #[strum(serialize = "timed out connecting")]
    ConnectTimeout,
    #[strum(serialize = "timed out")]
    Timeout,
    #[strum(serialize = "the response could not be read")]
    BadResponse,
    /// Rejected for any other reason, such as a missing permission.
    #[strum(serialize = "rejected")]
    Rejected,
    #[strum(serialize = "a stored item is corrupt")]
    Corrupt,
    /// The request could not be built, or the embedded engine failed.
    #[strum(serialize = "failed internally")]
    Internal,
}

impl StoreError {
    pub fn new(operation: &'static str, kind: StoreErrorKind) -> Self {
        Self { operation, kind, detail: None, source: None }
    }

    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Adds `source`. The log has only kind and detail, because a source's text could quote an item.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.kind)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

/// Without the source, which may contain a raw response.
impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreError").field(&self.to_string()).finish()
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
