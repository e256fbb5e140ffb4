//! One request to each of many runtimes, concurrently.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorbell_protocol::{AnyRequestRecord, RequestId, RuntimeId, Status, error_text};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::api::Api;
use crate::ask::AskError;
use crate::error::ClientError;
use crate::requests::{AskOptions, cancel, submit};
use crate::wait::wait_for_end;

/// The calls in flight at once. A new AWS account may run only 10 functions at once (AWS, "Lambda quotas"), so many more would be
/// throttled.
pub const FLEET_CALLS: usize = 16;

/// How long the server may hold the response to a poll.
const WAIT: Duration = Duration::from_secs(20);

/// The outcome of one runtime's request.
#[derive(Debug)]
pub enum FleetOutcome {
    /// The runtime was asked. Only without waiting.
    Asked(AnyRequestRecord),
    /// The runtime answered.
    Answered(AnyRequestRecord),
    /// A deadline ended the request.
    Late(AnyRequestRecord),
    /// The daemon reported a failure, or the request was cancelled.
    Failed(AnyRequestRecord),
    /// The runtime is offline, and the request was not to wait for it.
    Offline,
    /// A call failed, or the server kept the request open past its deadlines.
    Error(AskError),
}

impl From<AnyRequestRecord> for FleetOutcome {
    fn from(record: AnyRequestRecord) -> Self {
        match record.status {
            Status::Completed => Self::Answered(record),
            Status::Timeout => Self::Late(record),
            Status::Failed => Self::Failed(record),
            Status::Pending | Status::Running => Self::Asked(record),
        }
    }
}

impl From<AskError> for FleetOutcome {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Client(ClientError::Api { error, .. }) if error == error_text::RUNTIME_OFFLINE => {
                Self::Offline
            }
            error => Self::Error(error),
        }
    }
}

/// Requests to many runtimes, all of one kind, with at most [`FLEET_CALLS`] calls in flight. Dropping it ends the calls; the requests
/// stay open.
///
/// Every runtime is asked before the first one has to answer: a request that waits for its answer takes no place of a call, except
/// while at most [`FLEET_CALLS`] requests are open. So silent runtimes delay each other's end by no deadline.
#[derive(Debug)]
pub struct Fleet {
    tasks: JoinSet<(RuntimeId, FleetOutcome)>,
    open: Arc<OpenRequests>,
}

impl Fleet {
    /// Asks `runtimes`, each with the running deadline of the kind there. `waits`: whether outcomes are those of ended requests.
    pub fn ask(
        api: &Api,
        options: &AskOptions,
        runtimes: impl IntoIterator<Item = (RuntimeId, Duration)>,
        waits: bool,
    ) -> Self {
        let api = api.clone().with_calls_in_flight(FLEET_CALLS);
        // Held through the pauses of the rate limit: otherwise every runtime's call would be repeated after each pause.
        let turns = Arc::new(Semaphore::new(FLEET_CALLS));
        let runtimes: BTreeMap<_, _> = runtimes.into_iter().collect();
        let open =
            Arc::new(OpenRequests(Mutex::new(runtimes.keys().map(|runtime| (*runtime, None)).collect())));
        let mut tasks = JoinSet::new();
        for (runtime, running) in runtimes {
            let api = api.clone();
            let options = options.clone();
            let turns = Arc::clone(&turns);
            let open = Arc::clone(&open);
            tasks.spawn(async move {
                let asked = async {
                    let _turn = turns.acquire().await;
                    submit(&api, runtime, &options).await
                };
                let outcome = match asked.await {
                    Ok(record) if waits => {
                        open.asked(runtime, record.id);
                        let time_limit = options.time_limit(running);
                        wait_for_end(&api, record, time_limit, || open.wait(), |_| {})
                            .await
                            .map_or_else(FleetOutcome::from, FleetOutcome::from)
                    }
                    Ok(record) => record.into(),
                    Err(error) => AskError::from(error).into(),
                };
                open.ended(runtime);
                (runtime, outcome)
            });
        }
        Self { tasks, open }
    }

    /// The next outcome, in the order in which the requests end. `None` after the last one.
    pub async fn next(&mut self) -> Option<(RuntimeId, FleetOutcome)> {
        loop {
            // The runtime of a task that panicked stays open.
            if let Ok(outcome) = self.tasks.join_next().await? {
                return Some(outcome);
            }
        }
    }

    /// The runtimes without an outcome, each with its request if it was asked.
    pub fn open(&self) -> Vec<(RuntimeId, Option<RequestId>)> {
        self.open.with(|open| open.iter().map(|(runtime, request)| (*runtime, *request)).collect())
    }
}

#[derive(Debug)]
struct OpenRequests(Mutex<BTreeMap<RuntimeId, Option<RequestId>>>);

impl OpenRequests {
    fn with<T>(&self, access: impl FnOnce(&mut BTreeMap<RuntimeId, Option<RequestId>>) -> T) -> T {
        access(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn asked(&self, runtime: RuntimeId, request: RequestId) {
        self.with(|open| open.insert(runtime, Some(request)));
    }

    fn ended(&self, runtime: RuntimeId) {
        self.with(|open| open.remove(&runtime));
    }

    /// A held response takes the place of a call, so none is held while there are more requests than places.
    fn wait(&self) -> Duration {
        let count = self.with(|open| open.len());
        if count <= FLEET_CALLS { WAIT } else { Duration::ZERO }
    }
}

/// Cancels `request` of the one of `runtimes` that has it. `None`: none of them has it.
///
/// # Errors
/// [`ClientError`] of the first call that fails otherwise than with 404.
pub async fn cancel_on_any(
    api: &Api,
    runtimes: impl IntoIterator<Item = RuntimeId>,
    request: RequestId,
) -> Result<Option<AnyRequestRecord>, ClientError> {
    let api = api.clone().with_calls_in_flight(FLEET_CALLS);
    let mut tasks = JoinSet::new();
    for runtime in runtimes {
        let api = api.clone();
        tasks.spawn(async move { cancel(&api, runtime, request).await });
    }
    while let Some(cancelled) = tasks.join_next().await {
        match cancelled {
            Ok(Ok(record)) => return Ok(Some(record)),
            Ok(Err(ClientError::Api { status: 404, .. })) | Err(_) => {}
            Ok(Err(error)) => return Err(error),
        }
    }
    Ok(None)
}
