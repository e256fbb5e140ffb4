//! One state of the model of push.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::push::times::{LATEST_ARRIVAL, PLAIN, Ticks};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PushState {
    pub runtime: RuntimeItem,
    /// The item of the client id names the runtime, so that presence finds it.
    pub recorded: bool,
    pub ring: Option<RingState>,
    pub daemon: DaemonState,
    pub session: Session,
    pub event: Event,
    pub api_down: bool,
    /// Kept in a canonical order by [`sort_calls`](Self::sort_calls).
    pub calls: Vec<PushCall>,
    pub faults: u8,
}

/// What the table says about the presence of the runtime.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuntimeItem {
    /// The time until `online_until`.
    pub left: Ticks,
    /// The age of `last_seen_at`, at most [`PLAIN`].
    pub seen: Ticks,
    /// The item has `push_client_id`.
    pub lease: bool,
}

/// A request that the daemon has not received.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RingState {
    pub request: Progress,
    /// Since the ring, at most one tick more than the interval of the fallback.
    pub age: Ticks,
    /// Since the ring, or since the last fault after it besides those of hints.
    pub calm: Ticks,
    pub accepted: bool,
    /// A poll has sent the hint in this tick.
    pub hinted: bool,
    pub seen_offline: bool,
    /// The daemon has lived since the ring.
    pub lived: bool,
    /// Only faults of hints since the ring, and the daemon could be reached at the ring.
    pub can: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// The id is in the open set, the request is not put.
    Added,
    Pending,
    Running {
        leased: Ticks,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DaemonState {
    pub alive: bool,
    pub socket: Socket,
    /// A hello was received on this connection.
    pub hello: bool,
    /// A plain heartbeat was answered since the last loss of a connection.
    pub plain_answered: bool,
    /// Push is proven, and the next heartbeat is far away.
    pub asleep: bool,
    /// A heartbeat is due at once.
    pub wake: bool,
    /// The time until the next heartbeat.
    pub due: Ticks,
    /// How long a heartbeat without an answer, of this process or the one before it, may still arrive.
    pub unanswered: Ticks,
}

/// The daemon's end of the connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Socket {
    Closed,
    /// `late` is on its way to the daemon.
    Up {
        late: Option<Message>,
    },
    /// The daemon is about to read that the broker has closed it.
    Closing,
    /// Nothing passes, and the daemon has not noticed.
    Dead {
        age: Ticks,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    Hint,
    Hello,
}

/// The broker's end of the connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Session {
    None,
    /// The other end is the daemon's socket.
    Current,
    /// The other end is gone, and the broker has not noticed.
    Silent {
        age: Ticks,
    },
    /// Another process with the same client id, which collects a request when it gets a hint.
    Other,
}

/// The lifecycle event of the last disconnection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    None,
    Due,
    /// May arrive at any time, or never.
    Late,
}

/// A call in progress. `fresh`: nothing has written `online_until` since the call read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PushCall {
    /// The daemon waits for it, if `awaited`. Otherwise `ends` is the time until it has ended or never arrives.
    Heartbeat {
        awaited: bool,
        connected: bool,
        ends: Ticks,
        step: HeartbeatStep,
    },
    /// The id was added and the lease read. Puts the request next.
    Put {
        lease: bool,
        fresh: bool,
    },
    /// Initiate and poll send a hint and judge its outcome.
    Notify {
        caller: Caller,
        step: NotifyStep,
        fresh: bool,
    },
    Presence {
        step: PresenceStep,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    Initiate,
    /// An initiate that sends the hint before it writes anything.
    EarlyInitiate,
    Poll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeartbeatStep {
    Arrive,
    Hello(Read),
    Record(Read),
    Lease(Read),
    Plain(Read),
}

/// What the first write of a heartbeat has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Read {
    pub fresh: bool,
    /// It has claimed the request.
    pub claimed: bool,
    /// The open set had nothing else.
    pub clear: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotifyStep {
    Hint,
    Disconnect,
    /// The lease ends at once.
    End {
        connected: bool,
    },
    /// The lease ends in 45 s.
    Shorten,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PresenceStep {
    Wait { ticks: Ticks },
    Read,
    Ask { lease: bool, fresh: bool },
    End { fresh: bool },
}

impl PushState {
    /// The daemon has just registered.
    pub fn new(faults: u8) -> Self {
        Self {
            runtime: RuntimeItem { left: PLAIN, seen: 0, lease: false },
            recorded: false,
            ring: None,
            daemon: DaemonState::registered(),
            session: Session::None,
            event: Event::None,
            api_down: false,
            calls: Vec::new(),
            faults,
        }
    }

    /// Every write of `online_until` stores a new value.
    pub fn write_presence(&mut self, left: Ticks, lease: bool) {
        self.runtime.left = left;
        self.runtime.lease = lease;
        for call in &mut self.calls {
            call.forget();
        }
    }

    /// Makes states equal that differ only in what no later step reads.
    pub fn forget_what_no_longer_matters(&mut self) {
        let heartbeat = |call: &PushCall| matches!(call, PushCall::Heartbeat { .. });
        if !self.runtime.lease && !self.calls.iter().any(heartbeat) {
            self.runtime.seen = PLAIN;
        }
        if !self.daemon.alive {
            self.daemon.due = 0;
            self.daemon.unanswered = 0;
        }
        self.ring.take_if(|ring| ring.accepted && ring.has_no_promise());
    }

    pub fn heartbeat_in_progress(&self) -> bool {
        self.calls.iter().any(|call| matches!(call, PushCall::Heartbeat { awaited: true, .. }))
    }

    pub fn sort_calls(&mut self) {
        if self.calls.len() > 1 {
            self.calls.sort_by_cached_key(|call| {
                let mut hasher = DefaultHasher::new();
                call.hash(&mut hasher);
                hasher.finish()
            });
        }
    }
}

impl RingState {
    /// Whatever becomes of the request, no invariant is broken. Its client may as well cancel it.
    fn has_no_promise(&self) -> bool {
        match self.request {
            Progress::Added => false,
            Progress::Pending => self.seen_offline && !self.lived,
            Progress::Running { .. } => !self.lived,
        }
    }
}

impl DaemonState {
    pub fn registered() -> Self {
        Self {
            alive: true,
            socket: Socket::Closed,
            hello: false,
            plain_answered: true,
            asleep: false,
            wake: false,
            due: 0,
            unanswered: LATEST_ARRIVAL + 1,
        }
    }
}

impl PushCall {
    fn forget(&mut self) {
        let fresh = match self {
            Self::Put { fresh, .. } | Self::Notify { fresh, .. } => fresh,
            Self::Presence { step: PresenceStep::Ask { fresh, .. } | PresenceStep::End { fresh } } => fresh,
            Self::Heartbeat { step, .. } => match step {
                HeartbeatStep::Arrive => return,
                HeartbeatStep::Hello(read)
                | HeartbeatStep::Record(read)
                | HeartbeatStep::Lease(read)
                | HeartbeatStep::Plain(read) => &mut read.fresh,
            },
            Self::Presence { .. } => return,
        };
        *fresh = false;
    }
}
