//! The metrics: names, units, dimensions, and one function for each event.
//!
//! Without a recorder, which `lambda.rs` installs, they are discarded. No metric has a dimension of runtime or workspace:
//! CloudWatch charges for each combination. Ids are in the log.

use std::time::Duration;

use doorbell_protocol::Status;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::request::RequestOutcome;

/// CloudWatch's namespace.
pub const NAMESPACE: &str = "Doorbell";

/// One metric, as alarms and dashboards refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    /// Counters count events; durations are recorded one by one and have percentiles.
    pub unit: Unit,
    pub dimension: Option<&'static str>,
}

/// First deliveries of requests.
pub const CLAIMS_WON: Metric = count("ClaimsWon");

/// Redeliveries, after a lost heartbeat response or daemon. Not counted as claims won.
pub const REDELIVERIES: Metric = count("Redeliveries");

/// Claims that lost a race, or whose request had ended. Some are normal with several daemons for one runtime; many are wasted
/// writes.
pub const CLAIMS_LOST: Metric = count("ClaimsLost");

/// A request's age at its first delivery. Up to the heartbeat interval, 15 s, is normal.
pub const AGE_AT_CLAIM: Metric = duration("AgeAtClaim");

/// Ended requests by [`STATUS`]: `completed`, `failed`, `timeout`. A timeout is counted by the poll that writes it, so a
/// request without a later poll is not counted.
pub const REQUESTS_ENDED: Metric = count("RequestsEnded").by(STATUS);

/// The time from ring to report, by [`STATUS`]: `completed`, `failed`.
pub const TIME_TO_ANSWER: Metric = duration("TimeToAnswer").by(STATUS);

/// Heartbeats with a work hint that did not read the queue: the read failed or timed out, or the store was too slow. Not
/// split by reason, so that one alarm can watch it; the reason is in the log.
pub const HEARTBEAT_QUEUE_SKIPS: Metric = count("HeartbeatQueueSkips");

/// All metrics.
pub const METRICS: [Metric; 7] = [
    CLAIMS_WON,
    REDELIVERIES,
    CLAIMS_LOST,
    AGE_AT_CLAIM,
    REQUESTS_ENDED,
    TIME_TO_ANSWER,
    HEARTBEAT_QUEUE_SKIPS,
];

/// The dimension of all metrics: the deployment.
pub const STACK: &str = "Stack";

/// The status of an ended request.
pub const STATUS: &str = "Status";

const fn count(name: &'static str) -> Metric {
    Metric { name, unit: Unit::Count, dimension: None }
}

const fn duration(name: &'static str) -> Metric {
    Metric { name, unit: Unit::Milliseconds, dimension: None }
}

impl Metric {
    const fn by(self, dimension: &'static str) -> Self {
        Self { dimension: Some(dimension), ..self }
    }
}

/// Describes the units to the recorder. Call it once, after its installation.
pub fn describe() {
    for Metric { name, unit, .. } in METRICS {
        match unit {
            Unit::Count => describe_counter!(name, unit, ""),
            _ => describe_histogram!(name, unit, ""),
        }
    }
}

/// A request of that age was delivered.
pub fn claim_won(age: Duration) {
    counter!(CLAIMS_WON.name).increment(1);
    histogram!(AGE_AT_CLAIM.name).record(milliseconds(age));
}

/// A request was redelivered.
pub fn redelivered() {
    counter!(REDELIVERIES.name).increment(1);
}

/// A claim was lost.
pub fn claim_lost() {
    counter!(CLAIMS_LOST.name).increment(1);
}

/// A request was reported that long after its ring.
pub fn request_reported(outcome: &RequestOutcome, after: Duration) {
    let status = outcome.status();
    request_ended(status);
    histogram!(TIME_TO_ANSWER.name, STATUS => status.as_str()).record(milliseconds(after));
}

/// A timeout was written.
pub fn request_timed_out() {
    request_ended(Status::Timeout);
}

fn request_ended(status: Status) {
    counter!(REQUESTS_ENDED.name, STATUS => status.as_str()).increment(1);
}

/// A heartbeat with a work hint did not read the queue.
pub fn heartbeat_queue_skipped() {
    counter!(HEARTBEAT_QUEUE_SKIPS.name).increment(1);
}

/// Times are stored in whole milliseconds.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_millis() as f64
}
