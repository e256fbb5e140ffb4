//! The actors, and the instants at which they act.

use std::ops::{Index, IndexMut};
use std::time::Duration;

use doorbell_shared::request::{Outcome, Request, ResultBody, State};
use doorbell_shared::time::Timestamp;

/// A Lambda execution environment serves one call at a time, so only the clock tells two of them apart.
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
    pub fn outcome(self) -> Outcome {
        let text = match self {
            Self::A => "1",
            Self::B => "2",
        };
        ResultBody::try_from(text.to_owned())
            .map_or_else(|_| unreachable!("one byte fits"), Outcome::Completed)
    }

    pub fn is_author_of(self, request: &Request) -> bool {
        request.state == State::from(self.outcome())
    }
}

/// The requests in the order of their ids. They may be made out of order, because clocks differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestIndex {
    First,
    Second,
}

impl RequestIndex {
    pub const ALL: [Self; 2] = [Self::First, Self::Second];
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestSet([bool; 2]);

impl Index<RequestIndex> for RequestSet {
    type Output = bool;
    fn index(&self, request: RequestIndex) -> &bool {
        &self.0[request as usize]
    }
}

impl IndexMut<RequestIndex> for RequestSet {
    fn index_mut(&mut self, request: RequestIndex) -> &mut bool {
        &mut self.0[request as usize]
    }
}

impl RequestSet {
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    pub fn iter(self) -> impl Iterator<Item = RequestIndex> {
        RequestIndex::ALL.into_iter().filter(move |request| self[*request])
    }
}

/// Seconds since the start. Every comparison of the lifecycle has both results at one of these instants, and the two
/// clocks disagree about each deadline at one of them.
///
/// | at | what a call then finds |
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
    pub fn next(self) -> Option<Self> {
        (self.0 + 1 < INSTANTS.len()).then_some(Self(self.0 + 1))
    }

    pub fn seconds(self) -> u64 {
        INSTANTS[self.0]
    }

    /// The first request is made at 0 s, the second at 0 s or 7 s: later instants would leave no time for what follows.
    pub fn allows_initiate(self, request: RequestIndex) -> bool {
        self.0 <= request as usize
    }
}

/// The reading of each clock at each instant. Computed once: the arithmetic costs more than a step of the model.
#[derive(Clone, Debug)]
pub struct Clocks {
    ahead: [Timestamp; INSTANTS.len()],
    behind: [Timestamp; INSTANTS.len()],
}

impl Clocks {
    /// The lifecycle only compares differences, so any start is as good as another.
    pub fn starting_at(start: Timestamp) -> Self {
        let instants = INSTANTS.map(|seconds| start + Duration::from_secs(seconds));
        Self { ahead: instants.map(|instant| instant + SKEW), behind: instants.map(|instant| instant - SKEW) }
    }

    pub fn now(&self, instance: Instance, instant: Instant) -> Timestamp {
        match instance {
            Instance::Ahead => self.ahead[instant.0],
            Instance::Behind => self.behind[instant.0],
        }
    }
}
