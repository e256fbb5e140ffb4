//! The design, or the design with one thing wrong.
//!
//! A mutation that the checker lets pass shows that a property is too weak or that something of the design is not needed;
//! that is why they are kept with the model.

use crate::invariant::Invariant;

/// One way to break the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A claim is written whatever the request has become.
    ClaimWithoutCondition,
    /// A claim does not ask whether the request has lapsed.
    ClaimOfWhatHasLapsed,
    /// A claim that is tried again does not recognise what its first try has written.
    ClaimWithoutMark,
    /// A look finds the newest request first.
    NewestFirst,
    /// A poll shows a time-out that it has not written down.
    PollWithoutWritingTimeOuts,
    /// A poll writes a time-out over whatever is stored.
    TimeOutWithoutCondition,
    /// A poll may read what was stored before the last write.
    EventualRead,
    /// The request is made before the runtime's attention is drawn.
    HintAfterPut,
    /// Attention is drawn for as long as the request may be pending, not for as long as it may run.
    AttentionWhilePendingOnly,
    /// A report is written over whatever is stored.
    ReportWithoutCondition,
    /// A report that is tried again does not recognise what its first try has written.
    ReportWithoutMark,
    /// Nothing is handed out again.
    NoRedelivery,
    /// A redelivery does not ask whether the claim that it replaces is still the one that it saw.
    RedeliveryOfAnyClaim,
    /// A redelivery starts the running clock anew.
    RedeliveryRestartsClock,
    /// A redelivery does not look at what the daemon says it has.
    RedeliveryOfWhatIsInFlight,
}

impl Mutation {
    /// What is lost by it.
    pub fn breaks(self) -> Invariant {
        match self {
            Self::ClaimWithoutCondition | Self::RedeliveryOfAnyClaim => Invariant::OneWinner,
            Self::ClaimWithoutMark => Invariant::WinnerIsTold,
            Self::PollWithoutWritingTimeOuts | Self::ReportWithoutCondition => Invariant::TerminalIsForEver,
            Self::TimeOutWithoutCondition | Self::EventualRead => Invariant::AcknowledgedIsStored,
            Self::ReportWithoutMark => Invariant::StaleIsNotStored,
            Self::ClaimOfWhatHasLapsed | Self::RedeliveryRestartsClock => Invariant::NothingIsStuck,
            Self::HintAfterPut | Self::AttentionWhilePendingOnly => Invariant::OpenHasAttention,
            Self::NewestFirst => Invariant::FirstComeFirstServed,
            Self::NoRedelivery => Invariant::LossCostsTimeOnly,
            Self::RedeliveryOfWhatIsInFlight => Invariant::NotWhatIsInFlight,
        }
    }
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// As it is built.
    Faithful,
    /// With one thing wrong.
    Mutated(Mutation),
}

impl Design {
    /// Whether this is what is wrong with it.
    pub fn has(self, mutation: Mutation) -> bool {
        self == Self::Mutated(mutation)
    }
}
