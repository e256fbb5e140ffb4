//! Tokio's clock, which tests can pause.

use tokio::time::Instant;

#[expect(clippy::disallowed_methods, reason = "measures durations on the client")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
