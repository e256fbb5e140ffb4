//! Doorbell's usage: by heartbeats over time, and by questions.

use std::ops::{Add, Mul, Sub};

use crate::Error;
use crate::prices::Prices;
use crate::results::{Counted, Results};

/// The daemons' interval.
pub(crate) const HEARTBEAT_S: f64 = 15.0;

/// A write unit is a write of up to this size (AWS, "DynamoDB read and write operations").
const WRITE_UNIT_BYTES: f64 = 1024.0;

/// Everything that is billed by use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    pub(crate) requests: f64,
    /// The authorizer's included.
    pub(crate) lambda_calls: f64,
    pub(crate) gb_seconds: f64,
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
    /// Access log and function log.
    pub(crate) log_bytes: f64,
    pub(crate) sent_bytes: f64,
    /// Stored in the table, on average over a month.
    pub(crate) stored_bytes: f64,
    /// Of connections to IoT Core, and its messages, triggered rules and their actions.
    pub(crate) connected_minutes: f64,
    pub(crate) messages: f64,
    pub(crate) rules: f64,
    pub(crate) actions: f64,
}

impl Usage {
    fn combined(self, other: Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            requests: combine(self.requests, other.requests),
            lambda_calls: combine(self.lambda_calls, other.lambda_calls),
            gb_seconds: combine(self.gb_seconds, other.gb_seconds),
            write_units: combine(self.write_units, other.write_units),
            read_units: combine(self.read_units, other.read_units),
            log_bytes: combine(self.log_bytes, other.log_bytes),
            sent_bytes: combine(self.sent_bytes, other.sent_bytes),
            stored_bytes: combine(self.stored_bytes, other.stored_bytes),
            connected_minutes: combine(self.connected_minutes, other.connected_minutes),
            messages: combine(self.messages, other.messages),
            rules: combine(self.rules, other.rules),
            actions: combine(self.actions, other.actions),
        }
    }
}

impl Add for Usage {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.combined(other, |left, right| left + right)
    }
}

impl Sub for Usage {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.combined(other, |left, right| left - right)
    }
}

impl Mul<f64> for Usage {
    type Output = Self;
    fn mul(self, times: f64) -> Self {
        self.combined(self, |value, _| value * times)
    }
}

/// A month of one runtime, by what causes it.
pub(crate) struct Month {
    /// To the push channel.
    pub(crate) connection: Usage,
    pub(crate) reconnects: Usage,
    /// With the items of the runtime.
    pub(crate) heartbeats: Usage,
    pub(crate) questions: Usage,
}

impl Month {
    pub(crate) fn idle(&self) -> Usage {
        self.connection + self.reconnects + self.heartbeats
    }

    /// The bill of a deployment, monitoring and questions included.
    pub(crate) fn deployment(&self, runtimes: f64, prices: &Prices) -> f64 {
        prices.bill(&((self.idle() + self.questions) * runtimes)).total() + prices.monitoring()
    }
}

pub(crate) struct Doorbell {
    /// Of a daemon with one runtime.
    heartbeat: Usage,
    /// Of each further write of a heartbeat.
    heartbeat_write: Usage,
    /// The items of a runtime.
    pub(crate) runtime: Usage,
    /// From ring to answer, with the additional cost of heartbeats.
    pub(crate) question: Usage,
    pub(crate) authorizer: Usage,
    pub(crate) questions_a_month: f64,
}

impl Doorbell {
    pub(crate) fn new(results: &Results, prices: &Prices) -> Result<Self, Error> {
        let assumed = &prices.assumptions;
        let call = |operation, function| usage(operation, function, results, prices);
        let log_bytes =
            assumed.access_log_bytes + assumed.idle_heartbeat_log_lines * assumed.function_log_bytes;
        let heartbeat = Usage { log_bytes, ..call("heartbeat_idle", "heartbeat")? };
        let heartbeat_write = Usage {
            gb_seconds: gb_seconds(assumed.network_ms, prices.template.memory_mb),
            write_units: 1.0,
            ..Usage::default()
        };
        let authorizer = authorizer(results.counted("authorizer")?, results, prices)?;
        let polls = call("poll", "poll")? * (results.polls - 1.0) + call("poll_result", "poll")?;
        let claim = call("heartbeat_work", "heartbeat")? - heartbeat;
        let models = Usage { sent_bytes: results.counted("poll_result")?.report_bytes, ..Usage::default() };
        // By the units of the writes, which are at least the size of the items: heartbeats write the runtime, one more unit is its
        // listing, and reports write the request, which stays until TTL deletes it. One unit of a report removes the id from the open
        // set.
        let runtime = stored(results.counted("heartbeat_idle")?.write_units + 1.0);
        let share_of_month = assumed.ttl_days * 86_400.0 / prices.month_s();
        let request = stored((results.counted("report")?.write_units - 1.0) * share_of_month);
        // The client's token is not in the authorizer's cache.
        let question = authorizer
            + call("initiate", "initiate")?
            + polls
            + claim
            + call("report", "report")?
            + models
            + request;
        let questions_a_month = assumed.questions_a_day * prices.month_s() / 86_400.0;
        Ok(Self { heartbeat, heartbeat_write, runtime, question, authorizer, questions_a_month })
    }

