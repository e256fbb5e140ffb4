//! The deadlines of a request.

use std::time::Duration;

/// How long a request may be pending and running, and stays readable. Its kind determines them, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deadlines {
    /// From the ring to the first claim.
    pub pending: Duration,
    /// From the first claim to the report.
    pub running: Duration,
    /// How long the request stays readable after its last change.
    pub retention: Duration,
    /// Whether the request waits for an offline runtime. Its retention then starts at the pending deadline, if it has not been
    /// claimed by then.
    pub queued: bool,
}

impl Deadlines {
    /// Of requests to online runtimes, in seconds.
    pub const fn of_seconds(pending: u64, running: u64, retention: u64) -> Self {
        let seconds = Duration::from_secs;
        Self {
            pending: seconds(pending),
            running: seconds(running),
            retention: seconds(retention),
            queued: false,
        }
    }

    /// The same for a request that may wait for an offline runtime for `queue`, or for as long as other requests if that is longer.
    /// A `queue` of zero changes nothing.
    pub fn with_queue(self, queue: Duration) -> Self {
        Self { pending: self.pending.max(queue), queued: !queue.is_zero(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_extends_pending_deadline() {
        let deadlines = Deadlines::of_seconds(30, 60, 120);
        assert_eq!(deadlines.with_queue(Duration::ZERO), deadlines);
        let short = deadlines.with_queue(Duration::from_secs(5));
        assert_eq!((short.pending, short.queued), (Duration::from_secs(30), true));
        assert_eq!(deadlines.with_queue(Duration::from_secs(3_600)).pending, Duration::from_secs(3_600));
    }
}
