//! What a store promises, operation by operation.
//!
//! Two stores keep these promises: [`memory`], which is the lifecycle under one lock and the reference, and
//! `dynamodb`, in which every promise is one conditional write. `conformance` holds each against the same suite.
//!
//! **For all operations**
//! - A runtime or request of a workspace that the caller is not in is answered like one that does not exist, except
//!   where [`Beat::Foreign`] says otherwise.
//! - What is past its retention does not exist, whether or not it has been deleted yet.
//! - Losing a race is an outcome. [`StoreError`] means that the store could not say: what was asked may or may not have
//!   happened, and asking again is safe.
//! - `now` is the caller's clock. Two callers' clocks may differ; what has been written down once is then the truth
//!   for both.
//!
//! Each function asks for just the trait it needs, so that its permissions can be just as narrow.

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
pub mod memory;

use std::future::Future;

use crate::access::Workspaces;
use crate::id::{ClaimId, RequestId, RuntimeId, WorkspaceId};
use crate::request::pace::TooFast;
use crate::request::{Address, Delivery, Kind, Looking, Outcome, Request, State};
use crate::runtime::{Registration, Runtime};
use crate::time::Timestamp;
use crate::token::{TokenHash, TokenRecord};

/// The store could not say. Carries no item, token or payload: it is made for the log.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {detail}")]
pub struct StoreError {
    /// What was being done, by the store's own name for it.
    pub operation: &'static str,
    /// What went wrong, without any data.
    pub detail: String,
}

/// What a store answers.
pub type Result<T> = std::result::Result<T, StoreError>;

/// How [`Initiate::initiate`] went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Initiated {
    /// The request waits for the runtime's next heartbeat.
    Enqueued(Request),
    /// The runtime is known and has not been seen lately.
    Offline,
    /// The runtime is online, and has been rung too often lately.
    TooFast(TooFast),
    /// There is no such runtime.
    Unknown,
}

/// Asking.
pub trait Initiate: Send + Sync {
    /// Asks the runtime at `address`, if it is online at `now` and keeps the [pace](crate::request::pace).
    ///
    /// The runtime's attention is drawn first and the request made after that, so that a crash in between leaves a
    /// hint without a request and never a request without a hint. Once this has returned, every later
    /// [`poll`](Poll::poll) finds the request. Asking again with the same `address` and `now` is the same ring: it begins
    /// nothing anew and, unless somebody else has rung in between, takes no other place in the pace.
    fn initiate(
        &self,
        address: Address,
        allowed: &Workspaces,
        now: Timestamp,
    ) -> impl Future<Output = Result<Initiated>> + Send;
}

/// How [`Poll::poll`] went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// The request as it is stored.
    Found(Request),
    /// The request as it is stored now: it had lapsed, and this poll has written that down. Said once for a request, but
    /// for polls of the very same `now`, which cannot be told from one that is tried again.
    TimedOut(Request),
    /// There is no such request.
    Unknown,
}

/// Looking at a request.
pub trait Poll: Send + Sync {
    /// The request at `address`. A lapse is written down before it is shown: once any poll has shown a terminal state,
    /// every later poll shows the same, on whichever node.
    fn poll(
        &self,
        address: Address,
        allowed: &Workspaces,
        now: Timestamp,
    ) -> impl Future<Output = Result<Polled>> + Send;
}

/// How [`Heartbeat::beat`] went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// The sign of life is stored.
    Recorded {
        /// Whether the runtime was rung lately, so that looking for work is worth a read.
        attention: bool,
    },
    /// The runtime is gone, or never was.
    Unknown,
    /// The runtime is another workspace's. Told apart because a daemon drops a runtime that is unknown.
    Foreign,
}

/// A request that a heartbeat may try to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which one.
    pub request: RequestId,
    /// What is asked.
    pub kind: Kind,
    /// How it would be handed out.
    pub delivery: Delivery,
}

/// How [`Heartbeat::claim`] went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The caller has it, and nobody else.
    Won(Request),
    /// Somebody else has it, or it can no longer be handed out that way.
    Lost,
}

/// Signs of life, and handing out work.
pub trait Heartbeat: Send + Sync {
    /// Notes that `runtime` was seen at `now`, and keeps it known and listed. It is online again if it was signed off.
    fn beat(
        &self,
        runtime: RuntimeId,
        allowed: &Workspaces,
        now: Timestamp,
    ) -> impl Future<Output = Result<Beat>> + Send;

