//! The loop of a daemon: it registers the agents, sends heartbeats and looks after the work, until it is stopped. Work runs in tasks beside
//! the loop, so it delays no heartbeat. A slow call delays the next one by [`doorbell_client::TIMEOUT`] at most.

use std::sync::Arc;

use doorbell_client::{CallError, ClientError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::agents::Agent;
use crate::authorization::Authorization;
use crate::clock::now;
use crate::failure::{Failure, reason, rejected_wait};
use crate::heartbeat;
use crate::push::inbox::{Inbox, Link};
use crate::registration::Registration;
use crate::schedule::{Heartbeat, Schedule};
use crate::session::Session;
use crate::status::Connection;
use crate::supervisor::Stopped;
use crate::worker::Workers;

/// Why a heartbeat of a runtime of another workspace or daemon failed.
const FOREIGN: &str = "a runtime belongs to another workspace or daemon (check the workspace, the daemon id and whose the token is)";

/// The state of the loop.
pub(crate) struct Control {
    session: Arc<Session>,
    agents: watch::Receiver<Vec<Agent>>,
    resumed: watch::Receiver<()>,
    inbox: Arc<Inbox>,
    stop: CancellationToken,
    workers: Workers,
    schedule: Schedule,
    registration: Registration,
    authorization: Authorization,
    /// Why the last heartbeat failed.
    heartbeat_failure: Option<String>,
}

/// What the loop does next.
enum Step {
    Stop,
    WorkEnded,
    AgentsChanged,
    Resumed,
    Register,
    Heartbeat,
    InboxChanged,
}

impl Control {
    pub(crate) fn new(
        session: Arc<Session>,
        agents: watch::Receiver<Vec<Agent>>,
        resumed: watch::Receiver<()>,
        inbox: Arc<Inbox>,
        stop: CancellationToken,
    ) -> Self {
        let start = now();
        let schedule = Schedule::new(session.settings().interval, start);
        let (workers, authorization) = Default::default();
        let registration = Registration::new(start);
        let heartbeat_failure = None;
        Self {
            session,
            agents,
            resumed,
            inbox,
            stop,
            workers,
            schedule,
            registration,
            authorization,
            heartbeat_failure,
        }
    }

    /// Runs until the stop, then waits for the work in progress. Dropping the future drops the work.
    ///
    /// # Errors
    /// The server rejects the token for certain, and the settings say that this ends the daemon.
    pub(crate) async fn run(mut self) -> Result<(), Stopped> {
        loop {
            let link = self.inbox.link();
            self.session.status().show_push(self.schedule.status(&link));
            for runtime in self.inbox.take_hints() {
                self.schedule.hint(runtime, now());
            }
            match self.next(&link).await {
                Step::Stop => break,
                Step::WorkEnded | Step::InboxChanged => {}
                Step::AgentsChanged => self.registration.agents_changed(now()),
                Step::Resumed => {
                    self.registration.resumed(now());
                    self.schedule.resumed();
                }
                Step::Register => self.register().await?,
                Step::Heartbeat => {
                    if let Some(heartbeat) = self.schedule.take(&self.inbox.link(), now()) {
                        self.send(&heartbeat).await?;
                    }
                }
            }
        }
        while self.workers.next_ended().await.is_some() {}
        Ok(())
    }

    async fn next(&mut self, link: &Link) -> Step {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Step::Stop,
            // Before a heartbeat, so that its lists of requests in flight are current.
            Some(_) = self.workers.next_ended() => Step::WorkEnded,
            Ok(()) = self.resumed.changed() => Step::Resumed,
            // Fails when nothing looks for agents any more.
            Ok(()) = self.agents.changed() => Step::AgentsChanged,
            () = wait_until(self.registration.due()) => Step::Register,
            () = wait_until(Some(self.schedule.next(link))), if self.session.has_runtimes() => Step::Heartbeat,
            () = self.inbox.changed() => Step::InboxChanged,
        }
    }

    /// Registers the agents and deregisters those that are gone. A stop interrupts it: only heartbeats claim requests.
    async fn register(&mut self) -> Result<(), Stopped> {
        let agents = self.agents.borrow_and_update().clone();
        let had_runtimes = self.session.has_runtimes();
        self.session.retain(&agents);
        let calls = !agents.is_empty() || self.session.has_gone();
        let registered = async {
            self.session.deregister_gone().await?;
            if agents.is_empty() { Ok(()) } else { self.session.register(&agents).await }
        };
        let Some(registered) = self.stop.run_until_cancelled(registered).await else { return Ok(()) };
        match registered {
            // Also when there was nothing to register, so nothing of earlier calls is shown.
            Ok(()) => {
                if calls {
                    self.authorization.accepted();
                }
                self.heartbeat_failure = None;
                self.registration.succeeded();
                self.schedule.registered(true, now());
                if !had_runtimes {
                    self.schedule.begun(now());
                }
            }
            Err(error) => self.registration_failed(&error),
        }
        self.show(agents.is_empty())
    }

    fn registration_failed(&mut self, error: &CallError) {
        tracing::debug!(error = %error.error, "registration failed");
        self.record_authorization(Some(&error.error), false);
        self.registration.failed(error, self.authorization.is_rejected(), now());
        self.schedule.registered(false, now());
    }

    /// `stop` does not interrupt the calls: their responses may claim requests for this daemon.
    async fn send(&mut self, heartbeat: &Heartbeat) -> Result<(), Stopped> {
        let mut sent = heartbeat::send(&self.session, &mut self.workers, heartbeat).await;
        self.record_authorization(sent.error.as_ref(), sent.is_accepted);
        let foreign = || sent.is_foreign.then(|| FOREIGN.to_owned());
        self.heartbeat_failure = sent.error.as_ref().map(reason).or_else(foreign);
        if self.authorization.is_rejected() {
            sent.outcome.retry_after = sent.outcome.retry_after.max(Some(rejected_wait()));
        }
        self.schedule.ended(heartbeat, &sent.outcome, &self.inbox.link(), now());
        // A server that has lost one runtime has usually lost all.
        if sent.is_unknown {
            self.registration.request(now());
        }
        self.show(false)
    }

    fn record_authorization(&mut self, error: Option<&ClientError>, is_accepted: bool) {
        match error.map(Failure::of) {
            Some(Failure::Unauthorized) => self.authorization.rejected(now()),
            Some(Failure::Refused) => self.authorization.accepted(),
            _ if is_accepted => self.authorization.accepted(),
            _ => {}
        }
    }

    /// Shows the state of the daemon.
    fn show(&self, is_without_agents: bool) -> Result<(), Stopped> {
        let failure = self.registration.failure().or(self.heartbeat_failure.as_deref());
        let connection = if self.authorization.is_rejected() {
            Connection::TokenRejected
        } else if let Some(reason) = failure {
            Connection::Retrying { reason: reason.to_owned() }
        } else if is_without_agents {
            Connection::NoAgents
        } else {
            Connection::Online
        };
        self.session.status().show(connection, self.session.records());
        if self.authorization.is_rejected() && self.session.settings().exit_on_auth_failure {
            return Err(Stopped::TokenRejected { reason: failure.unwrap_or_default().to_owned() });
        }
        Ok(())
    }
}

/// `None`: never. Tokio's timers round up to a millisecond, which a hint does not wait.
async fn wait_until(time: Option<Instant>) {
    match time {
        None => std::future::pending().await,
        Some(time) if time > now() => sleep_until(time).await,
        Some(_) => {}
    }
}
