//! The plan that a seed decides before the start: the actors, the fault windows and the fault rates.

use std::ops::Range;
use std::time::Duration;

use crate::push_plan::{PUSH_TIME, PushPlan};
use crate::seeded::{SKEW, SeededRng};

/// All in milliseconds after the start. No request is made after this.
const INITIATES_END: u64 = 45_000;

/// Daemons and clients stop: no request is open any more, except for queued ones.
const OPEN_END: u64 = 160_000;

/// The retention of the last request for models has ended on the slowest clock.
const END: u64 = 270_000;

/// How long the machines of some seeds are off.
const OUTAGE: u64 = 3_600_000;

/// The longest run of a fast agent program.
pub(crate) const FAST: u64 = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Fast, so most seeds use it.
    Memory,
    /// The embedded DynamoDB engine behind the real SDK, with its retries.
    Embedded,
}

/// Per mille, inside fault windows.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    pub(crate) request_lost: u64,
    pub(crate) response_lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) delayed: u64,
    pub(crate) instance_crash: u64,
    pub(crate) store: u64,
    pub(crate) sdk: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) storage: Storage,
    /// The clock error of each function instance, in milliseconds.
    pub(crate) skews: Vec<i64>,
    /// Network, store and instances fail only in these windows.
    pub(crate) fault_windows: Vec<Range<u64>>,
    /// No call of a daemon arrives in these windows, while the push channel works.
    pub(crate) cut_offs: Vec<Range<u64>>,
    pub(crate) rates: Rates,
    pub(crate) daemons: Vec<DaemonPlan>,
    /// Whether daemons have tokens that are bound to them, machines redeem codes, and another daemon's token is misused.
    pub(crate) enrolled: bool,
    /// Whether the deployment has a push channel.
    pub(crate) push: Option<PushPlan>,
    /// Every machine is off in this time, and only queued requests survive it. Nothing else happens after a while.
    pub(crate) outage: Option<Range<u64>>,
    pub(crate) clients: u64,
    /// Whether one more client asks more than may be open.
    pub(crate) flood: bool,
    /// Whether a client rings again and again for what the catalog has.
    pub(crate) picks: bool,
    pub(crate) poll_interval: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DaemonPlan {
    /// Whether it sends heartbeats of the whole daemon, which hand out questions, and declares its questions.
    pub(crate) whole: bool,
    /// Two daemons of one machine share a runtime, as after a restart whose predecessor has not ended.
    pub(crate) machine: &'static str,
    /// Whether it sends `in_flight`.
    pub(crate) tracks: bool,
    pub(crate) crashes: bool,
    /// Whether its agent program finishes within [`FAST`].
    pub(crate) fast: bool,
    /// Whether it uses the push channel.
    pub(crate) pushes: bool,
}

impl Plan {
    pub(crate) fn new(seed: u64, rng: &SeededRng) -> Self {
        let outage = rng.happens(125).then(|| outage(rng));
        let push = rng.happens(350).then(|| PushPlan::new(rng));
        // A channel has faults of its own, and invariant 8 is checked where network and store have none.
        let windows =
            if push.is_some() { rng.one_of(&[0, 0, 0, 1, 1, 2]) } else { rng.one_of(&[0, 1, 1, 2, 2, 3, 4]) };
        Self {
            // Evenly spread, so that a few seeds cover both.
            storage: if seed % 32 == 7 { Storage::Embedded } else { Storage::Memory },
            skews: (0..rng.number(2..5)).map(|_| skew(rng)).collect(),
            fault_windows: (0..windows).map(|_| fault_window(outage.as_ref(), rng)).collect(),
            cut_offs: push.iter().flat_map(|_| cut_offs(rng)).collect(),
            rates: rates(rng),
            daemons: daemons(push.is_some(), rng),
            // Evenly spread, so that a few seeds cover both.
            enrolled: seed % 3 == 1,
            // The hints of its rings wake daemons, and would hide what a lost one does.
            picks: push.is_none() || seed.is_multiple_of(4),
            push,
            outage,
            clients: rng.number(1..4),
            flood: rng.happens(15),
            poll_interval: Duration::from_millis(rng.one_of(&[500, 500, 1_000, 2_000])),
        }
    }

