//! A clock that tests advance, and one that follows tokio's time.

use std::sync::Mutex;
use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_shared::clock::{Clock, Stopwatch, SystemClock};

/// Starts at the real time, which TTL uses.
#[derive(Debug)]
pub struct TestClock(Mutex<Timestamp>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Mutex::new(SystemClock.now()))
    }
}

impl TestClock {
    /// Starts `duration` ago.
    pub fn ago(duration: Duration) -> Self {
        Self(Mutex::new(SystemClock.now() - duration))
    }

    /// Advances the clock.
    pub fn advance(&self, duration: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = *now + duration;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Starts at the real time and follows tokio's, which a test pauses.
#[derive(Debug)]
pub struct VirtualClock {
    start: Timestamp,
    running: Stopwatch,
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self { start: SystemClock.now(), running: Stopwatch::start() }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.start + self.running.elapsed()
    }
}
