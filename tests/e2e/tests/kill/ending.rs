//! How a lifecycle ended, and whether it may end so.

use std::fmt;

use chrono::{DateTime, Utc};
use doorbell_protocol::RequestRecord;
use doorbell_protocol::Status;
use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::PENDING_DEADLINE;
use doorbell_shared::request::TimeoutReason;

use super::plan::Plan;
use super::site::FAILURE;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// With the models of one of the agent's runs.
    Completed,
    /// The same, and the request was handed out more than once.
    CompletedAgain,
    /// With the agent's failure.
    Failed,
    FailedAgain,
    NotClaimed,
    NotReported,
    /// The server was killed before it had answered the ring.
    NotAcknowledged,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::CompletedAgain => "completed, after it was handed out again",
            Self::Failed => "failed, as the agent did",
            Self::FailedAgain => "failed, as the agent did, after it was handed out again",
            Self::NotClaimed => TimeoutReason::NotClaimed.as_str(),
            Self::NotReported => TimeoutReason::NotReported.as_str(),
            Self::NotAcknowledged => "the ring was not acknowledged",
        })
    }
}

/// What is known at the end.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// What every poll says.
    pub(crate) record: RequestRecord,
    /// What the daemons have logged.
    pub(crate) daemon_log: String,
    /// What each run of the agent answered.
    pub(crate) runs: Vec<String>,
}

impl Evidence {
    /// The ending, which the invariants have to allow.
    pub(crate) fn judge(&self, number: u32, plan: &Plan) -> Ending {
        assert!(!self.daemon_log.contains("forgotten"), "{number}: the registration was lost: {self:?}");
        let ending = self.ending();
        let in_time = !matches!(ending, Ending::NotClaimed | Ending::NotReported);
        let fails = matches!(ending, Ending::Failed | Ending::FailedAgain);
        assert!(!in_time || fails == plan.agent_fails, "{number}: not the agent's answer: {self:?}");
        assert!(in_time || plan.is_long, "{number}: a lost message cost the answer: {plan:?} {self:?}");
        assert!(
            in_time || !self.was_delivered_in_time(),
            "{number}: an acknowledged report was lost: {self:?}"
        );
        ending
    }

    fn ending(&self) -> Ending {
        let again = self.logged("collected").count() > 1;
        match (self.record.status, self.record.error.as_deref()) {
            (Status::Completed, None) => {
                let models: Vec<_> =
                    self.record.models.iter().map(|entry| entry.model().id.clone()).collect();
                assert!(models.len() == 1 && self.runs.contains(&models[0]), "nobody's models: {self:?}");
                if again { Ending::CompletedAgain } else { Ending::Completed }
            }
            (Status::Failed, Some(FAILURE)) if again => Ending::FailedAgain,
            (Status::Failed, Some(FAILURE)) => Ending::Failed,
            (Status::Timeout, Some(text)) => match TimeoutReason::from_text(text) {
                Some(TimeoutReason::NotClaimed) => Ending::NotClaimed,
                Some(TimeoutReason::NotReported) => Ending::NotReported,
                None => panic!("no text of the contract: {self:?}"),
            },
            _ => panic!("no ending of the contract: {self:?}"),
        }
    }

    /// Whether a report was acknowledged before any deadline: it cannot have been stale.
    fn was_delivered_in_time(&self) -> bool {
        let deadline = self.record.created_at + PENDING_DEADLINE;
        self.logged("delivered").any(|at| at < deadline)
    }

    /// When daemons have logged `event` about the request.
    fn logged(&self, event: &str) -> impl Iterator<Item = Timestamp> {
        let (event, request) = (format!(" INFO {event} "), format!("request={}", self.record.id));
        let lines = self.daemon_log.lines();
        let lines = lines.filter(move |line| line.contains(&event) && line.contains(&request));
        lines.map(|line| Timestamp::from(line.split(' ').next().unwrap().parse::<DateTime<Utc>>().unwrap()))
    }
}
