//! The outcome of a lifecycle, checked against the invariants.

use std::fmt;

use doorbell_protocol::limits::PENDING_DEADLINE;
use doorbell_protocol::{RequestRecord, Status, Timestamp};
use doorbell_shared::request::TimeoutReason;

use super::deployment::AGENT_ERROR;
use super::plan::Plan;

/// Messages of the daemon's log.
const CLAIMED: &str = "request claimed";
const DELIVERED: &str = "report delivered";
const REREGISTERED: &str = "registering again";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// With the models of one run of the agent.
    Completed,
    CompletedAfterRedelivery,
    /// With the error of the agent.
    Failed,
    FailedAfterRedelivery,
    NotClaimed,
    NotReported,
    /// The server was killed before it answered the ring.
    NotAcknowledged,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::CompletedAfterRedelivery => "completed after redelivery",
            Self::Failed => "failed with the agent's error",
            Self::FailedAfterRedelivery => "failed with the agent's error after redelivery",
            Self::NotClaimed => TimeoutReason::NotClaimed.as_str(),
            Self::NotReported => TimeoutReason::NotReported.as_str(),
            Self::NotAcknowledged => "the ring was not acknowledged",
        })
    }
}

/// What is left of a lifecycle.
#[derive(Debug)]
pub(crate) struct Trace {
    /// The terminal record.
    pub(crate) record: RequestRecord,
    /// The log of all daemons.
    pub(crate) daemon_log: String,
    /// The answer of each run of the agent.
    pub(crate) runs: Vec<String>,
}

impl Trace {
    /// The outcome, if the invariants allow it.
    pub(crate) fn check(&self, number: u32, plan: &Plan) -> Outcome {
        assert!(!self.daemon_log.contains(REREGISTERED), "{number}: the registration was lost: {self:?}");
        let outcome = self.outcome();
        let timed_out = matches!(outcome, Outcome::NotClaimed | Outcome::NotReported);
        let failed = matches!(outcome, Outcome::Failed | Outcome::FailedAfterRedelivery);
        assert!(timed_out || failed == plan.agent_fails, "{number}: not the agent's answer: {self:?}");
        assert!(!timed_out || plan.is_long, "{number}: a lost message cost the answer: {plan:?} {self:?}");
        assert!(
            !timed_out || !self.was_delivered_in_time(),
            "{number}: an acknowledged report was lost: {self:?}"
        );
        outcome
    }

    fn outcome(&self) -> Outcome {
        let redelivered = self.log_times(CLAIMED).count() > 1;
        match (self.record.status, self.record.error.as_deref()) {
            (Status::Completed, None) => {
                let models = self.record.models.iter().flatten();
                let ids: Vec<_> = models.map(|entry| entry.model().id).collect();
                assert!(ids.len() == 1 && self.runs.contains(&ids[0]), "models of no run: {self:?}");
                if redelivered { Outcome::CompletedAfterRedelivery } else { Outcome::Completed }
            }
            (Status::Failed, Some(AGENT_ERROR)) if redelivered => Outcome::FailedAfterRedelivery,
            (Status::Failed, Some(AGENT_ERROR)) => Outcome::Failed,
            (Status::Timeout, Some("daemon did not respond within 30 seconds")) => Outcome::NotClaimed,
            (Status::Timeout, Some("daemon did not finish within 60 seconds")) => Outcome::NotReported,
            _ => panic!("not an outcome of the contract: {self:?}"),
        }
    }

    /// Whether a report was acknowledged before any deadline, so that it was not stale.
    fn was_delivered_in_time(&self) -> bool {
        let deadline = self.record.created_at + PENDING_DEADLINE;
        self.log_times(DELIVERED).any(|at| at < deadline)
    }

    /// The times of the daemons' log lines with `message` and the request's id.
    fn log_times(&self, message: &str) -> impl Iterator<Item = Timestamp> {
        let message = format!(" INFO {message} ");
        let request = format!("request={}", self.record.id);
        let lines = self.daemon_log.lines();
        let lines = lines.filter(move |line| line.contains(&message) && line.contains(&request));
        lines.map(|line| {
            let time = line.split(' ').next().unwrap();
            // The log has microseconds; the wire's timestamps have milliseconds.
            let (to_millis, _) = time.split_at(time.find('.').unwrap() + 4);
            serde_json::from_value(format!("{to_millis}Z").into()).unwrap()
        })
    }
}
