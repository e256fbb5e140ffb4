//! Tokio's clock, which tests can pause, and the machine's clock.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use doorbell_protocol::Timestamp;
use tokio::time::Instant;

#[expect(clippy::disallowed_methods, reason = "heartbeats and the push channel follow tokio's clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The machine's clock, which may be wrong and may jump.
#[derive(Clone)]
pub(crate) struct WallClock(Arc<dyn Fn() -> Option<Timestamp> + Send + Sync>);

impl WallClock {
    pub(crate) fn new(read: impl Fn() -> Option<Timestamp> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(crate) fn of_machine() -> Self {
        Self::new(system_time)
    }

    /// `None` for a time that no [`Timestamp`] has.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        (self.0)()
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WallClock")
    }
}

#[expect(clippy::disallowed_methods, reason = "the only reader of the machine's clock in this package")]
fn system_time() -> Option<Timestamp> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).ok()?)
}