    /// Requests of `runtime` that may be claimed at `now`, the oldest first, whether they are pending or, where that is
    /// looked for too, undelivered: running by a claim more than [`REDELIVERY_AFTER`](crate::limits::REDELIVERY_AFTER) old,
    /// not lapsed, and not in flight. Some may be left out when there are many, never the oldest of a kind. Reads only, so it
    /// may be abandoned at any moment.
    fn look(
        &self,
        runtime: RuntimeId,
        looking: &Looking,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Candidate>>> + Send;

    /// Claims a request that has not lapsed, as `delivery` says: one that is pending, or one that still runs by the claim
    /// to be replaced. A replacing claim counts one attempt more and does not restart the running clock. Of all the claims
    /// that begin with a request pending, or that replace the same claim, one is won; asking again with the same `claim`
    /// gives the same answer for as long as the request runs by it. Once begun it must be waited for: an abandoned claim may
    /// have been won.
    fn claim(
        &self,
        address: Address,
        delivery: Delivery,
        claim: ClaimId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Claim>> + Send;
}

/// How [`Report::report`] went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// This report has stored the outcome: every later poll shows it. Said once for a request, but for equal reports of the
    /// very same `now`, which cannot be told from one that is tried again.
    Recorded {
        /// When the request was made.
        created_at: Timestamp,
    },
    /// The very outcome was stored before, and every later poll shows it: the daemon did not get the answer, or says it
    /// twice. Nothing changed.
    Repeated,
    /// The request was answered otherwise, or has lapsed. Nothing changed.
    Stale,
    /// There is no such request.
    Unknown,
}

impl Reported {
    /// What the report of `outcome` at `now` comes to, of a request that has ended or lapsed. The stored outcome is the
    /// report's mark, and the time of it tells the same call, tried again, from a later one.
    fn of_ended(request: &Request, outcome: &Outcome, now: Timestamp) -> Self {
        match request.state == State::from(outcome.clone()) {
            true if request.updated_at == now => Self::Recorded { created_at: request.created_at },
            true => Self::Repeated,
            false => Self::Stale,
        }
    }
}

/// Answering.
pub trait Report: Send + Sync {
    /// Stores the outcome of an open request that has not lapsed.
    fn report(
        &self,
        address: Address,
        allowed: &Workspaces,
        outcome: &Outcome,
        now: Timestamp,
    ) -> impl Future<Output = Result<Reported>> + Send;
}

/// Making runtimes known.
pub trait Register: Send + Sync {
    /// Makes the runtime known and listed, or brings what is known up to date. The caller has checked that the
    /// workspace is one of theirs.
    fn register(
        &self,
        registration: Registration,
        now: Timestamp,
    ) -> impl Future<Output = Result<Runtime>> + Send;
}

/// How [`Deregister::deregister`] went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deregistered {
    /// The runtime is offline.
    Done,
    /// There is no such runtime.
    Unknown,
}

/// Signing runtimes off.
pub trait Deregister: Send + Sync {
    /// Takes the runtime offline at once, until its next heartbeat or registration.
    fn deregister(
        &self,
        runtime: RuntimeId,
        allowed: &Workspaces,
        now: Timestamp,
    ) -> impl Future<Output = Result<Deregistered>> + Send;
}

/// Listing what can be rung.
pub trait Runtimes: Send + Sync {
    /// Every known runtime of `workspace`, in no particular order. The caller has checked that it is one of theirs.
    fn runtimes(
        &self,
        workspace: WorkspaceId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Runtime>>> + Send;
}

/// Knowing tokens.
pub trait Tokens: Send + Sync {
    /// What is known of a token that is accepted at `now`. A token that was revoked or has expired is not known.
    fn token(
        &self,
        hash: TokenHash,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<TokenRecord>>> + Send;
}

/// How [`TokenAdministration::revoke`] went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// The token is not known any more.
    Done,
    /// There is no such token in the workspace.
    Unknown,
}

/// Making and revoking tokens: for administrators, never for a function.
pub trait TokenAdministration: Tokens {
    /// Makes the token known, in each of its workspaces.
    fn issue(&self, record: &TokenRecord) -> impl Future<Output = Result<()>> + Send;

    /// The tokens that are known in `workspace`, in no particular order.
    fn tokens(
        &self,
        workspace: WorkspaceId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<TokenRecord>>> + Send;

    /// Forgets a token of `workspace`, in all of its workspaces.
    fn revoke(&self, workspace: WorkspaceId, hash: TokenHash)
    -> impl Future<Output = Result<Revoked>> + Send;
}

/// A store with every operation that a function asks for.
pub trait Store: Initiate + Poll + Heartbeat + Report + Register + Deregister + Runtimes + Tokens {}
impl<S: Initiate + Poll + Heartbeat + Report + Register + Deregister + Runtimes + Tokens> Store for S {}
