//! One true time, which nobody in the simulation sees, and the clocks of the function instances, which are off by seconds.

use doorbell_shared::clock::{Clock, Stopwatch};
use doorbell_protocol::Timestamp;

/// How far a clock may be off, in milliseconds, either way.
pub(crate) const SKEW: i64 = 2_000;

/// When every simulation starts. Any time will do, as long as it is always the same.
const START: i64 = 1_795_318_867_000;

/// Time since the start of a simulation: tokio's, which is paused, and moves only when everybody waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrueTime(Stopwatch);

impl TrueTime {
    pub(crate) fn start() -> Self {
        Self(Stopwatch::start())
    }

    pub(crate) fn elapsed_ms(&self) -> u64 {
        self.0.elapsed_ms()
    }

    pub(crate) fn now(&self) -> Timestamp {
        at(i64::try_from(self.elapsed_ms()).unwrap())
    }
}

/// The time that many milliseconds after the start.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis).unwrap()
}

/// The clock of one function instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SkewedClock {
    pub(crate) time: TrueTime,
    /// How far it is ahead, in milliseconds.
    pub(crate) skew: i64,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        at(i64::try_from(self.time.elapsed_ms()).unwrap() + self.skew)
    }
}
