//! The push channel: one broker, whose messages, connections and calls fail.
//!
//! It keeps connections as IoT Core does: one for each client id, until the daemon is silent for one and a half keep-alives. A
//! connection may be dead although neither side has noticed.

mod socket;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use doorbell_protocol::PushMessage;
use doorbell_shared::push::{ClientId, Delivery, Push, PushError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub(crate) use self::socket::Socket;
use crate::context::{Bug, Environment};
use crate::history::{FaultKind, PushRecord};

/// All in milliseconds. The keep-alive of daemons.
pub(crate) const KEEP_ALIVE: u64 = 30_000;

/// The silence after which the broker ends a connection (MQTT 3.1.1, 3.1.2.10).
const SILENCE: u64 = KEEP_ALIVE * 3 / 2;

/// How long a call waits for an acknowledgement.
const ACKNOWLEDGEMENT: u64 = 1_000;

/// When the fault of a connection occurs, at the latest.
const LATEST_CONNECTION_FAULT: u64 = 60_000;

#[derive(Debug)]
pub(crate) struct Broker {
    environment: Arc<Environment>,
    bug: Option<Bug>,
    state: Mutex<State>,
    /// The ends of connections, for the rule that calls presence.
    disconnected: UnboundedSender<ClientId>,
}

#[derive(Debug, Default)]
struct State {
    connections: BTreeMap<ClientId, Connection>,
    /// The sockets of ended connections whose daemons have not noticed the end.
    unnoticed: Vec<UnboundedSender<Packet>>,
    last_number: u64,
}

#[derive(Debug)]
struct Connection {
    number: u64,
    to_daemon: UnboundedSender<Packet>,
    heard: u64,
    path: Path,
}

/// What the packets of a connection meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Open,
    /// Pings are answered, and messages are lost.
    Deaf,
    /// Nothing passes in either direction.
    HalfOpen,
}

#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) message: PushMessage,
    pub(crate) acknowledge: UnboundedSender<()>,
}

