//! One question from the ring to the answer: the operations of a lifecycle, added up.

use std::time::Duration;

use doorbell_daemon::daemon::Settings;
use doorbell_tests::metered::{Cost, Step};

use crate::measure::cost_of;

/// As clients poll.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// So much of something.
#[derive(Clone, Copy, Default)]
pub(crate) struct Amount {
    pub(crate) calls: f64,
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
    pub(crate) sent_bytes: f64,
    pub(crate) received_bytes: f64,
}

impl From<&Cost> for Amount {
    fn from(cost: &Cost) -> Self {
        Self {
            calls: cost.0.len() as f64,
            write_units: cost.write_units(),
            read_units: cost.read_units(),
            sent_bytes: cost.sent_bytes() as f64,
            received_bytes: cost.received_bytes() as f64,
        }
    }
}

impl Amount {
    /// So many times `other` more.
    fn plus(self, times: f64, other: Self) -> Self {
        Self {
            calls: self.calls + times * other.calls,
            write_units: self.write_units + times * other.write_units,
            read_units: self.read_units + times * other.read_units,
            sent_bytes: self.sent_bytes + times * other.sent_bytes,
            received_bytes: self.received_bytes + times * other.received_bytes,
        }
    }
}

/// What one question costs.
pub(crate) struct Question {
    /// How often a client polls in vain, on average.
    pub(crate) polls: f64,
    /// Its parts, with how often they come.
    pub(crate) parts: Vec<(&'static str, f64, Amount)>,
    pub(crate) total: Amount,
}

impl Question {
    /// A question to a runtime that beats anyway, asked halfway between two beats and answered at once.
    pub(crate) fn of(steps: &[Step]) -> Self {
        let amount = |operation| Amount::from(cost_of(steps, operation));
        let polls = (Settings::INTERVAL / 2).as_secs_f64() / POLL_INTERVAL.as_secs_f64();
        let more_than_idle = amount("heartbeat_work").plus(-1.0, amount("heartbeat_idle"));
        let parts = vec![
            ("initiate", 1.0, amount("initiate")),
            ("poll", polls, amount("poll")),
            ("heartbeat with work, more than an idle one", 1.0, more_than_idle),
            ("report", 1.0, amount("report")),
            ("poll of the result", 1.0, amount("poll_result")),
        ];
        let total = parts.iter().fold(Amount::default(), |total, (_, times, part)| total.plus(*times, *part));
        Self { polls, parts, total }
    }
}
