//! The plan of the push channel, which a seed decides before the start.

use std::ops::Range;
use std::time::Duration;

use crate::seeded::SeededRng;

/// All in milliseconds. How much longer the seeds with a channel ask: by then daemons sleep.
pub(crate) const PUSH_TIME: u64 = 60_000;

/// In these the channel fails, whatever the network and the store do.
const LAST_FAULT: u64 = 130_000;

/// Those of `doorbell dev` and of a deployment.
const INTERVALS: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(6 * 3_600)];

#[derive(Clone, Debug)]
pub(crate) struct PushPlan {
    /// The time between two heartbeats of a proven daemon.
    pub(crate) interval: Duration,
    /// Messages, connections, calls and events fail only in these windows.
    pub(crate) fault_windows: Vec<Range<u64>>,
    /// All calls fail, and no daemon can connect. Connections stay.
    pub(crate) outages: Vec<Range<u64>>,
    pub(crate) rates: PushRates,
}

/// Per mille, inside fault windows.
#[derive(Clone, Debug)]
pub(crate) struct PushRates {
    pub(crate) message_lost: u64,
    pub(crate) message_duplicated: u64,
    pub(crate) message_delayed: u64,
    pub(crate) acknowledgement_lost: u64,
    pub(crate) call: u64,
    /// Per connection.
    pub(crate) connection: u64,
    pub(crate) event_lost: u64,
    pub(crate) event_duplicated: u64,
    pub(crate) event_delayed: u64,
}

impl PushPlan {
    pub(crate) fn new(rng: &SeededRng) -> Self {
        let rate = || rng.one_of(&[0, 0, 100, 300, 700]);
        Self {
            interval: rng.one_of(&INTERVALS),
            fault_windows: (0..rng.one_of(&[0, 0, 0, 1, 2])).map(|_| window(rng, 60_000)).collect(),
            outages: (0..rng.one_of(&[0, 0, 0, 0, 1])).map(|_| window(rng, 40_000)).collect(),
            rates: PushRates {
                message_lost: rate(),
                message_duplicated: rate(),
                message_delayed: rate(),
                acknowledgement_lost: rate(),
                call: rate(),
                connection: rate(),
                event_lost: rate(),
                event_duplicated: rate(),
                event_delayed: rate(),
            },
        }
    }

    /// A channel without faults.
    pub(crate) fn sound(interval: Duration, outages: Vec<Range<u64>>) -> Self {
        let rates = PushRates {
            message_lost: 0,
            message_duplicated: 0,
            message_delayed: 0,
            acknowledgement_lost: 0,
            call: 0,
            connection: 0,
            event_lost: 0,
            event_duplicated: 0,
            event_delayed: 0,
        };
        Self { interval, fault_windows: Vec::new(), outages, rates }
    }

    pub(crate) fn allows_faults_at(&self, millis: u64) -> bool {
        self.fault_windows.iter().any(|window| window.contains(&millis))
    }

    pub(crate) fn is_down_at(&self, millis: u64) -> bool {
        self.outages.iter().any(|outage| outage.contains(&millis))
    }

    pub(crate) fn is_free_of_faults(&self, times: &Range<u64>) -> bool {
        let mut windows = self.fault_windows.iter().chain(&self.outages);
        windows.all(|window| window.end <= times.start || times.end <= window.start)
    }
}

fn window(rng: &SeededRng, longest: u64) -> Range<u64> {
    let start = rng.number(0..LAST_FAULT);
    start..start + rng.number(2_000..longest)
}
