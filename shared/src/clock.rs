//! The only source of the time.
//!
//! Handlers take a [`Clock`] and the lifecycle takes `now`, so tests control the time. Durations are measured with a
//! [`Stopwatch`] on tokio's clock, which tests can pause and advance.

use std::time::Duration;

use doorbell_protocol::Timestamp;

pub trait Clock: Send + Sync {
    /// This node's time. The clocks of two nodes may differ by seconds.
    fn now(&self) -> Timestamp;
}

#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only source of the time")]
    fn now(&self) -> Timestamp {
        Timestamp::from(chrono::Utc::now())
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(tokio::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "the only source of the time")]
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// In whole milliseconds, for logs.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
