//! A claimed request, and when the work on it must have ended.

use std::time::Duration;

use doorbell_protocol::{Timestamp, Work};
use tokio::time::Instant;

use crate::report::TRY_TIMEOUT;

/// A request that a heartbeat has claimed.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) work: Work,
    /// The server claimed it later than this.
    claimed_after: Instant,
    /// The deadline of a redelivered request, by this machine's clock.
    deadline: Option<Instant>,
}

impl Claim {
    /// `sent` is when the heartbeat was sent, `received` when its response arrived, and `now` the same by this machine's clock.
    pub(crate) fn new(work: Work, sent: Instant, received: Instant, now: Option<Timestamp>) -> Self {
        // The first delivery begins the running time, so its end needs no clock of the server. A deadline in the past is that of a
        // machine with a wrong clock, or of a request that is about to time out.
        let now = now.filter(|now| work.attempt > 1 && work.deadline > *now);
        let deadline = now.map(|now| received + work.deadline.since(now));
        Self { work, claimed_after: sent, deadline }
    }

    /// When work on a request that times out `timeout` after its claim must have ended: a tenth of the time earlier, at most one
    /// try of its report. The work gets all other time, because a report of work that was ended adds little to the
    /// server's own timeout.
    pub(crate) fn end(&self, timeout: Duration) -> Instant {
        let first = self.claimed_after + timeout;
        let end = self.deadline.map_or(first, |deadline| deadline.min(first));
        let margin = (timeout / 10).min(TRY_TIMEOUT);
        end.checked_sub(margin).unwrap_or(end)
    }
}

#[cfg(test)]
mod tests {
    use doorbell_protocol::Kind;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);
    const MARGIN: Duration = TRY_TIMEOUT;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_795_318_867_123).unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn work(attempt: u32, deadline: Timestamp) -> Work {
        let id = "01930000000070008000000000000001".parse().unwrap();
        Work { id, kind: Kind::MODEL_LIST, args: None, attempt, deadline }
    }

    /// How long after its heartbeat was sent the work must end, if the response took 10 s.
    #[expect(clippy::disallowed_methods, reason = "an instant of tokio's clock")]
    fn time_for(attempt: u32, deadline: Timestamp, timeout: Duration) -> Duration {
        let sent = Instant::now();
        Claim::new(work(attempt, deadline), sent, sent + seconds(10), Some(now())).end(timeout) - sent
    }

    #[test]
    fn first_delivery_counts_from_its_heartbeat() {
        // By any clock of this machine.
        for deadline in [now() - seconds(3_600), now() + seconds(1), now() + seconds(3_600)] {
            assert_eq!(time_for(1, deadline, TIMEOUT), TIMEOUT - MARGIN);
        }
    }

    #[test]
    fn redelivery_ends_before_its_deadline() {
        assert_eq!(time_for(2, now() + seconds(30), TIMEOUT), seconds(40) - MARGIN);
    }

    #[test]
    fn wrong_clock_costs_redelivery_no_time() {
        for deadline in [now() - seconds(1), now() + seconds(3_600)] {
            assert_eq!(time_for(2, deadline, TIMEOUT), TIMEOUT - MARGIN);
        }
    }

    #[test]
    fn work_ends_one_report_before_its_timeout() {
        for (timeout, margin) in [(900, 5_000), (60, 5_000), (50, 5_000), (10, 1_000), (1, 100)] {
            let margin = Duration::from_millis(margin);
            assert_eq!(time_for(1, now(), seconds(timeout)), seconds(timeout) - margin);
        }
    }
}
