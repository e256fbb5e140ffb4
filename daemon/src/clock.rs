//! Tokio's clock, which tests can pause.

use tokio::time::Instant;

#[expect(clippy::disallowed_methods, reason = "heartbeats and the push channel follow tokio's clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
