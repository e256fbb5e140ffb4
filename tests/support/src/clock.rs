//! A clock that stands still until a test moves it, and one that goes with virtual time.

use std::sync::Mutex;
use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_shared::clock::{Clock, Stopwatch, SystemClock};

/// Starts at the real time, because a real table's TTL goes by it.
#[derive(Debug)]
pub struct TestClock(Mutex<Timestamp>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Mutex::new(SystemClock.now()))
    }
}

impl TestClock {
    /// A clock that starts so long ago.
    pub fn ago(duration: Duration) -> Self {
        Self(Mutex::new(SystemClock.now() - duration))
    }

    /// Lets so much time pass.
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

/// Starts at the real time and goes with tokio's, which a test pauses.
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
