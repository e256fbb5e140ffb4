//! The only place that asks for the time.
//!
//! Handlers take a [`Clock`], so a test says what time it is; the lifecycle takes `now` itself and has no clock
//! at all. Durations are measured with a [`Stopwatch`] on tokio's clock, which tests can pause and advance.

use std::time::Duration;

use crate::time::Timestamp;

/// Something that knows what time it is.
pub trait Clock: Send + Sync {
    /// The current time of this node. Two nodes' clocks may differ by seconds.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for the time")]
    fn now(&self) -> Timestamp {
        Timestamp::from(chrono::Utc::now())
    }
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(tokio::time::Instant);

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for the time")]
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// [`elapsed`](Self::elapsed) in whole milliseconds, as logs say it.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