    /// Daemons that work, on one sound instance.
    pub(crate) fn sound(daemons: Vec<DaemonPlan>, push: PushPlan) -> Self {
        Self {
            storage: Storage::Memory,
            skews: vec![0],
            fault_windows: Vec::new(),
            cut_offs: Vec::new(),
            rates: Rates {
                request_lost: 0,
                response_lost: 0,
                duplicated: 0,
                delayed: 0,
                instance_crash: 0,
                store: 0,
                sdk: 0,
            },
            daemons,
            enrolled: false,
            push: Some(push),
            outage: None,
            clients: 0,
            flood: false,
            picks: false,
            poll_interval: Duration::from_millis(500),
        }
    }

    /// Daemons and clients stop.
    pub(crate) fn open_end(&self) -> u64 {
        self.lengthened() + OPEN_END
    }

    pub(crate) fn end(&self) -> u64 {
        self.lengthened() + END
    }

    /// No request is made after this, except in an outage.
    pub(crate) fn initiates_end(&self) -> u64 {
        INITIATES_END + self.push.as_ref().map_or(0, |_| PUSH_TIME)
    }

    fn lengthened(&self) -> u64 {
        let push = self.push.as_ref().map_or(0, |_| PUSH_TIME);
        self.outage.as_ref().map_or(0, |outage| outage.end) + push
    }

    pub(crate) fn allows_faults_at(&self, millis: u64) -> bool {
        self.fault_windows.iter().any(|window| window.contains(&millis))
    }

    /// When the network or the store may fail.
    pub(crate) fn faulty_times(&self) -> impl Iterator<Item = &Range<u64>> {
        self.fault_windows.iter().chain(&self.cut_offs)
    }

    pub(crate) fn is_free_of_faults(&self, times: &Range<u64>) -> bool {
        self.faulty_times().all(|window| window.end <= times.start || times.end <= window.start)
    }

    /// Whether no call of the daemons arrives.
    pub(crate) fn is_cut_off_at(&self, millis: u64) -> bool {
        self.cut_offs.iter().any(|window| window.contains(&millis))
    }
}

/// Deadlines break at the extremes.
fn skew(rng: &SeededRng) -> i64 {
    let any = i64::try_from(rng.number(0..4_001)).unwrap() - SKEW;
    rng.one_of(&[-SKEW, SKEW, 0, any])
}

/// Before or after the outage, if there is one.
fn fault_window(outage: Option<&Range<u64>>, rng: &SeededRng) -> Range<u64> {
    let restart = outage.map_or(0, |outage| outage.end);
    let start = rng.one_of(&[0, restart]) + rng.number(0..90_000);
    start..start + rng.number(2_000..60_000)
}

/// Short enough for a queued request to outlive one. By then daemons may be proven.
fn cut_offs(rng: &SeededRng) -> Vec<Range<u64>> {
    let cut_off = || {
        let start = rng.number(30_000..110_000);
        start..start + rng.number(4_000..16_000)
    };
    (0..rng.one_of(&[0, 1, 1, 1])).map(|_| cut_off()).collect()
}

/// Starts while clients ask.
fn outage(rng: &SeededRng) -> Range<u64> {
    let start = rng.number(15_000..40_000);
    start..start + OUTAGE
}

/// Each fault is absent from many seeds and frequent in some, so that it occurs alone and with others.
fn rates(rng: &SeededRng) -> Rates {
    let rate = || rng.one_of(&[0, 0, 30, 100, 300]);
    Rates {
        request_lost: rate(),
        response_lost: rate(),
        duplicated: rate(),
        delayed: rate(),
        instance_crash: rate(),
        store: rate(),
        sdk: rng.one_of(&[30, 100, 300]),
    }
}

fn daemons(push: bool, rng: &SeededRng) -> Vec<DaemonPlan> {
    let machines = rng.one_of(&[["laptop", "laptop"], ["laptop", "server"]]);
    let count = usize::try_from(rng.number(1..3)).unwrap();
    let plan = |machine| {
        let whole = rng.happens(if push { 900 } else { 700 });
        DaemonPlan {
            machine,
            whole,
            tracks: rng.happens(if push { 900 } else { 600 }),
            crashes: rng.happens(if push { 250 } else { 400 }),
            fast: rng.happens(500),
            pushes: push && whole && rng.happens(900),
        }
    };
    machines.into_iter().take(count).map(plan).collect()
}
