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

    /// Each daemon always reports the same text, so that reports of different daemons can be told apart.
    pub fn outcome(self) -> RequestOutcome {
        Payload::try_from(format!("{}", self as u8))
            .map_or_else(|_| unreachable!("one byte fits"), RequestOutcome::Completed)
    }

    pub fn is_author_of(self, request: &Request) -> bool {
        request.state == State::from(self.outcome())
    }
}

/// Indices of the requests, in the order of their ids. Clocks differ, so the requests may be made in another order.
pub const REQUESTS: [usize; 2] = [0, 1];

/// Membership by index.
pub type RequestSet = [bool; 2];

/// Seconds since the start. At these instants every comparison of the lifecycle has both results, and each deadline has an
/// instant at which the two clocks disagree about it.
///
/// | at | state of the requests |
/// |---|---|
/// | 0 | nothing is old |
/// | 7 | a lease of 0 s can be replaced, except where the clock that wrote it was ahead |
/// | 32 | a request pending since 0 s is expired on one clock |
/// | 62 | a request running since 0 s is expired on one clock; a lease of 32 s can be replaced |
/// | 90 | a request running since 32 s is expired on one clock |
/// | 104 | every deadline has passed |
/// | 154 | the retention of a change at 32 s has ended on one clock |
const INSTANTS: [u64; 7] = [0, 7, 32, 62, 90, 104, 154];

const SKEW: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Instant(usize);

impl Instant {
    pub fn next(self, until: u64) -> Option<Self> {
        INSTANTS.get(self.0 + 1).filter(|seconds| **seconds <= until).map(|_| Self(self.0 + 1))
    }

    /// The first request is made at 0 s, the second at 0 s or 7 s: later instants would leave no time for what follows.
    pub fn allows_initiate(self, request: usize) -> bool {
        self.0 <= request
    }
}

/// The reading of each instance's clock at each instant. Computed once: the arithmetic costs more than a step.
#[derive(Clone, Debug)]
pub struct Clocks([[Timestamp; INSTANTS.len()]; 2]);

impl Clocks {
    /// The lifecycle compares only differences, so any start will do.
    pub fn starting_at(start: Timestamp) -> Self {
        let instants = INSTANTS.map(|seconds| start + Duration::from_secs(seconds));
        Self([instants.map(|instant| instant + SKEW), instants.map(|instant| instant - SKEW)])
    }

    pub fn now(&self, instance: Instance, instant: Instant) -> Timestamp {
        self.0[instance as usize][instant.0]
    }
}
