//! The scope of an exploration, the invariants, and the mutations that break them.

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
    /// The last instant, in seconds.
    pub until: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invariant {
    /// One heartbeat wins each lease of a request.
    OneWinner,
    /// A heartbeat whose lease is stored returns the request.
    WinnerGetsRequest,
    /// After a poll has shown a terminal record, every later poll shows the same one until retention ends.
    TerminalIsFinal,
    /// An accepted request is found, and a recorded report is what every later poll shows.
    AcknowledgedIsStored,
    /// The outcome of a stale report is not stored.
    StaleIsNotStored,
    /// On no clock is a request open 90 s after it was made.
    NothingIsStuck,
    /// Heartbeats have a work hint while a request is open, unless its initiate is still in progress.
    OpenHasWorkHint,
    /// A heartbeat does not claim a request while an older one can be claimed.
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
    PollWithoutStoringTimeout,
    /// A poll writes a timeout over whatever is stored.
    TimeoutWithoutCondition,
    /// A poll may read the record as it was before its last change.
    EventuallyConsistentRead,
    /// Initiate puts the request before it writes the work hint.
    WorkHintAfterPut,
    /// The work hint covers the pending deadline, but not the running one.
    WorkHintWhilePendingOnly,
    ReportWithoutCondition,
    /// A retried report does not recognize its own stored outcome.
    ReportWithoutIdempotency,
    NoRedelivery,
    /// A redelivery replaces any lease, not only the lease that it read.
    RedeliveryOfAnyLease,
    RedeliveryRestartsClock,
    RedeliveryIgnoresInFlight,
}

/// Each mutation with the invariant that it breaks.
pub const MUTATIONS: [(Mutation, Invariant); 15] = [
    (Mutation::ClaimWithoutCondition, Invariant::OneWinner),
    (Mutation::ClaimIgnoresDeadline, Invariant::NothingIsStuck),
    (Mutation::ClaimWithoutLeaseToken, Invariant::WinnerGetsRequest),
    (Mutation::NewestFirst, Invariant::FirstComeFirstServed),
    (Mutation::PollWithoutStoringTimeout, Invariant::TerminalIsFinal),
    (Mutation::TimeoutWithoutCondition, Invariant::AcknowledgedIsStored),
    (Mutation::EventuallyConsistentRead, Invariant::AcknowledgedIsStored),
    (Mutation::WorkHintAfterPut, Invariant::OpenHasWorkHint),
    (Mutation::WorkHintWhilePendingOnly, Invariant::OpenHasWorkHint),
    (Mutation::ReportWithoutCondition, Invariant::TerminalIsFinal),
    (Mutation::ReportWithoutIdempotency, Invariant::StaleIsNotStored),
    (Mutation::NoRedelivery, Invariant::LossCostsTimeOnly),
    (Mutation::RedeliveryOfAnyLease, Invariant::OneWinner),
    (Mutation::RedeliveryRestartsClock, Invariant::NothingIsStuck),
    (Mutation::RedeliveryIgnoresInFlight, Invariant::InFlightIsNotRedelivered),
];
