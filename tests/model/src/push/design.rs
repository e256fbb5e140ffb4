//! The scope of an exploration of push, the invariants, and the mutations that break them.

use crate::push::times::Ticks;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushScope {
    /// The maximum number of faults in total.
    pub faults: u8,
    /// Whether clients poll their requests. Otherwise no lifecycle event is lost, and the broker's API fails once only: nothing else
    /// could show a dead daemon offline.
    pub polls: bool,
    /// The maximum number of calls in progress that no daemon waits for.
    pub calls: usize,
    /// Between the heartbeats of a daemon with proven push. The margin of a lease is a quarter of it.
    pub interval: Ticks,
}

impl PushScope {
    pub fn margin(&self) -> Ticks {
        self.interval / 4
    }

    pub fn lease(&self) -> Ticks {
        self.interval + self.margin()
    }

    /// A heartbeat keeps a lease with more than this left.
    pub fn kept(&self) -> Ticks {
        self.margin() + self.interval / 2
    }
}

/// The parts of guarantee 8, and of guarantee 7 under push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PushInvariant {
    /// A daemon that lives and whose calls and socket work claims a request within 15 s, whatever becomes of the hint.
    OnlinePicksUp,
    /// A request that is not claimed within 60 s has seen its runtime offline.
    CannotIsOffline,
    /// A live daemon receives a request that a lost or doubled heartbeat has claimed.
    ClaimIsReceived,
    /// After the event of a lost connection was handled, no lease of the connection is left.
    EventEndsLease,
    /// Without further faults, a live daemon is online after 60 s, or after the next ring (`recovery.rs`).
    PresenceReturns,
}

/// A defect of the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushMutation {
    /// Initiate sends the hint before it adds the id and puts the request. Between the two a hint is harmless: the heartbeat
    /// finds the id, and the daemon stays awake.
    HintBeforePut,
    /// A heartbeat writes a lease although the hello was not delivered.
    LeaseWithoutProof,
    /// A heartbeat answers the long interval although the open set has a request that it does not hand out.
    AnswerIgnoresOpenSet,
    /// As above, but the heartbeat judges the open set of its first write.
    AnswerJudgesFirstRead,
    RecordAfterLease,
    UnacknowledgedKeepsConnection,
    /// The connection is deleted after the lease was ended.
    DisconnectAfterEndLease,
    /// A hint that fails otherwise leaves the lease as it is.
    ErrorKeepsLease,
    /// A ring of a runtime that is shown offline sends no hint.
    OfflineRingIsSilent,
    EventWithoutCondition,
    PresenceReadsAfterAsking,
    /// Presence waits for 5 s, which is shorter than a heartbeat may take.
    PresenceWaitsShort,
    NoPresence,
    NoHintByPoll,
    NoRetryUnderPush,
    /// A daemon says that it is connected, and counts as proven, at once after a reconnect.
    LeaseKeptAcrossReconnect,
    NoKeepAlive,
    /// A daemon sleeps although a heartbeat that it gave up may still arrive.
    SleepAfterUnanswered,
}

/// Each mutation with an invariant that it breaks.
pub const PUSH_MUTATIONS: [(PushMutation, PushInvariant); 18] = [
    (PushMutation::HintBeforePut, PushInvariant::OnlinePicksUp),
    (PushMutation::LeaseWithoutProof, PushInvariant::EventEndsLease),
    (PushMutation::AnswerIgnoresOpenSet, PushInvariant::OnlinePicksUp),
    (PushMutation::AnswerJudgesFirstRead, PushInvariant::OnlinePicksUp),
    (PushMutation::RecordAfterLease, PushInvariant::EventEndsLease),
    (PushMutation::UnacknowledgedKeepsConnection, PushInvariant::PresenceReturns),
    (PushMutation::DisconnectAfterEndLease, PushInvariant::PresenceReturns),
    (PushMutation::ErrorKeepsLease, PushInvariant::CannotIsOffline),
    (PushMutation::OfflineRingIsSilent, PushInvariant::PresenceReturns),
    (PushMutation::EventWithoutCondition, PushInvariant::PresenceReturns),
    (PushMutation::PresenceReadsAfterAsking, PushInvariant::PresenceReturns),
    (PushMutation::PresenceWaitsShort, PushInvariant::EventEndsLease),
    (PushMutation::NoPresence, PushInvariant::CannotIsOffline),
    (PushMutation::NoHintByPoll, PushInvariant::OnlinePicksUp),
    (PushMutation::NoRetryUnderPush, PushInvariant::CannotIsOffline),
    (PushMutation::LeaseKeptAcrossReconnect, PushInvariant::PresenceReturns),
    (PushMutation::NoKeepAlive, PushInvariant::PresenceReturns),
    (PushMutation::SleepAfterUnanswered, PushInvariant::PresenceReturns),
];