impl Broker {
    pub(crate) fn new(
        environment: Arc<Environment>,
        bug: Option<Bug>,
        disconnected: UnboundedSender<ClientId>,
    ) -> Self {
        Self { environment, bug, state: Mutex::default(), disconnected }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_down(&self) -> bool {
        let now = self.environment.clock.elapsed_ms();
        self.environment.plan.push.as_ref().is_some_and(|push| push.is_down_at(now))
    }

    /// Takes over from an earlier connection with the same client id.
    pub(crate) fn connect(self: &Arc<Self>, client: &ClientId) -> Socket {
        let (to_daemon, packets) = unbounded_channel();
        let heard = self.environment.clock.elapsed_ms();
        let earlier = self.state().connections.get(client).map(|connection| connection.number);
        if let Some(earlier) = earlier {
            self.environment.record_fault(FaultKind::ConnectionTakenOver);
            self.end(client, earlier);
        }
        let mut state = self.state();
        state.last_number += 1;
        let number = state.last_number;
        let connection = Connection { number, to_daemon, heard, path: Path::Open };
        state.connections.insert(client.clone(), connection);
        drop(state);
        self.environment.record_push(PushRecord::Connected);
        tokio::spawn(Arc::clone(self).end_when_silent(client.clone(), number));
        let Some(push) = &self.environment.plan.push else { unreachable!("without a channel") };
        if self.environment.rng.happens(push.rates.connection) {
            tokio::spawn(Arc::clone(self).break_later(client.clone(), number));
        }
        Socket { broker: Arc::clone(self), client: client.clone(), number, packets }
    }

    async fn end_when_silent(self: Arc<Self>, client: ClientId, number: u64) {
        while let Some(heard) = self.heard(&client, number) {
            let now = self.environment.clock.elapsed_ms();
            if now >= heard + SILENCE {
                self.end(&client, number);
                return;
            }
            self.environment.sleep_until(heard + SILENCE).await;
        }
    }

    fn heard(&self, client: &ClientId, number: u64) -> Option<u64> {
        let state = self.state();
        let connection = state.connections.get(client).filter(|connection| connection.number == number);
        connection.map(|connection| connection.heard)
    }

    async fn break_later(self: Arc<Self>, client: ClientId, number: u64) {
        self.environment.sleep(0..LATEST_CONNECTION_FAULT).await;
        let faults = [
            (FaultKind::ConnectionHalfOpen, Some(Path::HalfOpen)),
            (FaultKind::ConnectionDeaf, Some(Path::Deaf)),
            (FaultKind::ConnectionLost, None),
        ];
        let (fault, path) = self.environment.rng.one_of(&faults);
        if self.heard(&client, number).is_none() || !self.environment.injects_push(fault, 1_000) {
            return;
        }
        match path {
            Some(path) => self.set_path(&client, number, path),
            None => self.end(&client, number),
        }
    }

    fn set_path(&self, client: &ClientId, number: u64, path: Path) {
        let mut state = self.state();
        let connection = state.connections.get_mut(client).filter(|connection| connection.number == number);
        if let Some(connection) = connection {
            connection.path = path;
        }
    }

    fn end(&self, client: &ClientId, number: u64) {
        let mut state = self.state();
        if state.connections.get(client).is_none_or(|connection| connection.number != number) {
            return;
        }
        let Some(connection) = state.connections.remove(client) else { return };
        if connection.path == Path::HalfOpen {
            state.unnoticed.push(connection.to_daemon);
        }
        // The rule ends with the simulation.
        self.disconnected.send(client.clone()).ok();
    }

    /// Ends every connection, as a restart of the broker does.
    pub(crate) fn end_all(&self) {
        let all: Vec<_> =
            self.state().connections.iter().map(|(client, open)| (client.clone(), open.number)).collect();
        for (client, number) in all {
            self.end(&client, number);
        }
    }

    async fn travel(&self) {
        self.environment.sleep(1..40).await;
    }

    /// A call's way to the broker. Fails in an outage, and at the rate of calls.
    async fn reach(&self, operation: &'static str) -> Result<(), PushError> {
        self.travel().await;
        let rate = self.environment.plan.push.as_ref().map_or(0, |push| push.rates.call);
        let is_down = self.is_down();
        if is_down {
            self.environment.record_fault(FaultKind::BrokerDown);
        }
        if !is_down && !self.environment.injects_push(FaultKind::PushCallFailed, rate) {
            return Ok(());
        }
        self.environment.sleep(0..1_500).await;
        Err(PushError::new(operation, "simulated"))
    }

    /// Sends the copies of a message that arrive, and returns where their acknowledgements arrive.
    fn publish(&self, connection: &Connection, message: PushMessage) -> UnboundedReceiver<()> {
        let (acknowledge, acknowledgements) = unbounded_channel();
        let environment = &self.environment;
        let Some(push) = &environment.plan.push else { unreachable!("without a channel") };
        let rates = &push.rates;
        if connection.path != Path::Open
            || environment.injects_push(FaultKind::PushMessageLost, rates.message_lost)
        {
            return acknowledgements;
        }
        let doubled = environment.injects_push(FaultKind::PushMessageDuplicated, rates.message_duplicated);
        for _ in 0..if doubled { 2 } else { 1 } {
            let delayed = environment.injects_push(FaultKind::PushMessageDelayed, rates.message_delayed);
            let delay = environment.rng.number(if delayed { 200..8_000 } else { 1..40 });
            let packet = Packet { message, acknowledge: acknowledge.clone() };
            let to_daemon = connection.to_daemon.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(delay)).await;
                // The daemon may have ended.
                to_daemon.send(packet).ok();
            });
        }
        acknowledgements
    }
}

#[async_trait]
impl Push for Broker {
    async fn send(&self, client: &ClientId, message: &PushMessage) -> Delivery {
        if self.bug == Some(Bug::LeasesUnproven) && *message == PushMessage::HELLO {
            return Delivery::Delivered;
        }
        if let Err(error) = self.reach("send").await {
            return Delivery::Unknown(error);
        }
        let sent = self.state().connections.get(client).map(|open| self.publish(open, *message));
        let Some(mut acknowledgements) = sent else { return Delivery::NotConnected };
        let sent = self.environment.clock.elapsed_ms();
        let timeout = Duration::from_millis(ACKNOWLEDGEMENT);
        let acknowledged = tokio::time::timeout(timeout, acknowledgements.recv()).await;
        let lost = self.environment.plan.push.as_ref().map_or(0, |push| push.rates.acknowledgement_lost);
        if let Ok(Some(())) = acknowledged
            && !self.environment.injects_push(FaultKind::PushAcknowledgementLost, lost)
        {
            self.travel().await;
            return Delivery::Delivered;
        }
        self.environment.sleep_until(sent + ACKNOWLEDGEMENT).await;
        Delivery::Unacknowledged
    }

    async fn is_connected(&self, client: &ClientId) -> Result<bool, PushError> {
        self.reach("get connection").await?;
        let is_connected = self.state().connections.contains_key(client);
        self.travel().await;
        Ok(is_connected)
    }

    async fn disconnect(&self, client: &ClientId) -> Result<(), PushError> {
        self.reach("disconnect").await?;
        let number = self.state().connections.get(client).map(|connection| connection.number);
        if let Some(number) = number {
            self.end(client, number);
        }
        self.travel().await;
        Ok(())
    }
}
