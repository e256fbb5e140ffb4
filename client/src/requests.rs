//! Requests of any kind: asking, polling and cancelling.

use std::time::Duration;

use doorbell_protocol::limits::{
    PENDING_DEADLINE, QUESTION_TIMEOUT_DEFAULT_S, QUESTION_TIMEOUT_MAX_S, RUNNING_DEADLINE,
};
use doorbell_protocol::{
    AnyRequestRecord, AskBody, IdempotencyKey, Json, Kind, Question, RequestId, RuntimeId,
};
use reqwest::Method;

use crate::api::{Api, TIMEOUT};
use crate::ask::REFRESH_QUERY;
use crate::clock::now;
use crate::error::{CallError, ClientError};

/// The pauses before a call is repeated after a fault of the network or of the server.
pub(crate) const RETRY_PAUSES: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// The pause after a 429 without `Retry-After`, which API Gateway's own has not.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(1);

/// The pending deadline of `local_skills`.
const LOCAL_SKILLS_PENDING: Duration = Duration::from_secs(180);

/// Beyond a request's deadlines: the clocks of two instances, and slow calls.
const SLACK: Duration = Duration::from_secs(10);

/// What to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskOptions {
    /// The kind of the request.
    pub kind: Kind,
    /// The arguments.
    pub args: Option<Json>,
    /// How long the request may wait for an offline runtime, in seconds. 0 asks online runtimes only.
    pub queue_s: u32,
    /// Makes it safe to repeat a call with arguments, which could ask twice. A call without key and arguments joins a pending request of
    /// its kind, also one of another client.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Asks the runtime although the catalog has an answer. Only the kind `model_list` has a catalog.
    pub refresh: bool,
    /// The time in which a call that a rate limit rejects is repeated, each time after `Retry-After`.
    pub rate_limit_timeout: Duration,
}

impl AskOptions {
    /// Asks online runtimes for `kind` without arguments, once.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            args: None,
            queue_s: 0,
            idempotency_key: None,
            refresh: false,
            rate_limit_timeout: Duration::ZERO,
        }
    }

    /// Whether a repeated call is answered with the request of the first one: with a key always, otherwise while that is pending.
    fn is_repeatable(&self) -> bool {
        self.idempotency_key.is_some() || self.args.is_none()
    }

    /// The time after which a request that is still open is the server's fault: its pending deadline, the running deadline `running`,
    /// and some slack.
    pub fn time_limit(&self, running: Duration) -> Duration {
        let pending = match self.kind {
            Kind::LOCAL_SKILLS => LOCAL_SKILLS_PENDING,
            _ => PENDING_DEADLINE,
        };
        pending.max(Duration::from_secs(self.queue_s.into())) + running + SLACK
    }
}

/// The running deadline of a request of `kind` to a runtime that declares `questions`. The longest one if they are not known.
pub fn running_deadline(kind: Kind, questions: Option<&[Question]>) -> Duration {
    if matches!(kind, Kind::MODEL_LIST | Kind::LOCAL_SKILLS) {
        return RUNNING_DEADLINE;
    }
    let question = questions.unwrap_or_default().iter().find(|question| question.name == kind);
    let seconds = question
        .map_or(QUESTION_TIMEOUT_MAX_S, |question| question.timeout_s.unwrap_or(QUESTION_TIMEOUT_DEFAULT_S));
    Duration::from_secs(seconds.into())
}

/// Asks `runtime`. The request may have ended already: the catalog answers the kind `model_list`, if it has a list of the last 24 hours.
///
/// With an idempotency key, or without arguments, the call is repeated up to three times after a network error or a 5xx. A call without a
/// key joins the pending request of the one before it. If the daemon has claimed that already, the runtime answers twice.
///
/// # Errors
/// [`ClientError`] of the last call.
pub async fn submit(
    api: &Api,
    runtime: RuntimeId,
    options: &AskOptions,
) -> Result<AnyRequestRecord, ClientError> {
    let start = now();
    let mut retries = RETRY_PAUSES.into_iter();
    loop {
        let CallError { error, retry_after } = match post(api, runtime, options).await {
            Ok(record) => return Ok(record),
            Err(error) => error,
        };
        let pause = if error.is_rate_limit() {
            let left = options.rate_limit_timeout.saturating_sub(start.elapsed());
            Some(retry_after.unwrap_or(RATE_LIMIT_PAUSE)).filter(|pause| *pause <= left)
        } else if options.is_repeatable() && error.may_succeed_later() {
            retries.next()
        } else {
            None
        };
        let Some(pause) = pause else { return Err(error) };
        tokio::time::sleep(pause).await;
    }
}

