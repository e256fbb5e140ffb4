//! Reports with retries. A report is idempotent, and without retries one failed call loses the whole result: the first
//! version of the reference server's daemon had that bug.

use std::time::Duration;

use doorbell_client::{Api, ClientError};
use doorbell_protocol::{Ack, ModelListReport, RequestId, RuntimeId};

/// The wait before each try.
pub const BACKOFF: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(4)];

/// The time limit of a try. A claimed request times out after 60 s; four tries of [`doorbell_client::TIMEOUT`] would not
/// fit after a slow heartbeat and a slow agent program.
pub const TRY_TIMEOUT: Duration = Duration::from_secs(5);

/// Reports the outcome of `request`, with a retry after each [transient error](ClientError::is_transient).
///
/// # Errors
/// The error of the last try.
pub async fn report(
    api: &Api,
    runtime: RuntimeId,
    request: RequestId,
    report: &ModelListReport,
) -> Result<(), ClientError> {
    let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
    let mut last = Ok(());
    for wait in BACKOFF {
        tokio::time::sleep(wait).await;
        last = api.post_with_timeout::<Ack>(TRY_TIMEOUT, &path, report).await.map(|_| ());
        match &last {
            Err(error) if error.is_transient() => {
                tracing::debug!(%runtime, %request, %error, "report failed");
            }
            _ => return last,
        }
    }
    last
}
