//! The actors, and the instants at which they act.

use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_shared::request::{Payload, Request, RequestOutcome, State};

/// A Lambda execution environment. Each serves one call at a time, so two differ only in their clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instance {
    /// Its clock is two seconds ahead.
    Ahead,
    /// Its clock is two seconds behind.
    Behind,
}

impl Instance {
    pub const ALL: [Self; 2] = [Self::Ahead, Self::Behind];
}

/// Two daemons of the same runtime: a misconfiguration, or a daemon and its predecessor after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Daemon {
    A,
    B,
}

impl Daemon {
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// Each daemon always reports the same text, so that reports of different daemons differ.
    pub fn outcome(self) -> RequestOutcome {
        Payload::try_from(format!("{}", self as u8))
            .map_or_else(|_| unreachable!("one byte fits"), RequestOutcome::Completed)
    }

    pub fn is_author_of(self, request: &Request) -> bool {
        request.state == State::from(self.outcome())
    }
}

/// Indices of the requests. Their ids may be in another order, because the instances' clocks differ.
pub const REQUESTS: [usize; 2] = [0, 1];

/// Membership by index.
pub type RequestSet = [bool; 2];

/// Seconds since the start. At these instants every comparison of the lifecycle has both results, and each deadline has an
/// instant at which the two clocks disagree about it.
///
/// | at | state of the requests |
/// |---|---|
/// | 0 | nothing is old |
/// | 9 | a lease of 0 s can be replaced, except where the clock that wrote it was ahead; an initiate of 0 s may still be in progress |
/// | 32 | a request pending since 0 s is expired on one clock; an id of 9 s without a request is an orphan |
/// | 62 | a request running since 0 s is expired on one clock; a lease of 32 s can be replaced |
/// | 90 | a request running since 32 s is expired on one clock |
/// | 104 | every deadline has passed |
/// | 154 | the retention of a change at 32 s has ended on one clock |
pub const INSTANTS: &[u64] = &[0, 9, 32, 62, 90, 104, 154];

/// How long a queued request waits, in seconds.
pub const QUEUE_S: u64 = 3_600;

/// The instants of queued requests: the runtime is offline for an hour.
///
/// | at | state of the requests |
/// |---|---|
/// | 3590 | a request of 0 s is pending on both clocks |
/// | 3602 | a request pending since 0 s is expired on one clock; a lease of 3590 s can be replaced |
/// | 3652 | a request running since 3590 s is expired on one clock |
/// | 3680 | every deadline has passed |
/// | 3722 | the retention of a request that was never claimed has ended on one clock |
pub const QUEUE_INSTANTS: &[u64] = &[0, 9, 3_590, 3_602, 3_652, 3_680, 3_722];

const SKEW: Duration = Duration::from_secs(2);

/// The difference of the two clocks.
pub const CLOCK_DIFFERENCE: Duration = Duration::from_secs(4);

/// An index into the instants of the scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(usize);

impl Instant {
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The reading of each instance's clock at each instant. Computed once: the arithmetic costs more than a step.
#[derive(Clone, Debug)]
pub struct Clocks {
    seconds: &'static [u64],
    readings: Vec<[Timestamp; 2]>,
}

impl Clocks {
    /// The lifecycle compares only differences, so any start will do.
    pub fn starting_at(start: Timestamp, seconds: &'static [u64]) -> Self {
        let reading = |seconds: &u64| {
            let instant = start + Duration::from_secs(*seconds);
            [instant + SKEW, instant - SKEW]
        };
        Self { seconds, readings: seconds.iter().map(reading).collect() }
    }

    pub fn now(&self, instance: Instance, instant: Instant) -> Timestamp {
        self.readings[instant.0][instance as usize]
    }

    /// `None` after the last instant.
    pub fn seconds(&self, instant: Instant) -> Option<u64> {
        self.seconds.get(instant.0).copied()
    }

    pub fn last(&self) -> Instant {
        Instant(self.seconds.len() - 1)
    }
}
