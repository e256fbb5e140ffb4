//! The scope of an exploration, the invariants, and the mutations that break them.

/// Bounds of the state space, and so of the guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    pub requests: usize,
    /// A single instance has no clock skew.
    pub instances: usize,
    /// How many faults happen in all.
    pub faults: u8,
    /// How many calls are in progress at once.
    pub calls: usize,
    /// The last instant, in seconds.
    pub until: u64,
}

/// The numbers in the names are those of the design.
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
    /// A report that was called stale is not what is stored.
    StaleIsNotStored,
    /// On no clock is a request open 90 s after it was made.
    NothingIsStuck,
    /// Heartbeats look for work while a request is open, unless its initiate is still in progress.
    OpenHasWorkHint,
    /// A heartbeat does not claim a request while an older one can be claimed.
    FirstComeFirstServed,
    /// If one daemon's heartbeats and reports arrive from now on, an open request is completed (`recovery.rs`).
    LossCostsTimeOnly,
    /// A heartbeat does not get a request that it lists as in flight.
    InFlightIsNotRedelivered,
}

impl Invariant {
    pub fn name(self) -> &'static str {
        match self {
            Self::OneWinner => "1 one winner",
            Self::WinnerGetsRequest => "1 one winner: the winner gets the request",
            Self::TerminalIsFinal => "2 terminal is final",
            Self::AcknowledgedIsStored => "3 acknowledged is stored",
            Self::StaleIsNotStored => "3 acknowledged is stored: stale is not stored",
            Self::NothingIsStuck => "4 nothing is stuck",
            Self::OpenHasWorkHint => "4 nothing is stuck: an open request has a work hint",
            Self::FirstComeFirstServed => "5 first come, first served",
            Self::LossCostsTimeOnly => "7 a lost message costs time, not the answer",
            Self::InFlightIsNotRedelivered => "7 a request in flight is not redelivered",
        }
    }
}

/// One defect of the design. A mutation without a counterexample shows that a property is too weak, or that the design
/// has something that it does not need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    ClaimWithoutCondition,
    ClaimIgnoresDeadline,
    /// A retried claim does not recognise its own lease token.
    ClaimWithoutLeaseToken,
    NewestFirst,
    PollWithoutStoringTimeout,
    /// A poll writes a timeout over whatever is stored.
    TimeoutWithoutCondition,
    /// A poll may read the record before its last change.
    EventuallyConsistentRead,
    /// Initiate puts the request before it writes the work hint.
    WorkHintAfterPut,
    /// The work hint covers the pending deadline, but not the running one.
    WorkHintWhilePendingOnly,
    ReportWithoutCondition,
    /// A retried report does not recognise its own stored outcome.
    ReportWithoutIdempotency,
    NoRedelivery,
    /// A redelivery replaces any lease, not only the one that it read.
    RedeliveryOfAnyLease,
    RedeliveryRestartsClock,
    RedeliveryIgnoresInFlight,
}

impl Mutation {
    pub const ALL: [Self; 15] = [
        Self::ClaimWithoutCondition,
        Self::ClaimIgnoresDeadline,
        Self::ClaimWithoutLeaseToken,
        Self::NewestFirst,
        Self::PollWithoutStoringTimeout,
        Self::TimeoutWithoutCondition,
        Self::EventuallyConsistentRead,
        Self::WorkHintAfterPut,
        Self::WorkHintWhilePendingOnly,
        Self::ReportWithoutCondition,
        Self::ReportWithoutIdempotency,
        Self::NoRedelivery,
        Self::RedeliveryOfAnyLease,
        Self::RedeliveryRestartsClock,
        Self::RedeliveryIgnoresInFlight,
    ];

    /// The invariant that the mutation breaks.
    pub fn breaks(self) -> Invariant {
        match self {
            Self::ClaimWithoutCondition | Self::RedeliveryOfAnyLease => Invariant::OneWinner,
            Self::ClaimWithoutLeaseToken => Invariant::WinnerGetsRequest,
            Self::PollWithoutStoringTimeout | Self::ReportWithoutCondition => Invariant::TerminalIsFinal,
            Self::TimeoutWithoutCondition | Self::EventuallyConsistentRead => Invariant::AcknowledgedIsStored,
            Self::ReportWithoutIdempotency => Invariant::StaleIsNotStored,
            Self::ClaimIgnoresDeadline | Self::RedeliveryRestartsClock => Invariant::NothingIsStuck,
            Self::WorkHintAfterPut | Self::WorkHintWhilePendingOnly => Invariant::OpenHasWorkHint,
            Self::NewestFirst => Invariant::FirstComeFirstServed,
            Self::NoRedelivery => Invariant::LossCostsTimeOnly,
            Self::RedeliveryIgnoresInFlight => Invariant::InFlightIsNotRedelivered,
        }
    }
}

/// The design as it is built, or with one mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Design(pub Option<Mutation>);

impl Design {
    pub fn has(self, mutation: Mutation) -> bool {
        self.0 == Some(mutation)
    }
}