async fn post(api: &Api, runtime: RuntimeId, options: &AskOptions) -> Result<AnyRequestRecord, CallError> {
    let AskOptions { kind, args, queue_s, idempotency_key, refresh, .. } = options;
    let body =
        AskBody { kind: *kind, args: args.clone(), queue_s: Some(*queue_s).filter(|queue| *queue > 0) };
    let query = if *refresh { REFRESH_QUERY } else { "" };
    let request = api.request(Method::POST, &format!("/api/runtimes/{runtime}/requests{query}")).json(&body);
    match idempotency_key {
        Some(key) => api.call(request.header(IdempotencyKey::HEADER, key.as_str())).await,
        None => api.call(request).await,
    }
}

fn path(runtime: RuntimeId, request: RequestId) -> String {
    format!("/api/runtimes/{runtime}/requests/{request}")
}

/// Polls a request of any kind. The server holds the response until the request has ended, for `wait` at most; older servers do not.
///
/// The call is repeated up to three times after a network error, a 5xx or a 429.
///
/// # Errors
/// [`ClientError`] of the last call; 404 `request not found`.
pub async fn poll(
    api: &Api,
    runtime: RuntimeId,
    request: RequestId,
    wait: Duration,
) -> Result<AnyRequestRecord, ClientError> {
    let mut path = path(runtime, request);
    if wait.as_secs() > 0 {
        path = format!("{path}?wait={}", wait.as_secs());
    }
    repeat_faults(|| async {
        api.call(api.request(Method::GET, &path).timeout(wait + TIMEOUT)).await.map_err(ClientError::from)
    })
    .await
}

/// Cancels a request of any kind. An open one becomes failed with the error `cancelled`; an ended one is answered as it is.
///
/// The call is repeated up to three times after a network error, a 5xx or a 429.
///
/// # Errors
/// [`ClientError`] of the last call; 404 `request not found`.
pub async fn cancel(
    api: &Api,
    runtime: RuntimeId,
    request: RequestId,
) -> Result<AnyRequestRecord, ClientError> {
    let path = path(runtime, request);
    repeat_faults(|| api.delete(&path)).await
}

async fn repeat_faults<T, F>(call: impl Fn() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let mut pauses = RETRY_PAUSES.into_iter();
    loop {
        let error = match call().await {
            Err(error) if error.is_fault() || error.is_rate_limit() => error,
            result => return result,
        };
        let Some(pause) = pauses.next() else { return Err(error) };
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn running_deadline_is_that_of_the_question() {
        let question = |name: &str, timeout_s| Question {
            name: name.parse().unwrap(),
            description: None,
            args_schema: None,
            result_schema: None,
            timeout_s,
        };
        let questions = [question("fast", Some(5)), question("plain", None)];
        let deadline = |kind: &str| running_deadline(kind.parse().unwrap(), Some(&questions));
        assert_eq!(["fast", "plain", "model_list"].map(deadline), [seconds(5), seconds(60), seconds(60)]);
        assert_eq!(deadline("unknown"), seconds(900));
        assert_eq!(running_deadline("fast".parse().unwrap(), None), seconds(900));
    }

    #[test]
    fn time_limit_covers_queue_and_deadlines() {
        let limit = |kind, queue_s| AskOptions { queue_s, ..AskOptions::new(kind) }.time_limit(seconds(60));
        let question = Kind::constant("disk_usage");
        assert_eq!(limit(question, 0), seconds(100));
        assert_eq!(limit(question, 1), seconds(100));
        assert_eq!(limit(question, 3_600), seconds(3_670));
        assert_eq!(limit(Kind::LOCAL_SKILLS, 0), seconds(250));
    }
}
