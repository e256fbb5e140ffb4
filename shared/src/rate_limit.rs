//! The rate limit of rings per runtime: a burst of [`RING_BURST`], then one every [`RING_INTERVAL`].
//!
//! GCRA, the generic cell rate algorithm: it stores one time, the theoretical arrival time (TAT) of the next ring. It needs
//! neither a counter nor a window, so a ring stays one conditional write.

use std::time::Duration;

use doorbell_protocol::Timestamp;

use crate::limits::{RING_BURST, RING_INTERVAL};

/// The ring is over the rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimited {
    /// The time until the next ring is accepted.
    pub retry_after: Duration,
}

/// The TAT after a ring at `now`, if the ring is within the limit. `tat` is the stored TAT.
pub fn next_tat(tat: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, RateLimited> {
    let tat = tat.map_or(now, |tat| tat.max(now));
    let max = max_tat(now);
    if tat <= max { Ok(tat + RING_INTERVAL) } else { Err(RateLimited { retry_after: tat.since(max) }) }
}

/// The largest stored TAT with which a ring at `now` is accepted.
pub fn max_tat(now: Timestamp) -> Timestamp {
    now + RING_INTERVAL * (RING_BURST - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(tat: &mut Option<Timestamp>, now: Timestamp) -> Result<(), RateLimited> {
        *tat = Some(next_tat(*tat, now)?);
        Ok(())
    }

    #[test]
    fn burst_is_bounded() {
        let mut tat = None;
        let now = Timestamp::from_millis(1_000_000).unwrap();
        for _ in 0..RING_BURST {
            assert_eq!(ring(&mut tat, now), Ok(()));
        }
        assert_eq!(ring(&mut tat, now), Err(RateLimited { retry_after: RING_INTERVAL }));
        let almost = now + Duration::from_millis(999);
        assert_eq!(ring(&mut tat, almost), Err(RateLimited { retry_after: Duration::from_millis(1) }));
        assert_eq!(ring(&mut tat, now + RING_INTERVAL), Ok(()));
        assert!(ring(&mut tat, now + RING_INTERVAL).is_err());
    }

    #[test]
    fn sustained_rate_is_never_limited() {
        let mut tat = None;
        for second in 0..1_000 {
            let now = Timestamp::from_millis(1_000_000 + second * 1_000).unwrap();
            assert_eq!(ring(&mut tat, now), Ok(()), "second {second}");
        }
    }
}
