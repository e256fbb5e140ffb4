//! What a seed comes to before anything has happened: who takes part, what is likely to go wrong, and when.

use std::ops::Range;
use std::time::Duration;

use crate::chance::Chance;
use doorbell_protocol::time::SKEW;

/// How long after the start the last ring may be.
pub(crate) const RINGS_END: u64 = 45_000;

/// When daemons and clients stop: no request is open any more.
pub(crate) const OPEN_END: u64 = 160_000;

/// How long a simulation lasts: to the end of the last request's retention, on the slowest clock.
pub(crate) const END: u64 = 270_000;

/// How long a quick agent program takes at most.
pub(crate) const QUICK: u64 = 2_000;

/// What the functions stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// The store in memory: fast, so most seeds have it.
    Memory,
    /// The embedded engine behind the real SDK, with its retries.
    Embedded,
}

impl Storage {
    /// Spread evenly, so that every share of the seeds has both.
    fn of(seed: u64) -> Self {
        if seed % 32 == 7 { Self::Embedded } else { Self::Memory }
    }
}

/// How likely each kind of trouble is while there is any, in a thousand.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    pub(crate) request_lost: u64,
    pub(crate) answer_lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) delayed: u64,
    pub(crate) instance_crash: u64,
    pub(crate) store: u64,
    pub(crate) sdk: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) storage: Storage,
    /// How far each function instance's clock is ahead, in milliseconds.
    pub(crate) skews: Vec<i64>,
    /// When things go wrong. Outside of these times network, store and instances are sound.
    pub(crate) turmoil: Vec<Range<u64>>,
    pub(crate) rates: Rates,
    /// Which daemons there are.
    pub(crate) daemons: Vec<DaemonPlan>,
    pub(crate) clients: u64,
    /// How long a client waits between two polls.
    pub(crate) poll_interval: Duration,
}

/// One process that beats for a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DaemonPlan {
    /// Which machine it is on. Two processes of one machine serve one runtime: a predecessor that has not ended.
    pub(crate) machine: &'static str,
    /// Whether it sends what it has in flight.
    pub(crate) tracks: bool,
    pub(crate) crashes: bool,
    /// Whether its agent program answers within [`QUICK`] milliseconds.
    pub(crate) quick: bool,
}

impl Plan {
    pub(crate) fn of(seed: u64, chance: &Chance) -> Self {
        Self {
            storage: Storage::of(seed),
            skews: (0..chance.number(2..5)).map(|_| skew(chance)).collect(),
            turmoil: (0..chance.one_of(&[0, 1, 1, 2, 2, 3, 4])).map(|_| turmoil(chance)).collect(),
            rates: Rates::of(chance),
            daemons: daemons(chance),
            clients: chance.number(1..4),
            poll_interval: Duration::from_millis(chance.one_of(&[500, 500, 1_000, 2_000])),
        }
    }

    /// Whether things may go wrong at that time.
    pub(crate) fn is_turmoil(&self, millis: u64) -> bool {
        self.turmoil.iter().any(|times| times.contains(&millis))
    }

    /// Whether nothing goes wrong from then until then.
    pub(crate) fn is_quiet(&self, times: &Range<u64>) -> bool {
        self.turmoil.iter().all(|turmoil| turmoil.end <= times.start || times.end <= turmoil.start)
    }
}

impl Rates {
    /// Each kind of trouble is absent from many seeds and frequent in some, so that each is met alone and with others.
    fn of(chance: &Chance) -> Self {
        let rate = || chance.one_of(&[0, 0, 30, 100, 300]);
        Self {
            request_lost: rate(),
            answer_lost: rate(),
            duplicated: rate(),
            delayed: rate(),
            instance_crash: rate(),
            store: rate(),
            sdk: chance.one_of(&[30, 100, 300]),
        }
    }
}

fn skew(chance: &Chance) -> i64 {
    // The ends are where deadlines break.
    let any = i64::try_from(chance.number(0..4_001)).unwrap() - SKEW;
    chance.one_of(&[-SKEW, SKEW, 0, any])
}

fn turmoil(chance: &Chance) -> Range<u64> {
    let start = chance.number(0..90_000);
    start..start + chance.number(2_000..60_000)
}

fn daemons(chance: &Chance) -> Vec<DaemonPlan> {
    let machines = chance.one_of(&[["laptop", "laptop"], ["laptop", "server"]]);
    let count = usize::try_from(chance.number(1..3)).unwrap();
    let of = |machine| DaemonPlan {
        machine,
        tracks: chance.happens(600),
        crashes: chance.happens(400),
        quick: chance.happens(500),
    };
    machines.into_iter().take(count).map(of).collect()
}
