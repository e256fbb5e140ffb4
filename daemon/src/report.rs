//! Reports with retries. A report is idempotent, and without retries one failed call loses the whole result: the first
//! version of the reference server's daemon had that bug.

use std::convert::Infallible;
use std::time::Duration;

use doorbell_client::{Api, ClientError};
use doorbell_protocol::{Json, Report, ReportResponse, RequestId, RuntimeId};
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The wait before each try.
pub const BACKOFF: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(4)];

/// The time limit of a try. A claimed request of a built-in kind times out after 60 s; four tries of
/// [`doorbell_client::TIMEOUT`] would not fit after a slow heartbeat and a slow agent program.
pub const TRY_TIMEOUT: Duration = Duration::from_secs(5);

/// The shortest time between two reports of progress (`docs/protocol.md`).
pub const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// The segment of the route that takes reports on requests of every kind.
pub const ANY_KIND: &str = "requests";

/// The path of reports on `request`. The segment is [`ANY_KIND`] or that of a built-in kind.
pub fn path(runtime: RuntimeId, segment: &str, request: RequestId) -> String {
    format!("/api/daemon/runtimes/{runtime}/{segment}/{request}/result")
}

/// Reports the outcome of a request to its [`path`], with a retry after each [transient error](ClientError::is_transient).
///
/// # Errors
/// The error of the last try.
pub async fn report(
    api: &Api,
    path: &str,
    body: &(impl Serialize + ?Sized),
) -> Result<ReportResponse, ClientError> {
    let [first, later @ ..] = BACKOFF;
    tokio::time::sleep(first).await;
    let mut last = try_once(api, path, &body).await;
    for wait in later {
        match &last {
            Err(error) if error.is_transient() => tracing::debug!(path, %error, "report failed"),
            _ => break,
        }
        tokio::time::sleep(wait).await;
        last = try_once(api, path, &body).await;
    }
    last
}

async fn try_once(api: &Api, path: &str, body: &impl Serialize) -> Result<ReportResponse, ClientError> {
    api.post_with_timeout(TRY_TIMEOUT, path, body).await
}

/// Reports new values of `progress` to the [`path`] of a request: one each [`PROGRESS_INTERVAL`], the latest. When the server answers
/// that the request was cancelled, cancels `cancel` and reports nothing more. Never ends.
pub async fn report_progress(
    api: &Api,
    path: &str,
    mut progress: watch::Receiver<Option<Json>>,
    cancel: &CancellationToken,
) -> Infallible {
    while !cancel.is_cancelled() && progress.changed().await.is_ok() {
        let interval = tokio::time::sleep(PROGRESS_INTERVAL);
        let latest = progress.borrow_and_update().clone();
        if let Some(latest) = latest {
            match try_once(api, path, &Report::running(latest)).await {
                Ok(ReportResponse { cancelled: true, .. }) => cancel.cancel(),
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(path, %error, "report of progress failed");
                    if error.is_transient() {
                        progress.mark_changed();
                    }
                }
            }
        }
        interval.await;
    }
    std::future::pending().await
}
