//! The task that keeps the connection, and passes its messages to the heartbeat loop. It does so while a heartbeat is in flight, because
//! the server waits for the acknowledgement of `hello` before it answers.

use std::sync::Arc;
use std::time::Duration;

use doorbell_mqtt::{Client, Closed, Connect, Message};
use doorbell_protocol::PushMessage;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::connect::Dial;
use super::inbox::{Inbox, LinkState};
use super::offer::{Channel, Offer};
use super::status::FallbackReason;
use super::takeover::{STABLE_AFTER, Takeovers};
use crate::session::Session;

/// From the first packet to the server's acceptance.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// IoT Core's shortest. It drops a client that was silent for 1.5 times as long (AWS, "AWS IoT Core message broker and protocol
/// limits and quotas").
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// With [`KEEP_ALIVE`], a dead socket is noticed within 40 s.
const PINGRESP_TIMEOUT: Duration = Duration::from_secs(10);

const LONGEST_BACKOFF: Duration = Duration::from_secs(5 * 60);

/// Keeps a connection to the channel that the server offers until `stop`, then disconnects. Makes a new one at each change of `resumed`.
pub(crate) async fn run(
    session: Arc<Session>,
    dial: Arc<dyn Dial>,
    inbox: Arc<Inbox>,
    resumed: watch::Receiver<()>,
    stop: CancellationToken,
) {
    let offers = session.offers();
    let mut connection = Connection { session, dial, inbox, offers, resumed, stop };
    while !connection.stop.is_cancelled() {
        let offer = connection.offers.borrow_and_update().clone();
        match offer {
            Offer::None => connection.inbox.set(LinkState::Off),
            Offer::Unusable(reason) => connection.inbox.set(LinkState::Unusable(reason)),
            Offer::Channel(channel) => {
                connection.keep(&channel).await;
                continue;
            }
        }
        connection.interrupted().await;
    }
}

struct Connection {
    session: Arc<Session>,
    dial: Arc<dyn Dial>,
    inbox: Arc<Inbox>,
    offers: watch::Receiver<Offer>,
    /// Changes when the machine was asleep: its connections are dead, or of another network.
    resumed: watch::Receiver<()>,
    stop: CancellationToken,
}

impl Connection {
    /// Waits for a shutdown, another offer or a resume. Cancel safe.
    async fn interrupted(&mut self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            // Fails only without a session, which this task owns.
            _ = self.offers.changed() => {}
            // Fails only at the end of the daemon.
            Ok(()) = self.resumed.changed() => {}
        }
    }

    /// Connects again after each end of a connection. Returns when it is interrupted.
    async fn keep(&mut self, channel: &Channel) {
        self.inbox.set(LinkState::Disconnected(None));
        let mut backoff = Backoff::new(LONGEST_BACKOFF);
        let mut takeovers = Takeovers::default();
        loop {
            let wait = backoff.next();
            let session = Arc::clone(&self.session);
            let dial = Arc::clone(&self.dial);
            let connected = async {
                sleep(wait).await;
                connect(&session, &*dial, channel).await
            };
            let connected = tokio::select! {
                biased;
                () = self.interrupted() => return,
                connected = connected => connected,
            };
            let reason = match connected {
                Ok(client) => {
                    tracing::info!("connected to the push channel");
                    self.inbox.set(LinkState::Connected { hello: false });
                    let connected_at = crate::clock::now();
                    let Some((closed, proven_at)) = self.receive(client, &channel.topic).await else {
                        return;
                    };
                    if is_by_server(&closed) && takeovers.ended(connected_at.elapsed()) {
                        tracing::warn!(
                            daemon_id = self.session.settings().daemon_id,
                            "the server ended several connections early: another process may run with this daemon id; end it, or \
                             give it another --daemon-id"
                        );
                    }
                    // Only after its proof.
                    if proven_at.is_some_and(|at| at.elapsed() >= STABLE_AFTER) {
                        backoff.reset();
                    }
                    FallbackReason::Lost(closed)
                }
                Err(reason) => reason,
            };
            tracing::warn!(%reason, "no push channel");
            self.inbox.set(LinkState::Disconnected(Some(reason)));
        }
    }

    /// Receives messages until the connection ends, and returns why and when it was proven. `None` when interrupted.
    async fn receive(&mut self, mut client: Client, topic: &str) -> Option<(Closed, Option<Instant>)> {
        let mut proven_at = None;
        loop {
            let received = tokio::select! {
                biased;
                () = self.interrupted() => {
                    client.disconnect().await;
                    self.inbox.set(LinkState::Disconnected(None));
                    return None;
                }
                received = client.recv() => received,
            };
            match received {
                Ok(message) if message.topic == topic => match message_of(&message) {
                    Some(PushMessage::Hello { hello: true }) => {
                        proven_at.get_or_insert_with(crate::clock::now);
                        self.inbox.set(LinkState::Connected { hello: true });
                    }
                    Some(PushMessage::Hint { runtime_id }) if self.session.has_runtime(runtime_id) => {
                        self.inbox.hint(runtime_id);
                    }
                    Some(PushMessage::Hint { runtime_id }) => {
                        tracing::debug!(runtime = %runtime_id, "hint of a runtime that is not registered");
                    }
                    Some(PushMessage::Hello { hello: false }) | None => {
                        tracing::debug!(?message, "message not understood");
                    }
                },
                Ok(message) => tracing::debug!(?message, "message on another topic"),
                Err(closed) => return Some((closed, proven_at)),
            }
        }
    }
}

fn is_by_server(closed: &Closed) -> bool {
    matches!(closed, Closed::Lost | Closed::Io(_))
}

fn message_of(message: &Message) -> Option<PushMessage> {
    serde_json::from_slice(&message.payload).ok()
}

async fn connect(session: &Session, dial: &dyn Dial, channel: &Channel) -> Result<Client, FallbackReason> {
    let connect = Connect {
        client_id: channel.client_id.clone(),
        username: channel.username.clone(),
        password: session.api().token().to_owned(),
        keep_alive: KEEP_ALIVE,
        pingresp_timeout: PINGRESP_TIMEOUT,
    };
    let connected = async {
        let stream =
            dial.dial(&channel.address).await.map_err(|error| FallbackReason::Failed(error.to_string()))?;
        Ok(Client::connect(stream, connect).await?)
    };
    let too_slow = || FallbackReason::Failed(format!("it took more than {} s", CONNECT_TIMEOUT.as_secs()));
    timeout(CONNECT_TIMEOUT, connected).await.map_err(|_| too_slow())?
}
