//! What was measured, for people.

use std::time::Duration;

use super::calls::{Answer, Calls, Kind};
use super::crowd::Endings;

/// The middle of what is sorted.
pub(crate) fn median(sorted: &[Duration]) -> Duration {
    at(sorted, 50)
}

fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted
        .get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// Prints calls by kind, and how the rings ended.
pub(crate) fn show(calls: &Calls, endings: &Endings) {
    for kind in Kind::ALL {
        let served = calls.took(kind, |answer| matches!(answer, Answer::Served(_)));
        let shed = calls.took(kind, |answer| *answer == Answer::Shed);
        println!("{:10} {}; {}", format!("{kind:?}"), line("served", &served), line("shed", &shed));
    }
    for (ending, count) in endings {
        println!("{count:5}  {ending}");
    }
}

fn line(what: &str, took: &[Duration]) -> String {
    format!(
        "{:6} {what} p50 {:4} p99 {:4} ms",
        took.len(),
        median(took).as_millis(),
        at(took, 99).as_millis()
    )
}
