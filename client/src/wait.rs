//! Waiting for the end of a request of any kind.

use std::time::Duration;

use doorbell_protocol::AnyRequestRecord;
use doorbell_protocol::limits::WAIT_MAX_S;

use crate::api::Api;
use crate::ask::{AskError, FIRST_POLLS, POLL_INTERVAL};
use crate::clock::now;
use crate::requests::poll;

/// A request that reports progress is polled at least this often.
const PROGRESS_WAIT: Duration = Duration::from_secs(2);

/// Waits are in whole seconds.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Polls until the request of `record` has ended. `on_record` gets each record, the first one included.
///
/// Each poll asks the server to hold its response for the time that `wait` returns, up to 25 s. With a server that does not, or for
/// zero, polls have intervals that grow from 50 ms to 5 s.
///
/// # Errors
/// A poll that failed repeatedly or with a 4xx, or a request that is still open after `time_limit`.
pub async fn wait_for_end(
    api: &Api,
    mut record: AnyRequestRecord,
    time_limit: Duration,
    wait: impl Fn() -> Duration,
    mut on_record: impl FnMut(&AnyRequestRecord),
) -> Result<AnyRequestRecord, AskError> {
    let start = now();
    let mut first_polls = FIRST_POLLS.into_iter();
    loop {
        on_record(&record);
        if record.status.is_terminal() {
            return Ok(record);
        }
        let elapsed = start.elapsed();
        let Some(left) = time_limit.checked_sub(elapsed) else {
            return Err(AskError::StillOpen { after: time_limit });
        };
        let pause = first_polls.next().unwrap_or_else(|| interval(elapsed));
        let wait = longest_wait(&record, wait()).min(left);
        if wait < SHORTEST_WAIT {
            tokio::time::sleep(pause).await;
        }
        let before = record.status;
        record = poll(api, record.runtime_id, record.id, wait).await?;
        if record.status != before {
            first_polls = FIRST_POLLS.into_iter();
        }
        let was_held = (start.elapsed() - elapsed) * 2 >= wait;
        if !was_held && !record.status.is_terminal() {
            tokio::time::sleep(pause).await;
        }
    }
}

fn longest_wait(record: &AnyRequestRecord, wait: Duration) -> Duration {
    let limit =
        if record.progress.is_some() { PROGRESS_WAIT } else { Duration::from_secs(WAIT_MAX_S.into()) };
    wait.min(limit)
}

/// The interval of polls that are not held. Most requests end within seconds; a queued one may wait for days.
fn interval(elapsed: Duration) -> Duration {
    match elapsed.as_secs() {
        ..30 => POLL_INTERVAL,
        30..300 => Duration::from_secs(2),
        _ => Duration::from_secs(5),
    }
}
