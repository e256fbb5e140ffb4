//! What happens to one lifecycle: a function of the seed and its number.

use std::ops::Range;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// A ring takes about a second when nothing is killed: half an interval, the agent's work, and a poll.
const MOMENTS: Range<f64> = 0.0..1.2;
const SHORT_OUTAGES: Range<f64> = 0.0..1.5;
/// Longer than a daemon tries to report; longer than a request may be pending; longer than it may run.
const LONG_OUTAGES: [Range<f64>; 3] = [8.0..12.0, 31.0..34.0, 61.0..64.0];

/// Which process is killed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Victim {
    Server,
    Daemon,
}

/// One SIGKILL.
#[derive(Clone, Debug)]
pub(crate) struct Kill {
    pub(crate) victim: Victim,
    /// After the ring, or after the last restart.
    pub(crate) after: Duration,
    /// Until it is started again.
    pub(crate) down_for: Duration,
}

/// A lifecycle's fate.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How long the agent takes.
    pub(crate) work: Duration,
    /// Whether it has an answer at last.
    pub(crate) agent_fails: bool,
    /// Whether the first kill may come before the ring is acknowledged. A moment later most are, and the rest is to be seen.
    pub(crate) hits_the_ring: bool,
    /// In this order.
    pub(crate) kills: Vec<Kill>,
    /// Whether an outage may last longer than a deadline.
    pub(crate) is_long: bool,
}

impl Plan {
    /// The fate of lifecycle `number`. The first tenth are the long ones, so that nobody waits for them at the end.
    pub(crate) fn draw(seed: u32, number: u32, lifecycles: u32) -> Self {
        let mut random = SmallRng::seed_from_u64(u64::from(seed) << 32 | u64::from(number));
        let is_long = number < lifecycles.div_ceil(10);
        let first = match is_long {
            true => LONG_OUTAGES[random.random_range(0..LONG_OUTAGES.len())].clone(),
            false => SHORT_OUTAGES,
        };
        let mut kills = vec![kill(&mut random, first)];
        if random.random_bool(0.3) {
            kills.push(kill(&mut random, SHORT_OUTAGES));
        }
        let work = seconds(&mut random, 0.1..0.6);
        let (agent_fails, hits_the_ring) = (random.random_bool(0.1), random.random_bool(0.1));
        Self { work, agent_fails, hits_the_ring, kills, is_long }
    }
}

fn kill(random: &mut SmallRng, outage: Range<f64>) -> Kill {
    let victim = if random.random() { Victim::Server } else { Victim::Daemon };
    Kill { victim, after: seconds(random, MOMENTS), down_for: seconds(random, outage) }
}

fn seconds(random: &mut SmallRng, range: Range<f64>) -> Duration {
    Duration::from_secs_f64(random.random_range(range))
}
