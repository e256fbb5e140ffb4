//! The metrics: names, units and dimensions, and one function for each event.
//!
//! They are discarded unless `lambda.rs` has installed a recorder. Runtime and workspace are not dimensions, because CloudWatch
//! bills each combination; the log has the ids.

use std::time::Duration;

use doorbell_protocol::Status;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::request::RequestOutcome;

/// The CloudWatch namespace.
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

/// Redeliveries after a lost heartbeat response or a restart of the daemon. Not counted as claims won.
pub const REDELIVERIES: Metric = count("Redeliveries");

/// Claims that lost a race, or whose request had ended. They are wasted writes; some are normal if several daemons share a
/// runtime.
pub const CLAIMS_LOST: Metric = count("ClaimsLost");

/// A request's age at its first delivery. Up to the heartbeat interval, 15 s, is normal.
pub const AGE_AT_CLAIM: Metric = duration("AgeAtClaim");

/// Ended requests by [`STATUS`]: `completed`, `failed`, `timeout`. A timeout is counted by the poll that writes it, so a
/// request without a later poll is not counted.
pub const REQUESTS_ENDED: Metric = count("RequestsEnded").by(STATUS);

/// The time from ring to report, by [`STATUS`]: `completed`, `failed`.
pub const TIME_TO_ANSWER: Metric = duration("TimeToAnswer").by(STATUS);

/// Heartbeats with a work hint that did not read the queue, or not to its end: the read failed or timed out, or the store was too
/// slow. One metric for all reasons, so that one alarm covers it; the log has the reason.
pub const HEARTBEAT_QUEUE_SKIPS: Metric = count("HeartbeatQueueSkips");

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

/// Records a first delivery of a request of this age.
pub fn claim_won(age: Duration) {
    counter!(CLAIMS_WON.name).increment(1);
    histogram!(AGE_AT_CLAIM.name).record(milliseconds(age));
}

pub fn redelivered() {
    counter!(REDELIVERIES.name).increment(1);
}

pub fn claim_lost() {
    counter!(CLAIMS_LOST.name).increment(1);
}

/// Records a report and its time since the ring.
pub fn request_reported(outcome: &RequestOutcome, after: Duration) {
    let status = outcome.status();
    request_ended(status);
    histogram!(TIME_TO_ANSWER.name, STATUS => status.as_str()).record(milliseconds(after));
}

pub fn request_timed_out() {
    request_ended(Status::Timeout);
}

fn request_ended(status: Status) {
    counter!(REQUESTS_ENDED.name, STATUS => status.as_str()).increment(1);
}

pub fn heartbeat_queue_skipped() {
    counter!(HEARTBEAT_QUEUE_SKIPS.name).increment(1);
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_millis() as f64
}
