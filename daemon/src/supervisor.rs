//! The daemon's life: register, heartbeats, shutdown, deregister.

use std::sync::Arc;
use std::time::Duration;

use doorbell_client::{Api, ClientError};
use doorbell_protocol::RuntimeRecord;
use rand::RngExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::agents::Agent;
use crate::heartbeat;
use crate::push::inbox::Inbox;
use crate::push::{Dial, Network, PushStatus, connection};
use crate::session::{Session, Settings};

/// How long heartbeats and work in progress may take after a stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest wait before each further try of a registration that met a busy server. The server accepts 60 registrations of a
/// token at once, then one a second: these waits, 90 s on average, serve about 150 machines that start together with one token.
const BUSY_BACKOFF: [Duration; 8] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(32),
    Duration::from_secs(60),
    Duration::from_secs(60),
];

/// A daemon that has not been started.
#[derive(Debug)]
pub struct Daemon {
    session: Session,
    dial: Arc<dyn Dial>,
}

impl Daemon {
    /// A daemon that offers `agents`. Makes no call.
    pub fn new(api: Api, settings: Settings, agents: Vec<Agent>) -> Self {
        let dial = Arc::new(Network::from_environment());
        Self { session: Session::new(api, settings, agents), dial }
    }

    /// Reaches the push channel in another way than over the network.
    #[must_use]
    pub fn with_dial(mut self, dial: Arc<dyn Dial>) -> Self {
        self.dial = dial;
        self
    }

    /// The state of the push channel while the daemon [runs](Self::run).
    pub fn push_status(&self) -> watch::Receiver<PushStatus> {
        self.session.push_status()
    }

    /// Registers the agents as runtimes and returns the server's records of them. A busy server (503) is asked again, for up
    /// to three minutes: one token may serve many machines that start at the same time. Dropping the future ends that.
    ///
    /// # Errors
    /// [`ClientError`] of the last call.
    pub async fn register(&self) -> Result<Vec<RuntimeRecord>, ClientError> {
        for longest in BUSY_BACKOFF {
            match self.session.register().await {
                Err(error) if error.is_busy() => {
                    tracing::warn!(%error, "registration failed; trying again");
                    // Full jitter, so that machines that started together do not come back together.
                    let wait = longest.mul_f64(rand::rng().random::<f64>());
                    tokio::time::sleep(wait).await;
                }
                result => return result,
            }
        }
        self.session.register().await
    }

    /// Sends heartbeats for the [registered](Self::register) runtimes and works on what they claim, until `stop` is
    /// cancelled. Work in progress then gets 5 s, and the runtimes are deregistered. Dropping the future drops the work.
    ///
    /// # Errors
    /// The server rejects the token, so no heartbeat can succeed. `stop` is cancelled in this case, and nothing is
    /// deregistered.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ClientError> {
        let session = Arc::new(self.session);
        let inbox = Arc::new(Inbox::default());
        // Disconnects at the stop: no heartbeat follows a hint that comes later, so the server must not take it for delivered.
        let connection = connection::run(Arc::clone(&session), self.dial, Arc::clone(&inbox), stop.clone());
        let connection = AbortOnDropHandle::new(tokio::spawn(connection));
        // Dropped before the deregistration, which no report may follow.
        tokio::select! {
            ended = heartbeat::run(Arc::clone(&session), inbox, stop.clone()) => ended.inspect_err(|_| stop.cancel())?,
            () = shutdown_timeout(&stop) => tracing::warn!("stopped with work in progress"),
        }
        match session.deregister().await {
            Ok(()) => tracing::info!("deregistered"),
            // The runtimes go offline after three missed heartbeats, so this does not fail the shutdown.
            Err(error) => tracing::warn!(%error, "deregistration failed"),
        }
        // Ends within 1 s of the stop.
        let _ = connection.await;
        Ok(())
    }
}

async fn shutdown_timeout(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
}
