//! What is counted of the whole service: every name, unit and dimension, and one function for each thing that happens.
//!
//! A use case says what happened; it goes nowhere unless a recorder is installed, as `lambda.rs` does. Nothing is
//! counted for one runtime or workspace: CloudWatch takes money for each combination of dimensions, and ids would make one
//! each. Ids are in the log. A counter with a dimension has no total of its own in CloudWatch; adding up is for the reader.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::request::{Outcome, Status};

/// CloudWatch's namespace of all of them.
pub const NAMESPACE: &str = "Doorbell";

/// One metric, as alarms and dashboards refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is measured in: occurrences are counted, durations come one by one and have percentiles.
    pub unit: Unit,
    /// The dimension that it is split by.
    pub dimension: Option<&'static str>,
}

/// Requests that a heartbeat was handed.
pub const CLAIMS_WON: Metric = count("ClaimsWon");

/// Requests that were handed out again, because the heartbeat's answer or the daemon was lost. They are no claims won.
pub const REDELIVERIES: Metric = count("Redeliveries");

/// Claims that came to nothing because somebody else's was first, or the request was over. Some are natural where several
/// daemons beat for one runtime; many are heartbeats that pay for writes in vain.
pub const CLAIMS_LOST: Metric = count("ClaimsLost");

/// How long a request had waited when it was claimed. Up to a daemon's beat, 15 s, is natural.
pub const AGE_AT_CLAIM: Metric = duration("AgeAtClaim");

/// Requests that came to an end, by [`STATUS`]: `completed`, `failed`, `timeout`. A time-out is counted by the poll that
/// writes it down, so a request that nobody polls once it has lapsed is never counted.
pub const REQUESTS_ENDED: Metric = count("RequestsEnded").by(STATUS);

/// How long a request took from the ring to its answer, by [`STATUS`]: `completed`, `failed`. A time-out has none.
pub const TIME_TO_ANSWER: Metric = duration("TimeToAnswer").by(STATUS);

/// Heartbeats of a runtime with attention that were answered without having looked for work: the look failed or took too
/// long, or the store was too slow for one. Not split by reason, so that one alarm can watch it; the log has the reason.
pub const HEARTBEATS_NOT_LOOKED: Metric = count("HeartbeatsNotLooked");

/// All of them.
pub const METRICS: [Metric; 7] = [
    CLAIMS_WON,
    REDELIVERIES,
    CLAIMS_LOST,
    AGE_AT_CLAIM,
    REQUESTS_ENDED,
    TIME_TO_ANSWER,
    HEARTBEATS_NOT_LOOKED,
];

/// The dimension of all of them: the deployment, so that two in one account are not added up.
pub const STACK: &str = "Stack";

/// The state in which a request ended.
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

/// Tells the recorder the units. Call it once, after it has been installed.
pub fn describe() {
    for Metric { name, unit, .. } in METRICS {
        match unit {
            Unit::Count => describe_counter!(name, unit, ""),
            _ => describe_histogram!(name, unit, ""),
        }
    }
}

/// A heartbeat was handed a request of that age.
pub fn claim_won(age: Duration) {
    counter!(CLAIMS_WON.name).increment(1);
    histogram!(AGE_AT_CLAIM.name).record(milliseconds(age));
}

/// A heartbeat was handed a request that had been handed out before.
pub fn redelivered() {
    counter!(REDELIVERIES.name).increment(1);
}

/// A heartbeat's claim was lost.
pub fn claim_lost() {
    counter!(CLAIMS_LOST.name).increment(1);
}

/// A request was answered, so long after it was made.
pub fn request_answered(outcome: &Outcome, after: Duration) {
    let status = outcome.status();
    request_ended(status);
    histogram!(TIME_TO_ANSWER.name, STATUS => status.as_str()).record(milliseconds(after));
}

/// A lapse was written down.
pub fn request_timed_out() {
    request_ended(Status::Timeout);
}

fn request_ended(status: Status) {
    counter!(REQUESTS_ENDED.name, STATUS => status.as_str()).increment(1);
}

/// A heartbeat that might have found work was answered without having looked.
pub fn heartbeat_not_looked() {
    counter!(HEARTBEATS_NOT_LOOKED.name).increment(1);
}

/// Times are stored in whole milliseconds, so nothing finer is lost.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_millis() as f64
}
