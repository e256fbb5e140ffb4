//! Bringing an answer home.
//!
//! A report is tried again after network errors, 5xx, 408 and 429: the first version of the original reported once, and
//! one bad moment of the server cost the person the whole answer. Reporting twice does no harm.

use std::time::Duration;

use doorbell_protocol::id::{RequestId, RuntimeId};
use doorbell_protocol::{Ack, ModelListReport};

use doorbell_client::{Api, ApiError};

/// How long to wait before each try.
pub const BACKOFF: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(4)];

/// How long a try may take. The server gives a claimed request 60 s, and four tries of [`api::TIMEOUT`](doorbell_client::TIMEOUT)
/// each would not fit behind a slow heartbeat and a slow agent program.
pub const TRY_TIMEOUT: Duration = Duration::from_secs(5);

/// Reports on `request`, as often as [`BACKOFF`] allows.
///
/// # Errors
/// What the last try came to: a refusal, or the last of several faults.
pub async fn report(
    api: &Api,
    runtime: RuntimeId,
    request: RequestId,
    report: &ModelListReport,
) -> Result<(), ApiError> {
    let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
    let mut last = Ok(());
    for wait in BACKOFF {
        tokio::time::sleep(wait).await;
        last = api.post_within::<Ack>(TRY_TIMEOUT, &path, report).await.map(|_| ());
        match &last {
            Err(error) if error.is_transient() => {
                tracing::debug!(%runtime, %request, %error, "report not delivered");
            }
            _ => return last,
        }
    }
    last
}
