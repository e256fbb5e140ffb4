//! A ring for models on their own routes: initiate, then poll until the request has ended. The catalog answers most rings at once.

use std::time::Duration;

use doorbell_protocol::{RequestId, RequestRecord, RuntimeId, Status};

use crate::api::Api;
use crate::clock::now;
use crate::error::ClientError;

/// The time between two polls, as in the existing web clients.
pub const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Shorter waits after the ring and after the claim: some daemons have 1 s heartbeats, and most agent programs respond
/// at once.
pub(crate) const FIRST_POLLS: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(150),
    Duration::from_millis(200),
];

/// The server ends every request for models within 90 s (30 s pending, 60 s running). The rest allows for slow calls.
const ASK_TIMEOUT: Duration = Duration::from_secs(100);

/// The query of a ring that the catalog does not answer.
pub(crate) const REFRESH_QUERY: &str = "?refresh=true";

/// Why a request did not end well.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// A call failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The request failed or timed out. The text is the server's.
    #[error("{0}")]
    Failed(String),
    /// The server kept the request open past its deadlines.
    #[error("the request stayed open for {} seconds; the server should have ended it by then", after.as_secs())]
    StillOpen {
        /// The time that was waited.
        after: Duration,
    },
}

impl AskError {
    /// The error of a request that failed or timed out with this text.
    pub fn failed(error: Option<String>) -> Self {
        Self::Failed(error.unwrap_or_else(|| "the daemon gave no reason".to_owned()))
    }
}

/// A completed request and its timing.
#[derive(Clone, Debug)]
pub struct CompletedRequest {
    /// The record of the last poll, or of the ring that the catalog has answered.
    pub record: RequestRecord,
    /// The duration of each step.
    pub timing: Timing,
}

/// Times since the start of a ring, as precise as the polls are frequent.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Until the response to the ring.
    pub initiated: Duration,
    /// Until the first poll that returned `running`. `None` when no poll did.
    pub claimed: Option<Duration>,
    /// Until the poll that returned the result. `None` when the response to the ring had it, as that of the catalog.
    pub completed: Option<Duration>,
}

impl Timing {
    /// The name and duration of each step, and the total. Only the ring, if its response had the result.
    pub fn steps(&self) -> Vec<(&'static str, Duration)> {
        let mut steps = vec![("ring", self.initiated)];
        let Some(completed) = self.completed else { return steps };
        match self.claimed {
            Some(claimed) => steps.extend([
                ("wait for the heartbeat", claimed.saturating_sub(self.initiated)),
                ("agent program", completed.saturating_sub(claimed)),
            ]),
            None => steps.push(("heartbeat and agent program", completed.saturating_sub(self.initiated))),
        }
        steps.push(("total", completed));
        steps
    }
}

/// Rings `runtime` and polls until the request has ended. `on_status` gets the status of each response.
///
/// The catalog answers the ring at once, if it has a list of the last 24 hours. With `refresh`, the runtime is always asked.
///
/// A call that fails with a network error or a 5xx is repeated once: otherwise one lost packet could waste a minute of the daemon's
/// work. A repeated ring joins the pending request of the first one. If the daemon has claimed that already, it lists its models twice.
///
/// # Errors
/// A call that failed twice or with a 4xx, a request that failed or timed out, or one that is still open after 100 s.
pub async fn ask(
    api: &Api,
    runtime: RuntimeId,
    refresh: bool,
    mut on_status: impl FnMut(Status),
) -> Result<CompletedRequest, AskError> {
    let start = now();
    let mut record = ring(api, runtime, refresh).await?;
    let initiated = start.elapsed();
    on_status(record.status);
    if record.status.is_terminal() {
        return completed(record, Timing { initiated, claimed: None, completed: None });
    }
    let mut claimed = None;
    let mut waits = FIRST_POLLS.into_iter();
    while !record.status.is_terminal() {
        if record.status == Status::Running && claimed.is_none() {
            claimed = Some(start.elapsed());
            waits = FIRST_POLLS.into_iter();
        }
        if start.elapsed() > ASK_TIMEOUT {
            return Err(AskError::StillOpen { after: ASK_TIMEOUT });
        }
        tokio::time::sleep(waits.next().unwrap_or(POLL_INTERVAL)).await;
        record = poll(api, runtime, record.id).await?;
        on_status(record.status);
    }
    completed(record, Timing { initiated, claimed, completed: Some(start.elapsed()) })
}

async fn ring(api: &Api, runtime: RuntimeId, refresh: bool) -> Result<RequestRecord, ClientError> {
    let query = if refresh { REFRESH_QUERY } else { "" };
    let path = format!("/api/runtimes/{runtime}/models{query}");
    match api.post(&path, &()).await {
        Err(error) if error.may_succeed_later() => {
            tokio::time::sleep(POLL_INTERVAL).await;
            api.post(&path, &()).await
        }
        response => response,
    }
}

/// One poll, or two if the first one fails with a network error or a 5xx.
async fn poll(api: &Api, runtime: RuntimeId, request: RequestId) -> Result<RequestRecord, ClientError> {
    let path = format!("/api/runtimes/{runtime}/models/{request}");
    match api.get(&path).await {
        Err(error) if error.is_fault() => {
            tokio::time::sleep(POLL_INTERVAL).await;
            api.get(&path).await
        }
        response => response,
    }
}

fn completed(record: RequestRecord, timing: Timing) -> Result<CompletedRequest, AskError> {
    if record.status == Status::Completed {
        return Ok(CompletedRequest { record, timing });
    }
    Err(AskError::failed(record.error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(claimed: Option<u64>, completed: Option<u64>) -> Vec<(&'static str, u128)> {
        let claimed = claimed.map(Duration::from_millis);
        let completed = completed.map(Duration::from_millis);
        let timing = Timing { initiated: Duration::from_millis(10), claimed, completed };
        timing.steps().into_iter().map(|(step, duration)| (step, duration.as_millis())).collect()
    }

    #[test]
    fn steps_have_own_durations_and_a_total() {
        let expected =
            [("ring", 10), ("wait for the heartbeat", 590), ("agent program", 300), ("total", 900)];
        assert_eq!(steps(Some(600), Some(900)), expected);
    }

    #[test]
    fn unseen_claim_merges_two_steps() {
        let expected = [("ring", 10), ("heartbeat and agent program", 890), ("total", 900)];
        assert_eq!(steps(None, Some(900)), expected);
    }

    #[test]
    fn answer_to_ring_has_no_further_steps() {
        assert_eq!(steps(None, None), [("ring", 10)]);
    }
}
