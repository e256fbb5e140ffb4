//! What a person's client does: list, ring, poll.

use std::time::Duration;

use crate::api::{Api, ApiError};
use doorbell_protocol::Status;
use doorbell_protocol::id::{RuntimeId, WorkspaceId};
use doorbell_protocol::{RequestRecord, RuntimeRecord};

/// As often as the existing web clients poll.
pub const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The first polls, and those after the collection, come faster: some daemons beat every second, and most agents answer
/// at once.
const FIRST_POLLS: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(150),
    Duration::from_millis(200),
];

/// A request is terminal or gone 90 s after it was made; what is still open then never ends.
const PATIENCE: Duration = Duration::from_secs(100);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The API said no, or could not be reached.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The request ended without models; the text says why.
    #[error("{0}")]
    Unanswered(String),
    /// The server never ended the request, which it promises to.
    #[error("the request stayed open for {} seconds; the server should have ended it by then", PATIENCE.as_secs())]
    Stuck,
}

/// An answer, and how long it took.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The completed request.
    pub record: RequestRecord,
    /// How long it took.
    pub took: Took,
}

/// How long a ring took, as far as polls can see.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// Until the ring was acknowledged.
    pub rung: Duration,
    /// Until a poll saw that a daemon has it. `None` when none saw it between pending and answered.
    pub collected: Option<Duration>,
    /// Until the answer was there.
    pub in_all: Duration,
}

impl Took {
    /// Each step's own time, and at last the whole.
    pub fn steps(&self) -> Vec<(&'static str, Duration)> {
        let mut steps = vec![("rung", self.rung)];
        match self.collected {
            Some(collected) => steps.extend([
                ("waited for the heartbeat", collected.saturating_sub(self.rung)),
                ("worked out by the agent", self.in_all.saturating_sub(collected)),
            ]),
            None => steps.push(("collected and worked out", self.in_all.saturating_sub(self.rung))),
        }
        steps.push(("in all", self.in_all));
        steps
    }
}

/// What can be rung, of one workspace or of all that the token is in.
pub async fn runtimes(api: &Api, workspace: Option<WorkspaceId>) -> Result<Vec<RuntimeRecord>, ApiError> {
    match workspace {
        Some(workspace) => api.get(&format!("/api/runtimes?workspace_id={workspace}")).await,
        None => api.get("/api/runtimes").await,
    }
}

/// Rings `runtime` and polls until it has answered. `seen` is told every status on the way.
pub async fn ask(api: &Api, runtime: RuntimeId, mut seen: impl FnMut(Status)) -> Result<Answer, AskError> {
    let watch = Watch::start();
    let mut record: RequestRecord = api.post(&format!("/api/runtimes/{runtime}/models"), &()).await?;
    let (rung, mut collected, mut waits) = (watch.elapsed(), None, FIRST_POLLS.into_iter());
    loop {
        seen(record.status);
        if record.status.is_terminal() {
            return answer(record, Took { rung, collected, in_all: watch.elapsed() });
        }
        if record.status == Status::Running && collected.is_none() {
            (collected, waits) = (Some(watch.elapsed()), FIRST_POLLS.into_iter());
        }
        if watch.elapsed() > PATIENCE {
            return Err(AskError::Stuck);
        }
        tokio::time::sleep(waits.next().unwrap_or(POLL_INTERVAL)).await;
        record = api.get(&format!("/api/runtimes/{runtime}/models/{}", record.id)).await?;
    }
}

fn answer(record: RequestRecord, took: Took) -> Result<Answer, AskError> {
    match record.status {
        Status::Completed => Ok(Answer { record, took }),
        _ => {
            Err(AskError::Unanswered(record.error.unwrap_or_else(|| "the daemon gave no reason".to_owned())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(collected: Option<u64>) -> Vec<(&'static str, u128)> {
        let collected = collected.map(Duration::from_millis);
        let took = Took { rung: Duration::from_millis(10), collected, in_all: Duration::from_millis(900) };
        took.steps().into_iter().map(|(step, took)| (step, took.as_millis())).collect()
    }

    #[test]
    fn each_step_is_told_by_its_own_time_and_all_by_theirs() {
        let expected = [
            ("rung", 10),
            ("waited for the heartbeat", 590),
            ("worked out by the agent", 300),
            ("in all", 900),
        ];
        assert_eq!(steps(Some(600)), expected);
    }

    #[test]
    fn steps_that_no_poll_told_apart_are_told_as_one() {
        assert_eq!(steps(None), [("rung", 10), ("collected and worked out", 890), ("in all", 900)]);
    }
}

/// Measures time on tokio's clock, which tests can pause.
struct Watch(tokio::time::Instant);

impl Watch {
    #[expect(clippy::disallowed_methods, reason = "measures how long a ring took")]
    fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
