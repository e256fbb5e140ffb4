//! A held call (`?wait=`) compared with polls every 500 ms.

use std::time::Duration;

use doorbell_functions::held::intervals;
use serde_json::{Value, json};

use crate::Error;
use crate::doorbell::{Usage, gb_seconds, usage};
use crate::prices::Prices;
use crate::results::Results;

/// The interval of existing clients.
const POLL_INTERVAL_S: f64 = 0.5;

/// Times from ring to answer: a runtime with a short interval, the mean with heartbeats every 15 s, and the longest hold that clients
/// of this project use.
const ANSWERED_AFTER_S: [f64; 3] = [1.0, 7.5, 20.0];

pub(crate) fn compare(results: &Results, prices: &Prices) -> Result<Value, Error> {
    let poll = usage("poll", "poll", results, prices)?;
    let rows = ANSWERED_AFTER_S.map(|seconds| {
        let memory_mb = prices.template.held_memory_mb;
        let large_mb = prices.template.memory_mb;
        json!({
            "answered_after_s": seconds,
            "polls": row(polls(poll, seconds), prices),
            "held": row(held(poll, seconds, memory_mb), prices),
            "held_with_memory_of_others": row(held(poll, seconds, large_mb), prices),
        })
    });
    Ok(json!(rows))
}

fn row(usage: Usage, prices: &Prices) -> Value {
    json!({
        "calls": usage.requests,
        "read_units": usage.read_units,
        "dollars_a_million": prices.bill(&usage).total() * 1e6,
    })
}

/// The first poll comes with the interval, because the ring has just answered.
fn polls(poll: Usage, seconds: f64) -> Usage {
    poll * (seconds / POLL_INTERVAL_S).ceil()
}

/// One call that reads until the answer is there.
fn held(poll: Usage, seconds: f64, memory_mb: f64) -> Usage {
    let (reads, held) = reads_until(Duration::from_secs_f64(seconds));
    Usage {
        read_units: poll.read_units * f64::from(reads),
        gb_seconds: gb_seconds(held.as_secs_f64() * 1e3, memory_mb),
        ..poll
    }
}

/// The number of reads, and the time of the one that finds an answer at `answer`.
fn reads_until(answer: Duration) -> (u32, Duration) {
    let mut reads = 1;
    let mut at = Duration::ZERO;
    for interval in intervals() {
        if at >= answer {
            break;
        }
        at += interval;
        reads += 1;
    }
    (reads, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_follow_the_intervals() {
        assert_eq!(reads_until(Duration::ZERO), (1, Duration::ZERO));
        assert_eq!(reads_until(Duration::from_millis(200)), (2, Duration::from_millis(200)));
        assert_eq!(reads_until(Duration::from_millis(201)), (3, Duration::from_millis(460)));
    }

    /// The reason for the smaller memory of initiate and poll.
    #[test]
    fn held_call_is_cheaper_with_less_memory() {
        let prices = Prices::published().unwrap();
        let poll = usage("poll", "poll", &Results::sample(), &prices).unwrap();
        let dollars = |usage: Usage| prices.bill(&usage).total();
        let polled = dollars(polls(poll, 7.5));
        assert!(dollars(held(poll, 7.5, prices.template.held_memory_mb)) < polled);
        assert!(dollars(held(poll, 7.5, prices.template.memory_mb)) > polled);
    }
}
