//! The connected clients, and for 30 minutes those that were.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorbell_mqtt::Publisher;
use doorbell_protocol::Timestamp;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::authorization::Authorization;
use super::reason::DisconnectReason;

/// How long `GetConnection` knows the reason of a disconnect (AWS, "GetConnection").
const REMEMBERED: Duration = Duration::from_secs(30 * 60);

/// Clients in memory. Above it, those that are not connected are forgotten before their time.
const MAX_CLIENTS: usize = 20_000;

#[derive(Default)]
pub(super) struct Clients(Mutex<HashMap<String, Client>>);

struct Client {
    /// The number of the last connection.
    version: u64,
    state: State,
}

enum State {
    Connected(Connection),
    Disconnected { since: Timestamp, reason: DisconnectReason },
}

#[derive(Clone)]
pub(super) struct Connection {
    pub(super) session_id: Uuid,
    pub(super) since: Timestamp,
    pub(super) keep_alive: Duration,
    pub(super) authorization: Arc<Authorization>,
    pub(super) publisher: Publisher,
    /// With room for one reason: the first one counts.
    pub(super) close: mpsc::Sender<DisconnectReason>,
}

impl Connection {
    fn close(&self, reason: DisconnectReason) {
        // Fails when the connection is ending already.
        let _ = self.close.try_send(reason);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionStatus {
    Connected { since: Timestamp, keep_alive: Duration },
    Disconnected { since: Timestamp, reason: DisconnectReason },
    Unknown,
}

impl Clients {
    /// Adds a connection and closes an older one of the same client. Returns the number of the connection, which ascends for a
    /// client.
    pub(super) fn connect(&self, client_id: &str, connection: Connection) -> u64 {
        let mut clients = self.lock();
        if clients.len() >= MAX_CLIENTS {
            clients.retain(|_, client| matches!(client.state, State::Connected(_)));
        }
        match clients.entry(client_id.to_owned()) {
            Entry::Vacant(entry) => {
                entry.insert(Client { version: 0, state: State::Connected(connection) });
                0
            }
            Entry::Occupied(entry) => {
                let client = entry.into_mut();
                if let State::Connected(older) = &client.state {
                    older.close(DisconnectReason::DuplicateClientId);
                }
                client.version += 1;
                client.state = State::Connected(connection);
                client.version
            }
        }
    }

    /// Records the end of a connection, unless the client has a newer one.
    pub(super) fn disconnected(
        &self,
        client_id: &str,
        session_id: Uuid,
        reason: DisconnectReason,
        now: Timestamp,
    ) {
        let mut clients = self.lock();
        if let Some(client) = clients.get_mut(client_id)
            && matches!(&client.state, State::Connected(current) if current.session_id == session_id)
        {
            client.state = State::Disconnected { since: now, reason };
        }
    }

    pub(super) fn connection(&self, client_id: &str) -> Option<Connection> {
        match &self.lock().get(client_id)?.state {
            State::Connected(connection) => Some(connection.clone()),
            State::Disconnected { .. } => None,
        }
    }

    pub(super) fn status(&self, client_id: &str, now: Timestamp) -> ConnectionStatus {
        match self.lock().get(client_id).map(|client| &client.state) {
            Some(State::Connected(connection)) => {
                ConnectionStatus::Connected { since: connection.since, keep_alive: connection.keep_alive }
            }
            Some(&State::Disconnected { since, reason }) if now < since + REMEMBERED => {
                ConnectionStatus::Disconnected { since, reason }
            }
            Some(State::Disconnected { .. }) | None => ConnectionStatus::Unknown,
        }
    }

    /// Closes a connection. Returns whether there was one.
    pub(super) fn close(&self, client_id: &str, reason: DisconnectReason) -> bool {
        let connection = self.connection(client_id);
        connection.inspect(|connection| connection.close(reason)).is_some()
    }

    pub(super) fn close_all(&self, reason: DisconnectReason) {
        for client in self.lock().values() {
            if let State::Connected(connection) = &client.state {
                connection.close(reason);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Client>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
