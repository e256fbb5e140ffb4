//! The kills of one lifecycle: a function of the seed and its number.

use std::ops::Range;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// Seconds. An undisturbed ring takes about one: half an interval, the agent's work, and a poll.
const KILL_TIMES: Range<f64> = 0.0..1.2;
const SHORT_OUTAGES: Range<f64> = 0.0..1.5;
/// Longer than the retries of a report; longer than the pending deadline; longer than the running deadline.
const LONG_OUTAGES: [Range<f64>; 3] = [8.0..12.0, 31.0..34.0, 61.0..64.0];

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
    /// Until the restart.
    pub(crate) outage: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The duration of the agent's work.
    pub(crate) work: Duration,
    pub(crate) agent_fails: bool,
    /// Whether the first kill may come before the ring is acknowledged. Rare, because such a ring tests little else.
    pub(crate) hits_ring: bool,
    pub(crate) kills: Vec<Kill>,
    /// Whether an outage may last longer than a deadline.
    pub(crate) is_long: bool,
}

impl Plan {
    /// The plan of lifecycle `number`. The first tenth are the long ones, so that the run does not wait for them at its end.
    pub(crate) fn new(seed: u32, number: u32, lifecycles: u32) -> Self {
        let mut rng = SmallRng::seed_from_u64(u64::from(seed) << 32 | u64::from(number));
        let is_long = number < lifecycles.div_ceil(10);
        let first = if is_long {
            LONG_OUTAGES[rng.random_range(0..LONG_OUTAGES.len())].clone()
        } else {
            SHORT_OUTAGES
        };
        let mut kills = vec![kill(&mut rng, first)];
        if rng.random_bool(0.3) {
            kills.push(kill(&mut rng, SHORT_OUTAGES));
        }
        let work = seconds(&mut rng, 0.1..0.6);
        let agent_fails = rng.random_bool(0.1);
        let hits_ring = rng.random_bool(0.1);
        Self { work, agent_fails, hits_ring, kills, is_long }
    }
}

fn kill(rng: &mut SmallRng, outage: Range<f64>) -> Kill {
    let victim = if rng.random() { Victim::Server } else { Victim::Daemon };
    Kill { victim, after: seconds(rng, KILL_TIMES), outage: seconds(rng, outage) }
}

fn seconds(rng: &mut SmallRng, range: Range<f64>) -> Duration {
    Duration::from_secs_f64(rng.random_range(range))
}
