//! The actions of the model of push, and their faults.

/// `call` is an index into the calls in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushAction {
    Tick,
    Ring,
    /// A ring of a runtime that is shown offline.
    RingOffline,
    Poll,
    Heartbeat(Option<HeartbeatFault>),
    /// The daemon gives up the heartbeat in progress, which goes on.
    GiveUp {
        call: usize,
    },
    Proceed {
        call: usize,
        fault: Option<PushFault>,
    },
    CrashInstance {
        call: usize,
    },
    Connect,
    ReceiveLate,
    NoticeLoss,
    LoseConnection(Loss),
    BrokerDrops,
    OtherLeaves,
    StartPresence {
        doubled: bool,
    },
    DelayEvent,
    ApiDown,
    ApiUp,
    CrashDaemon {
        silent: bool,
    },
    RestartDaemon,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeartbeatFault {
    Lost,
    /// The daemon gives up before it arrives.
    Late,
    /// Possible if the first step ends the call.
    ResponseLost,
}

/// A fault of a call to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushFault {
    MessageLost,
    AcknowledgementLost,
    /// Unacknowledged, and delivered later.
    MessageLate,
    MessageDoubled,
    ApiError,
    /// The call times out, and its message is delivered.
    ApiTimeout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    Closed,
    /// Nothing passes, and neither end notices.
    HalfOpen,
    /// The broker has closed it, and the daemon does not notice.
    ClosedAtBroker,
    TakenOver {
        noticed: bool,
    },
}
