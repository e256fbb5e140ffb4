//! The connection of a simulated daemon to the push channel, and when its heartbeats are due.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorbell_protocol::{PushMessage, RuntimeId};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use crate::broker::{KEEP_ALIVE, Socket};
use crate::context::{Bug, Context, Environment, SharedStore};
use crate::history::{FunctionResponse, PushRecord};

/// All in milliseconds. The interval of heartbeats without proof.
pub(crate) const FALLBACK: u64 = 15_000;

/// After a hint, at most this often.
const HINTED: u64 = 1_000;

/// The time in which a ping is answered.
const PING: u64 = 10_000;

/// The longest wait between two connections.
const RECONNECT: u64 = 300_000;

/// The waits start from the first again after a connection that was proven for this long.
const STEADY: u64 = 60_000;

/// API Gateway ends a call after this, so no earlier call changes the presence any more.
const LATEST_CALL: u64 = 30_000;

/// A daemon's side of the push channel.
#[derive(Debug)]
pub(crate) struct Link {
    environment: Arc<Environment>,
    runtime: RuntimeId,
    bug: Option<Bug>,
    known: Mutex<Known>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Known {
    connection: Option<u64>,
    /// The connection on which `hello` was received.
    hello: Option<u64>,
    proven_since: Option<u64>,
    /// The last end of a connection, until a plain heartbeat that began later is answered.
    lost: Option<u64>,
    /// A heartbeat is due at once.
    is_urgent: bool,
    is_hinted: bool,
}

/// When the next heartbeat is due.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    due: u64,
    began: u64,
    failures: u32,
    /// The last interval of the server.
    interval: u64,
    /// A plain heartbeat or a registration without an answer may end a later lease until then.
    unsettled_until: u64,
}

/// What a heartbeat says about the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) connected: bool,
    connection: Option<u64>,
}

impl Link {
    pub(crate) fn new(environment: Arc<Environment>, runtime: RuntimeId, bug: Option<Bug>) -> Self {
        Self { environment, runtime, bug, known: Mutex::default(), changed: Notify::new() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects and receives, forever.
    pub(crate) async fn run<S: SharedStore>(
        self: Arc<Self>,
        context: Arc<Context<S>>,
        machine: &'static str,
    ) {
        let mut tries = 0_u32;
        loop {
            if tries > 0 {
                let longest = RECONNECT.min(1_000 << tries.min(10));
                self.environment.sleep(0..longest).await;
            }
            tries += 1;
            let Some(mut socket) = context.connect(machine).await else { continue };
            self.known().connection = Some(socket.number);
            self.serve(&mut socket).await;
            if self.lose() {
                tries = 0;
            }
        }
    }

    /// Returns once the end of the connection is noticed.
    async fn serve(&self, socket: &mut Socket) {
        let keep_alive = Duration::from_millis(KEEP_ALIVE);
        let mut pings = interval(keep_alive);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once.
        pings.tick().await;
        loop {
            tokio::select! {
                biased;
                packet = socket.receive() => {
                    let Some(packet) = packet else { return };
                    packet.acknowledge.send(()).ok();
                    self.take(packet.message, socket.number);
                }
                _ = pings.tick() => {
                    if !socket.ping().await {
                        tokio::time::sleep(Duration::from_millis(PING)).await;
                        return;
                    }
                }
            }
        }
    }

    fn take(&self, message: PushMessage, connection: u64) {
        match message {
            PushMessage::Hello { .. } => {
                self.environment.record_push(PushRecord::Proven { runtime: self.runtime });
                self.known().hello = Some(connection);
            }
            PushMessage::Hint { .. } => {
                self.known().is_hinted = true;
                self.changed.notify_one();
            }
        }
    }

    /// Whether the connection was steady.
    fn lose(&self) -> bool {
        let now = self.environment.clock.elapsed_ms();
        let mut known = self.known();
        let was_steady = known.proven_since.is_some_and(|since| since + STEADY <= now);
        *known = Known { lost: Some(now), is_urgent: true, is_hinted: known.is_hinted, ..Known::default() };
        self.changed.notify_one();
        was_steady
    }

    /// What a heartbeat that begins now says.
    pub(crate) fn says(&self) -> Said {
        let known = self.known();
        let connected = known.connection.is_some() && known.lost.is_none();
        Said { connected, connection: known.connection }
    }
}

impl Pace {
    /// Sets the time of the first heartbeat.
    pub(crate) fn begin_at(&mut self, due: u64) {
        self.due = due;
    }

    /// A registration at this time got no answer.
    pub(crate) fn registration_lost(&mut self, at: u64) {
        self.unsettled_until = at + LATEST_CALL;
    }

    /// Waits for the next heartbeat, which then begins.
    pub(crate) async fn wait(&mut self, environment: &Environment, link: Option<&Link>) {
        loop {
            let now = environment.clock.elapsed_ms();
            if let Some(link) = link {
                let mut known = link.known();
                if known.is_urgent {
                    self.due = now;
                }
                if known.is_hinted {
                    self.due = self.due.min(self.began + HINTED);
                }
                if now >= self.due {
                    known.is_urgent = false;
                    known.is_hinted = false;
                }
            }
            if now >= self.due {
                self.began = now;
                return;
            }
            match link {
                None => environment.sleep_until(self.due).await,
                Some(link) => tokio::select! {
                    biased;
                    () = link.changed.notified() => {}
                    () = environment.sleep_until(self.due) => {}
                },
            }
        }
    }

    /// Decides on the next heartbeat after this one has ended.
    pub(crate) fn ended(
        &mut self,
        link: Option<&Link>,
        said: Option<Said>,
        answer: Option<&FunctionResponse>,
    ) {
        let interval = match link.zip(said) {
            None => FALLBACK,
            Some((link, said)) => self.interval(link, said, answer.filter(|answer| answer.status == 200)),
        };
        self.due = self.began + interval;
    }

    /// The time from the start of the heartbeat that has ended to the next one.
    fn interval(&mut self, link: &Link, said: Said, answer: Option<&FunctionResponse>) -> u64 {
        let now = link.environment.clock.elapsed_ms();
        let mut known = link.known();
        let Some(answer) = answer else {
            if !said.connected {
                self.unsettled_until = self.began + LATEST_CALL;
            }
            if known.proven_since.is_none() {
                return FALLBACK;
            }
            if link.bug == Some(Bug::HeartbeatNotRepeated) {
                return self.interval;
            }
            self.failures += 1;
            return now - self.began + FALLBACK.min(500 << self.failures.min(6));
        };
        self.failures = 0;
        if !said.connected && known.lost.is_some_and(|lost| lost <= self.began) {
            known.lost = None;
        }
        let next = answer.body["next_heartbeat_s"].as_u64().unwrap_or(0) * 1_000;
        let is_current = said.connected && known.connection.is_some() && said.connection == known.connection;
        let has_hello = known.hello == known.connection || link.bug == Some(Bug::LeasesUnproven);
        let is_proven = is_current && has_hello && next > FALLBACK;
        if is_proven && now >= self.unsettled_until {
            known.proven_since = known.proven_since.or(Some(now));
            self.interval = next;
            next
        } else {
            if !is_proven {
                known.proven_since = None;
            }
            FALLBACK.min(if next == 0 { FALLBACK } else { next })
        }
    }
}
