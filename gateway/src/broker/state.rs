//! The state that connections and HTTP calls share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorbell_mqtt::{ConnectRequest, Message, PublishError, Quality, Refusal};
use doorbell_protocol::Timestamp;
use doorbell_shared::clock::Clock;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::BrokerHooks;
use super::authorization::{Authorization, AuthorizationError};
use super::clients::{Clients, ConnectionStatus};
use super::events::{Disconnected, authorizer_event};
use super::reason::DisconnectReason;

/// "The Lambda function timeout limit for custom authorizer is 5 seconds" (AWS, "Creating and managing custom authorizers").
const AUTHORIZER_TIMEOUT: Duration = Duration::from_secs(5);

/// For a message without confirmation to a client that does not read.
const UNCONFIRMED_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct BrokerState {
    pub(super) clients: Clients,
    hooks: Arc<dyn BrokerHooks>,
    clock: Arc<dyn Clock>,
    faults: Mutex<Faults>,
    started: Timestamp,
    sessions: AtomicU64,
}

/// Faults that tests inject.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Accepts connections and answers pings, but delivers no message: senders get 504.
    pub deaf: bool,
    /// Closes new connections.
    pub refuses_connections: bool,
    /// Lifecycle events are lost.
    pub loses_events: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// QoS 0.
    None,
    /// QoS 1: waits this long for the acknowledgement.
    Within(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Acknowledged, or sent if no confirmation was requested.
    Delivered,
    NotConnected,
    /// The client's policy does not allow it to receive the topic.
    NotPermitted,
    NotConfirmed,
    TooManyInFlight,
    TooLarge,
    InvalidTopic,
}

impl BrokerState {
    pub(super) fn new(hooks: Arc<dyn BrokerHooks>, clock: Arc<dyn Clock>) -> Self {
        let started = clock.now();
        Self {
            clients: Clients::default(),
            hooks,
            clock,
            faults: Mutex::default(),
            started,
            sessions: AtomicU64::new(0),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Unique without random bits: the time of the start and a counter.
    pub(super) fn session_id(&self) -> Uuid {
        let counter = self.sessions.fetch_add(1, Ordering::Relaxed);
        let high = u64::try_from(self.started.millis()).unwrap_or(0) << 16;
        let bytes = (u128::from(high) << 64 | u128::from(counter)).to_be_bytes();
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    pub(super) async fn authorize(
        &self,
        request: &ConnectRequest,
        session_id: Uuid,
    ) -> Result<Authorization, Refusal> {
        let event = authorizer_event(request, session_id);
        let response = match timeout(AUTHORIZER_TIMEOUT, self.hooks.authorize(event)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                tracing::warn!(%error, "authorizer failed");
                return Err(Refusal::ServerUnavailable);
            }
            Err(_) => {
                tracing::warn!("authorizer timed out");
                return Err(Refusal::ServerUnavailable);
            }
        };
        let authorization = Authorization::from_response(response).map_err(|error| {
            // The response of an authorizer is our own code's, so an invalid one is an error to look at.
            if !matches!(error, AuthorizationError::NotAuthenticated) {
                tracing::warn!(%error, "authorizer");
            }
            Refusal::NotAuthorized
        })?;
        if authorization.may_connect(&request.client_id) {
            Ok(authorization)
        } else {
            Err(Refusal::NotAuthorized)
        }
    }

    pub(super) async fn report(&self, disconnected: &Disconnected<'_>) {
        if !self.faults().loses_events {
            self.hooks.disconnected(disconnected.event()).await;
        }
    }

    pub(super) async fn send(
        &self,
        client_id: &str,
        message: Message,
        confirmation: Confirmation,
    ) -> Delivery {
        let Some(connection) = self.clients.connection(client_id) else { return Delivery::NotConnected };
        if !connection.authorization.may_receive(&message.topic) {
            return Delivery::NotPermitted;
        }
        let (quality, limit) = match confirmation {
            Confirmation::None => (Quality::AtMostOnce, UNCONFIRMED_TIMEOUT),
            Confirmation::Within(limit) => (Quality::AtLeastOnce, limit),
        };
        if self.faults().deaf {
            sleep(limit).await;
            return Delivery::NotConfirmed;
        }
        match timeout(limit, connection.publisher.publish(message, quality)).await {
            Ok(Ok(())) => Delivery::Delivered,
            // A connection that ends may have carried the message.
            Err(_) | Ok(Err(PublishError::Closed)) => Delivery::NotConfirmed,
            Ok(Err(PublishError::TooManyInFlight)) => Delivery::TooManyInFlight,
            Ok(Err(PublishError::TooLarge)) => Delivery::TooLarge,
            Ok(Err(PublishError::InvalidTopic)) => Delivery::InvalidTopic,
        }
    }

    pub(super) fn status(&self, client_id: &str) -> ConnectionStatus {
        self.clients.status(client_id, self.now())
    }

    pub(super) fn disconnect(&self, client_id: &str) -> bool {
        self.clients.close(client_id, DisconnectReason::ApiInitiated)
    }

    pub(super) fn disconnect_all(&self) {
        self.clients.close_all(DisconnectReason::ServerInitiated);
    }

    pub(super) fn faults(&self) -> Faults {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }
}