    /// A heartbeat without work, of a whole daemon.
    pub(crate) fn heartbeat(&self, writes: f64) -> Usage {
        self.heartbeat + self.heartbeat_write * (writes - 1.0)
    }

    /// A month without push, of a daemon with its own token.
    pub(crate) fn month(&self, runtimes_a_daemon: f64, prices: &Prices) -> Month {
        let month_s = prices.month_s();
        let authorizations = month_s / prices.template.authorizer_cache_s.max(HEARTBEAT_S);
        let daemon =
            self.heartbeat(runtimes_a_daemon) * (month_s / HEARTBEAT_S) + self.authorizer * authorizations;
        Month {
            connection: Usage::default(),
            reconnects: Usage::default(),
            heartbeats: daemon * (1.0 / runtimes_a_daemon) + self.runtime,
            questions: self.question * self.questions_a_month,
        }
    }
}

/// API Gateway and IoT Core bill, log and send nothing for their calls of an authorizer.
pub(crate) fn authorizer(counted: Counted, results: &Results, prices: &Prices) -> Result<Usage, Error> {
    let log_bytes = prices.assumptions.function_log_bytes;
    Ok(Usage {
        requests: 0.0,
        sent_bytes: 0.0,
        log_bytes,
        ..counted_usage(counted, "authorizer", results, prices)?
    })
}

pub(crate) fn stored(units: f64) -> Usage {
    Usage { stored_bytes: units * WRITE_UNIT_BYTES, ..Usage::default() }
}

pub(crate) fn usage(
    operation: &str,
    function: &str,
    results: &Results,
    prices: &Prices,
) -> Result<Usage, Error> {
    counted_usage(results.counted(operation)?, function, results, prices)
}

fn counted_usage(
    counted: Counted,
    function: &str,
    results: &Results,
    prices: &Prices,
) -> Result<Usage, Error> {
    let assumed = &prices.assumptions;
    // Billed in whole milliseconds.
    let ms = (results.warm_ms(function)? + assumed.network_ms * counted.calls).ceil();
    Ok(Usage {
        requests: 1.0,
        lambda_calls: 1.0,
        gb_seconds: gb_seconds(ms, memory_mb(function, prices)),
        write_units: counted.write_units,
        read_units: counted.read_units,
        log_bytes: assumed.access_log_bytes + assumed.function_log_bytes,
        sent_bytes: assumed.response_bytes,
        ..Usage::default()
    })
}

fn memory_mb(function: &str, prices: &Prices) -> f64 {
    match function {
        "initiate" | "poll" => prices.template.held_memory_mb,
        _ => prices.template.memory_mb,
    }
}

pub(crate) fn gb_seconds(ms: f64, memory_mb: f64) -> f64 {
    ms / 1e3 * memory_mb / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doorbell() -> Doorbell {
        Doorbell::new(&Results::sample(), &Prices::published().unwrap()).unwrap()
    }

    #[test]
    fn runtime_month_has_heartbeats_and_authorizations() {
        let month = doorbell().month(1.0, &Prices::published().unwrap()).idle();
        assert_eq!((month.requests, month.write_units), (175_200.0, 175_200.0));
        assert_eq!((month.lambda_calls, month.read_units), (175_200.0 + 43_800.0, 43_800.0));
        assert_eq!(month.stored_bytes, 2.0 * 1024.0);
    }

    #[test]
    fn question_has_ring_polls_claim_and_report() {
        let question = doorbell().question;
        assert_eq!(question.requests, 1.0 + 17.0 + 1.0);
        assert_eq!(question.write_units, 2.0 + 1.0 + 2.0);
        assert_eq!(question.read_units, 1.0 + 17.0);
        assert!((question.stored_bytes - 1024.0 * 3.0 * 24.0 / 730.0).abs() < 1e-9);
    }
}
