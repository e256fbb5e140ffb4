//! Finds out that the machine was asleep, or that its clock jumped: the network may be another one, and heartbeats are late.
//!
//! Tokio's clock stands still while Linux and macOS sleep and the machine's clock does not, so the two come apart. Where tokio's clock
//! runs on, as in a stopped process, its timer is late instead.

use std::convert::Infallible;
use std::time::Duration;

use doorbell_protocol::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::clock::{WallClock, now};

/// The time between two comparisons, so a resume is noticed within it.
const INTERVAL: Duration = Duration::from_secs(5);

/// Shorter jumps are corrections of the clock, and late timers of a busy machine.
const JUMP: Duration = Duration::from_secs(10);

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    monotonic: Instant,
    wall: Option<Timestamp>,
}

impl Reading {
    fn take(clock: &WallClock) -> Self {
        Self { monotonic: now(), wall: clock.now() }
    }

    /// Whether the machine was asleep, the process stopped, or the clock set since `earlier`.
    fn has_jumped_since(self, earlier: Self) -> bool {
        let elapsed = self.monotonic - earlier.monotonic;
        if elapsed > INTERVAL + JUMP {
            return true;
        }
        let (Some(before), Some(after)) = (earlier.wall, self.wall) else { return false };
        // Only one of the two is not zero.
        let forward = after.since(before);
        let backward = before.since(after);
        backward > JUMP || forward.abs_diff(elapsed) > JUMP
    }
}

/// Marks `resumed` as changed after each jump. Never ends.
pub(crate) async fn watch(clock: WallClock, resumed: watch::Sender<()>) -> Infallible {
    let mut last = Reading::take(&clock);
    loop {
        sleep(INTERVAL).await;
        let current = Reading::take(&clock);
        if current.has_jumped_since(last) {
            tracing::info!("the machine was asleep or its clock has jumped");
            resumed.send_replace(());
        }
        last = current;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    fn jumped(monotonic: Duration, wall_ms: i64) -> bool {
        let start = now();
        let at = |ms| Timestamp::from_millis(1_795_318_867_123 + ms);
        let earlier = Reading { monotonic: start, wall: at(0) };
        Reading { monotonic: start + monotonic, wall: at(wall_ms) }.has_jumped_since(earlier)
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn sleep_of_the_machine_is_a_jump() {
        assert!(jumped(seconds(5), 3_600_000));
        assert!(jumped(seconds(5), 15_001));
    }

    #[test]
    fn late_timer_is_a_jump() {
        assert!(jumped(seconds(16), 16_000));
    }

    #[test]
    fn clock_that_is_set_back_has_jumped() {
        assert!(jumped(seconds(5), -60_000));
    }

    #[test]
    fn corrections_are_no_jump() {
        for wall_ms in [5_000, 4_000, 14_000, -4_000, -9_000] {
            assert!(!jumped(seconds(5), wall_ms), "{wall_ms}");
        }
        assert!(!jumped(seconds(14), 14_000));
    }

    /// The machine's clock advances by an hour between two ticks, once.
    #[tokio::test(start_paused = true)]
    async fn one_sleep_is_one_resume() {
        let offset = Arc::new(AtomicI64::new(0));
        let (of_clock, start) = (Arc::clone(&offset), now());
        let clock = WallClock::new(move || {
            let elapsed = i64::try_from(start.elapsed().as_millis()).ok()?;
            Timestamp::from_millis(elapsed + of_clock.load(Ordering::Relaxed))
        });
        let resumed = watch::Sender::new(());
        let mut seen = resumed.subscribe();
        tokio::spawn(watch(clock, resumed));
        sleep(seconds(60)).await;
        assert!(!seen.has_changed().unwrap(), "resumed without a jump");
        offset.store(3_600_000, Ordering::Relaxed);
        sleep(INTERVAL).await;
        assert!(seen.has_changed().unwrap());
        seen.mark_unchanged();
        sleep(seconds(60)).await;
        assert!(!seen.has_changed().unwrap(), "resumed twice");
    }
}
