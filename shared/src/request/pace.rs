//! How fast one runtime may be rung: [`RING_BURST`] times at once, and once every [`RING_INTERVAL`] for long.
//!
//! The generic cell rate algorithm, which keeps a single time: when the next ring is due if all rings so far had kept the
//! interval. A ring may come early, but not by more than the burst. It needs no count, no window and nothing cleared.

use std::time::Duration;

use crate::limits::{RING_BURST, RING_INTERVAL};
use crate::time::Timestamp;

/// The ring comes too soon after others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFast {
    /// After which time one more is let in.
    pub retry_after: Duration,
}

/// When the next ring is due after one at `now`, if that one is let in. `due` is when it was due itself.
pub fn next_ring_due(due: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, TooFast> {
    let due = due.map_or(now, |due| due.max(now));
    let latest = latest_due(now);
    if due <= latest { Ok(due + RING_INTERVAL) } else { Err(TooFast { retry_after: due.since(latest) }) }
}

/// A ring at `now` is let in if it was due by then.
pub fn latest_due(now: Timestamp) -> Timestamp {
    now + RING_INTERVAL * (RING_BURST - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(due: &mut Option<Timestamp>, now: Timestamp) -> Result<(), TooFast> {
        *due = Some(next_ring_due(*due, now)?);
        Ok(())
    }

    #[test]
    fn a_burst_is_let_in_and_one_more_is_not() {
        let (mut due, now) = (None, Timestamp::from_millis(1_000_000).unwrap());
        for _ in 0..RING_BURST {
            assert_eq!(ring(&mut due, now), Ok(()));
        }
        assert_eq!(ring(&mut due, now), Err(TooFast { retry_after: RING_INTERVAL }));
        let almost = now + Duration::from_millis(999);
        assert_eq!(ring(&mut due, almost), Err(TooFast { retry_after: Duration::from_millis(1) }));
        assert_eq!(ring(&mut due, now + RING_INTERVAL), Ok(()));
        assert!(ring(&mut due, now + RING_INTERVAL).is_err());
    }

    #[test]
    fn a_ring_every_interval_is_let_in_for_ever() {
        let mut due = None;
        for second in 0..1_000 {
            let now = Timestamp::from_millis(1_000_000 + second * 1_000).unwrap();
            assert_eq!(ring(&mut due, now), Ok(()), "second {second}");
        }
    }
}
