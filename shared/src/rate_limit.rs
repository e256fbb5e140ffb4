//! Rate limits: a burst, then one call per interval. Rings are limited per runtime and per token, registrations per token.
//!
//! GCRA, the generic cell rate algorithm: it stores one time, the theoretical arrival time (TAT) of the next call. It needs
//! neither a counter nor a window, so a charged call stays one conditional write.

use std::time::Duration;

use doorbell_protocol::{RequestId, Timestamp};

use crate::limits::{RING_BURST, RING_INTERVAL};
use crate::token_id::TokenId;

/// The rate of rings of one runtime.
pub const RUNTIME_RINGS: Rate = Rate { interval: RING_INTERVAL, burst: RING_BURST };

/// A burst of calls, then one call per interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In whole milliseconds, the resolution of stored times.
    pub interval: Duration,
    /// At least 1.
    pub burst: u32,
}

/// The call is over the rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimited {
    /// The time until the next call is accepted.
    pub retry_after: Duration,
}

impl Rate {
    /// The TAT after a call at `now`, if the call is within the limit. `tat` is the stored TAT.
    pub fn next_tat(self, tat: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, RateLimited> {
        let tat = tat.map_or(now, |tat| tat.max(now));
        let max = self.max_tat(now);
        if tat <= max { Ok(tat + self.interval) } else { Err(RateLimited { retry_after: tat.since(max) }) }
    }

    /// The largest stored TAT with which a call at `now` is accepted.
    pub fn max_tat(self, now: Timestamp) -> Timestamp {
        now + self.interval * self.burst.saturating_sub(1)
    }
}

/// A kind of call that is limited per token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenAction {
    Ring,
    Register,
}

impl TokenAction {
    /// The name in keys and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Register => "register",
        }
    }
}

/// One call that counts towards the rate of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    pub token: TokenId,
    pub action: TokenAction,
    pub rate: Rate,
    /// The idempotency token.
    pub id: RequestId,
    /// The last TAT that this instance has seen, if any. It selects the update that probably applies; a wrong one costs a call.
    pub known_tat: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(rate: Rate, tat: &mut Option<Timestamp>, now: Timestamp) -> Result<(), RateLimited> {
        *tat = Some(rate.next_tat(*tat, now)?);
        Ok(())
    }

    #[test]
    fn burst_is_bounded() {
        let mut tat = None;
        let now = Timestamp::from_millis(1_000_000).unwrap();
        let Rate { interval, burst } = RUNTIME_RINGS;
        for _ in 0..burst {
            assert_eq!(call(RUNTIME_RINGS, &mut tat, now), Ok(()));
        }
        assert_eq!(call(RUNTIME_RINGS, &mut tat, now), Err(RateLimited { retry_after: interval }));
        let almost = now + Duration::from_millis(999);
        let limited = RateLimited { retry_after: Duration::from_millis(1) };
        assert_eq!(call(RUNTIME_RINGS, &mut tat, almost), Err(limited));
        assert_eq!(call(RUNTIME_RINGS, &mut tat, now + interval), Ok(()));
        assert!(call(RUNTIME_RINGS, &mut tat, now + interval).is_err());
    }

    #[test]
    fn sustained_rate_is_never_limited() {
        let mut tat = None;
        for second in 0..1_000 {
            let now = Timestamp::from_millis(1_000_000 + second * 1_000).unwrap();
            assert_eq!(call(RUNTIME_RINGS, &mut tat, now), Ok(()), "second {second}");
        }
    }
}
