//! One question from the ring to the answer: the operations of a lifecycle, added up.

use doorbell_cli::client::POLL_INTERVAL;
use doorbell_daemon::daemon::Settings;
use doorbell_shared::limits::ATTENTION;
use doorbell_tests::metered::{Cost, Step};

use crate::measure::cost_of;

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

/// An operation of a question.
pub(crate) struct Part {
    pub(crate) what: &'static str,
    /// How often it comes.
    pub(crate) times: f64,
    pub(crate) each: Amount,
}

/// What one question costs.
pub(crate) struct Question {
    /// How often a client polls in vain, on average.
    pub(crate) polls: f64,
    /// The share of the read units that those polls are.
    pub(crate) in_vain: f64,
    pub(crate) parts: Vec<Part>,
    pub(crate) total: Amount,
}

impl Question {
    /// A question to a runtime that beats anyway, asked halfway between two beats and answered at once.
    pub(crate) fn of(steps: &[Step]) -> Self {
        let amount = |operation| Amount::from(cost_of(steps, operation));
        let polls = (Settings::INTERVAL / 2).as_secs_f64() / POLL_INTERVAL.as_secs_f64();
        // Nothing takes the attention back that a ring draws: the beats after the claim look too.
        let later_looks = ATTENTION.as_secs_f64() / Settings::INTERVAL.as_secs_f64() - 1.0;
        let parts = [
            ("authorizer", 1.0, amount("authorizer")),
            ("initiate", 1.0, amount("initiate")),
            ("poll", polls, amount("poll")),
            ("heartbeat with work, more than an idle one", 1.0, more_than_idle(steps)),
            ("later look that finds nothing", later_looks, look(steps)),
            ("report", 1.0, amount("report")),
            ("poll of the result", 1.0, amount("poll_result")),
        ];
        let parts = parts.map(|(what, times, each)| Part { what, times, each });
        let total = parts.iter().fold(Amount::default(), |total, part| total.plus(part.times, part.each));
        let in_vain = polls * amount("poll").read_units / total.read_units;
        Self { polls, in_vain, parts: parts.into(), total }
    }
}

fn more_than_idle(steps: &[Step]) -> Amount {
    let amount = |operation| Amount::from(cost_of(steps, operation));
    amount("heartbeat_work").plus(-1.0, amount("heartbeat_idle"))
}

/// What a heartbeat with work reads, which is its look; in bytes, at most.
fn look(steps: &[Step]) -> Amount {
    Amount::from(&cost_of(steps, "heartbeat_work").reads())
}
