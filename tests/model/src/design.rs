//! The scope of an exploration, the invariants, and the mutations that break them.

use std::time::Duration;

/// Bounds of the state space, and so of the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    pub requests: usize,
    /// A single instance has no clock skew.
    pub instances: usize,
    /// The maximum number of faults in total.
    pub faults: u8,
    /// The maximum number of concurrent calls.
    pub calls: usize,
    /// The maximum number of ids in the open set.
    pub capacity: usize,
    /// The maximum number of requests that a heartbeat claims.
    pub claims: usize,
    /// Whether clients cancel requests.
    pub cancels: bool,
    /// Whether requests wait for an offline runtime, and for how long.
    pub queue: Duration,
    /// The instants, in seconds. `recovery.rs` continues to the last one.
    pub instants: &'static [u64],
    /// The last instant at which the second request is made. The first is made at 0 s.
    pub last_initiate: u64,
    /// The last instant of the actions.
    pub until: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invariant {
    /// One heartbeat wins each lease of a request, and no heartbeat replaces a lease of the same instant.
    OneWinner,
    /// A heartbeat whose lease is stored returns the request.
    WinnerGetsRequest,
    /// After a poll or a cancellation has shown a terminal record, every later one shows the same until retention ends.
    TerminalIsFinal,
    /// An accepted request is found, and a recorded report is what every later poll shows.
    AcknowledgedIsStored,
    /// The outcome of a stale report is not stored.
    StaleIsNotStored,
    /// On no clock is a request open for longer than its two deadlines together.
    NothingIsStuck,
    /// A request that is open on any clock is in the open set, unless its initiate is still in progress.
    OpenHasId,
    /// If heartbeats and reports arrive from now on, the open set ends empty (`recovery.rs`).
    IdsDoNotStick,
    /// A full open set accepts a ring if its requests have ended (`recovery.rs`).
    FullQueueAccepts,
    /// A heartbeat does not claim a request while an older one of its list can be claimed.
    FirstComeFirstServed,
    /// If one daemon's heartbeats and reports arrive from now on, an open request is completed (`recovery.rs`).
    LossCostsTimeOnly,
    /// A heartbeat does not get a request that it lists as in flight.
    InFlightIsNotRedelivered,
}

/// A defect of the design. A mutation without a counterexample shows that a property is too weak or a part of the design
/// unnecessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    ClaimWithoutCondition,
    ClaimIgnoresDeadline,
    /// A retried claim does not recognize its own lease token.
    ClaimWithoutLeaseToken,
    NewestFirst,
    /// A heartbeat tries the next request after an error of the store.
    ClaimAfterError,
    PollWithoutStoringTimeout,
    /// A poll writes a timeout over whatever is stored.
    TimeoutWithoutCondition,
    /// A poll may read the record as it was before its last change.
    EventuallyConsistentRead,
    /// A poll removes the id although its timeout was not written, because the request was claimed in between.
    PollRemovesAnyId,
    CancelWithoutCondition,
    /// Initiate puts the request before it adds the id.
    IdAddedAfterPut,
    /// Initiate is not cut off after `CALL_TIMEOUT`.
    InitiateWithoutTimeout,
    /// A claim removes the id, as if a claimed request never had to be found again.
    IdRemovedAtClaim,
    ReportWithoutCondition,
    /// A retried report does not recognize its own stored outcome.
    ReportWithoutIdempotency,
    /// A report removes the id before, or in parallel to, the write of its outcome.
    ReportRemovesIdFirst,
    /// A heartbeat removes the id of a request that has expired on its own instance's clock.
    IdRemovedAtDeadline,
    /// A heartbeat removes an id without a request at once.
    OrphanRemovedAtOnce,
    /// A heartbeat removes an id without a request after 10 s, which leaves nothing for clock skew.
    OrphanAgeWithoutSkew,
    /// A heartbeat compares the age of an id without a request when it removes the id, not when it found no request.
    OrphanJudgedAtRemoval,
    NoRemovalByHeartbeat,
    FullQueueNeverCleaned,
    NoRedelivery,
    RedeliveryWithoutLeaseAge,
    RedeliveryRestartsClock,
    RedeliveryIgnoresInFlight,
}

/// Each mutation with the invariant that it breaks.
pub const MUTATIONS: [(Mutation, Invariant); 26] = [
    (Mutation::ClaimWithoutCondition, Invariant::OneWinner),
    (Mutation::ClaimIgnoresDeadline, Invariant::NothingIsStuck),
    (Mutation::ClaimWithoutLeaseToken, Invariant::WinnerGetsRequest),
    (Mutation::NewestFirst, Invariant::FirstComeFirstServed),
    (Mutation::ClaimAfterError, Invariant::FirstComeFirstServed),
    (Mutation::PollWithoutStoringTimeout, Invariant::TerminalIsFinal),
    (Mutation::TimeoutWithoutCondition, Invariant::AcknowledgedIsStored),
    (Mutation::EventuallyConsistentRead, Invariant::AcknowledgedIsStored),
    (Mutation::PollRemovesAnyId, Invariant::LossCostsTimeOnly),
    (Mutation::CancelWithoutCondition, Invariant::AcknowledgedIsStored),
    (Mutation::IdAddedAfterPut, Invariant::LossCostsTimeOnly),
    (Mutation::InitiateWithoutTimeout, Invariant::OpenHasId),
    (Mutation::IdRemovedAtClaim, Invariant::LossCostsTimeOnly),
    (Mutation::ReportWithoutCondition, Invariant::TerminalIsFinal),
    (Mutation::ReportWithoutIdempotency, Invariant::StaleIsNotStored),
    (Mutation::ReportRemovesIdFirst, Invariant::LossCostsTimeOnly),
    (Mutation::IdRemovedAtDeadline, Invariant::LossCostsTimeOnly),
    (Mutation::OrphanRemovedAtOnce, Invariant::LossCostsTimeOnly),
    (Mutation::OrphanAgeWithoutSkew, Invariant::LossCostsTimeOnly),
    (Mutation::OrphanJudgedAtRemoval, Invariant::LossCostsTimeOnly),
    (Mutation::NoRemovalByHeartbeat, Invariant::IdsDoNotStick),
    (Mutation::FullQueueNeverCleaned, Invariant::FullQueueAccepts),
    (Mutation::NoRedelivery, Invariant::LossCostsTimeOnly),
    (Mutation::RedeliveryWithoutLeaseAge, Invariant::OneWinner),
    (Mutation::RedeliveryRestartsClock, Invariant::NothingIsStuck),
    (Mutation::RedeliveryIgnoresInFlight, Invariant::InFlightIsNotRedelivered),
];
