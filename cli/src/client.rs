//! What a person's client does: list, ring, poll.

use std::time::Duration;

use doorbell_daemon::api::{Api, ApiError};
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::id::{RuntimeId, WorkspaceId};
use doorbell_shared::request::Status;
use doorbell_shared::wire::{RequestRecord, RuntimeRecord};

/// As often as the existing web clients poll.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The first polls come faster: a daemon that beats every second may have answered by then.
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

/// An answer, and how long each step towards it took.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The completed request.
    pub record: RequestRecord,
    /// Until the ring was acknowledged.
    pub rung: Duration,
    /// From then until a poll saw that a daemon has it. `None` when no poll saw it in between.
    pub collected: Option<Duration>,
    /// From the ring until a poll saw the answer.
    pub answered: Duration,
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
    let watch = Stopwatch::start();
    let mut record: RequestRecord = api.post(&format!("/api/runtimes/{runtime}/models"), &()).await?;
    let rung = watch.elapsed();
    let mut collected = None;
    let mut waits = FIRST_POLLS.into_iter();
    loop {
        seen(record.status);
        if record.status == Status::Running && collected.is_none() {
            collected = Some(watch.elapsed() - rung);
        }
        if record.status.is_terminal() {
            break;
        }
        if watch.elapsed() > PATIENCE {
            return Err(AskError::Stuck);
        }
        tokio::time::sleep(waits.next().unwrap_or(POLL_INTERVAL)).await;
        record = api.get(&format!("/api/runtimes/{runtime}/models/{}", record.id)).await?;
    }
    match record.status {
        Status::Completed => Ok(Answer { record, rung, collected, answered: watch.elapsed() }),
        _ => {
            Err(AskError::Unanswered(record.error.unwrap_or_else(|| "the daemon gave no reason".to_owned())))
        }
    }
}
