//! The metrics: names, units and dimensions, and one function for each event.
//!
//! They are discarded unless `lambda.rs` has installed a recorder. Runtime and workspace are not dimensions, because CloudWatch
//! bills each combination; the log has the ids.

use std::time::Duration;

use doorbell_protocol::{Kind, Status};
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::kinds::built_in;
use crate::request::RequestOutcome;

/// The CloudWatch namespace.
pub const NAMESPACE: &str = "Doorbell";

/// One metric, as alarms and dashboards refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    /// Counters count events; durations are recorded one by one and have percentiles.
    pub unit: Unit,
    /// Besides [`STACK`].
    pub dimensions: &'static [&'static str],
}

/// First deliveries of requests.
pub const CLAIMS_WON: Metric = count("ClaimsWon");

/// Redeliveries after a lost heartbeat response or a restart of the daemon. Not counted as claims won.
pub const REDELIVERIES: Metric = count("Redeliveries");

/// Claims that lost a race, or whose request had ended. They are wasted writes; some are normal if several daemons share a
/// runtime.
pub const CLAIMS_LOST: Metric = count("ClaimsLost");

/// A request's age at its first delivery, by [`KIND`]. Up to the heartbeat interval, 15 s, is normal, unless it waits for an offline
/// runtime.
pub const AGE_AT_CLAIM: Metric = duration("AgeAtClaim").by(&[KIND]);

/// Ended requests by [`KIND`] and [`STATUS`]: `completed`, `failed`, `timeout`. A cancelled request counts as failed. A timeout is
/// counted by the poll that writes it, so one without a later poll, or written by a cancellation, is not counted.
pub const REQUESTS_ENDED: Metric = count("RequestsEnded").by(&[KIND, STATUS]);

/// The time from ring to report, by [`KIND`] and [`STATUS`]: `completed`, `failed`.
pub const TIME_TO_ANSWER: Metric = duration("TimeToAnswer").by(&[KIND, STATUS]);

/// Heartbeats of runtimes with open requests that claimed nothing, or stopped claiming, because the store was slow. One metric, so
/// that one alarm covers both.
pub const HEARTBEAT_QUEUE_SKIPS: Metric = count("HeartbeatQueueSkips");

/// Hints that a daemon has acknowledged.
pub const HINTS_DELIVERED: Metric = count("HintsDelivered");

/// Hints that no daemon has acknowledged in time: it is not connected, or does not answer, or the push channel failed. The request then
/// waits for a heartbeat.
pub const HINTS_UNDELIVERED: Metric = count("HintsUndelivered");

/// Push leases that ended because the connection had: the runtimes go offline unless their daemon sends heartbeats.
pub const LEASES_ENDED: Metric = count("LeasesEnded");

pub const METRICS: [Metric; 10] = [
    CLAIMS_WON,
    REDELIVERIES,
    CLAIMS_LOST,
    AGE_AT_CLAIM,
    REQUESTS_ENDED,
    TIME_TO_ANSWER,
    HEARTBEAT_QUEUE_SKIPS,
    HINTS_DELIVERED,
    HINTS_UNDELIVERED,
    LEASES_ENDED,
];

/// The dimension of all metrics: the deployment.
pub const STACK: &str = "Stack";

/// The status of an ended request.
pub const STATUS: &str = "Status";

/// The kind of a request: the name of a built-in kind, or [`QUESTION`].
pub const KIND: &str = "Kind";

/// The [`KIND`] of all questions: their names are the users', and CloudWatch bills each.
pub const QUESTION: &str = "question";

const fn count(name: &'static str) -> Metric {
    Metric { name, unit: Unit::Count, dimensions: &[] }
}

const fn duration(name: &'static str) -> Metric {
    Metric { name, unit: Unit::Milliseconds, dimensions: &[] }
}

impl Metric {
    const fn by(self, dimensions: &'static [&'static str]) -> Self {
        Self { dimensions, ..self }
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

/// The value of [`KIND`].
pub fn kind_name(kind: Kind) -> &'static str {
    built_in(kind).map_or(QUESTION, |built_in| built_in.kind.as_str())
}

/// Records a first delivery of a request of this age.
pub fn claim_won(kind: Kind, age: Duration) {
    counter!(CLAIMS_WON.name).increment(1);
    histogram!(AGE_AT_CLAIM.name, KIND => kind_name(kind)).record(milliseconds(age));
}

pub fn redelivered() {
    counter!(REDELIVERIES.name).increment(1);
}

pub fn claim_lost() {
    counter!(CLAIMS_LOST.name).increment(1);
}

/// Records a report and its time since the ring.
pub fn request_reported(kind_name: &'static str, outcome: &RequestOutcome, after: Duration) {
    let status = outcome.status();
    request_ended(kind_name, status);
    histogram!(TIME_TO_ANSWER.name, KIND => kind_name, STATUS => status.as_str()).record(milliseconds(after));
}

pub fn request_timed_out(kind: Kind) {
    request_ended(kind_name(kind), Status::Timeout);
}

pub fn request_cancelled(kind: Kind) {
    request_ended(kind_name(kind), Status::Failed);
}

fn request_ended(kind_name: &'static str, status: Status) {
    counter!(REQUESTS_ENDED.name, KIND => kind_name, STATUS => status.as_str()).increment(1);
}

pub fn heartbeat_queue_skipped() {
    counter!(HEARTBEAT_QUEUE_SKIPS.name).increment(1);
}

pub fn hint_delivered() {
    counter!(HINTS_DELIVERED.name).increment(1);
}

pub fn hint_undelivered() {
    counter!(HINTS_UNDELIVERED.name).increment(1);
}

pub fn lease_ended() {
    counter!(LEASES_ENDED.name).increment(1);
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_millis() as f64
}
