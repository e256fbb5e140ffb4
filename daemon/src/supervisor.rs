//! The daemon's life: the loop, the push channel and the watch for resumes beside it, shutdown, deregistration.

use std::sync::Arc;
use std::time::Duration;

use doorbell_client::Api;
use doorbell_protocol::Timestamp;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::agents::Agent;
use crate::clock::WallClock;
use crate::control::Control;
use crate::push::inbox::Inbox;
use crate::push::{Dial, Network, connection};
use crate::resume;
use crate::session::{Session, Settings};
use crate::status::DaemonStatus;

/// How long heartbeats and work in progress may take after a stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the deregistration at the end may take. With [`SHUTDOWN_TIMEOUT`] and [`DISCONNECT_TIMEOUT`], a daemon ends within 9 s
/// whatever the server does; service managers kill after 10 s or more.
const DEREGISTER_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the end of the push connection may take. It begins at the stop.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a daemon has ended although it was not stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The server has rejected the token for at least two minutes and five calls, and
    /// [`exit_on_auth_failure`](Settings::exit_on_auth_failure) is set.
    #[error("the server rejects the token: {reason}")]
    TokenRejected {
        /// The server's words, and what helps.
        reason: String,
    },
}

/// A daemon that has not been started.
#[derive(Debug)]
pub struct Daemon {
    session: Session,
    agents: watch::Receiver<Vec<Agent>>,
    dial: Arc<dyn Dial>,
}

impl Daemon {
    /// A daemon that offers `agents`, always the current ones; there may be none. Makes no call. Agents that are the same for ever come from
    /// a channel whose sender is dropped.
    pub fn new(api: Api, settings: Settings, agents: watch::Receiver<Vec<Agent>>) -> Self {
        let dial = Arc::new(Network::from_environment());
        Self { session: Session::new(api, settings), agents, dial }
    }

    /// Reaches the push channel in another way than over the network.
    #[must_use]
    pub fn with_dial(self, dial: Arc<dyn Dial>) -> Self {
        Self { dial, ..self }
    }

    /// Reads the time from another clock than the machine's.
    #[must_use]
    pub fn with_wall_clock(self, read: impl Fn() -> Option<Timestamp> + Send + Sync + 'static) -> Self {
        Self { session: self.session.with_clock(WallClock::new(read)), ..self }
    }

    /// The state of the daemon while it [runs](Self::run).
    pub fn status(&self) -> watch::Receiver<DaemonStatus> {
        self.session.status().subscribe()
    }

    /// Registers the agents, sends heartbeats for their runtimes and works on what they claim, until `stop` is cancelled. Whatever fails is
    /// tried again for ever. Agents that appear are registered, and those that disappear are deregistered; without any, no calls are made.
    ///
    /// After `stop`, work in progress gets 5 s, and the runtimes are deregistered, within 9 s in all. Dropping the future drops the work.
    ///
    /// # Errors
    /// [`Stopped::TokenRejected`], if the settings ask for it. `stop` is cancelled in this case, and nothing is deregistered.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Stopped> {
        let session = Arc::new(self.session);
        let inbox = Arc::new(Inbox::default());
        let resumed = watch::Sender::new(());
        // Disconnects at the stop: no heartbeat follows a hint that comes later, so the server must not take it for delivered.
        let connection = connection::run(
            Arc::clone(&session),
            self.dial,
            Arc::clone(&inbox),
            resumed.subscribe(),
            stop.clone(),
        );
        let connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let control =
            Control::new(Arc::clone(&session), self.agents, resumed.subscribe(), inbox, stop.clone());
        let resumes = resume::watch(session.clock().clone(), resumed);
        // Dropped before the deregistration, which no report may follow.
        tokio::select! {
            ended = control.run() => ended.inspect_err(|_| stop.cancel())?,
            never = resumes => match never {},
            () = shutdown_timeout(&stop) => tracing::warn!("stopped with work in progress"),
        }
        deregister(&session).await;
        let _ = timeout(DISCONNECT_TIMEOUT, connection).await;
        Ok(())
    }
}

async fn shutdown_timeout(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(SHUTDOWN_TIMEOUT).await;
}

/// The runtimes go offline after three missed heartbeats, so a failure does not fail the shutdown.
async fn deregister(session: &Session) {
    if session.known_ids().is_empty() {
        return;
    }
    match timeout(DEREGISTER_TIMEOUT, session.deregister_all()).await {
        Ok(Ok(())) => tracing::info!("deregistered"),
        Ok(Err(error)) => tracing::warn!(%error, "deregistration failed"),
        Err(_) => tracing::warn!("deregistration failed: no answer in time"),
    }
}
