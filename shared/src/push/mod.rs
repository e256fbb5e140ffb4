//! The push channel, which tells a daemon that one of its runtimes was asked. A lost message costs time, not the answer.
//!
//! [`Push`] is what the functions need of the channel; `iot` implements it with AWS IoT Core. A deployment without a channel has no
//! [`PushChannel`], and then nothing of this is called.

mod client_id;
#[cfg(feature = "push")]
mod close;
#[cfg(feature = "push")]
pub mod iot;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorbell_protocol::{PUSH_TOPIC, PushMessage, PushSettings};

pub use client_id::{ClientId, Deployment, InvalidClientId};
#[cfg(feature = "push")]
pub use close::{Closed, close_connections};

/// The length of a connection, in seconds: the authorizer picks one, so that daemons that connect together do not come back
/// together. IoT Core allows up to 24 h (AWS, "Creating and managing custom authorizers").
pub const CONNECTION_SECONDS: std::ops::RangeInclusive<u32> = 72_000..=86_400;

/// What the functions need of the push channel. Each call ends by itself, within [`PUSH_CALL_TIMEOUT`](crate::limits::PUSH_CALL_TIMEOUT).
#[async_trait]
pub trait Push: fmt::Debug + Send + Sync {
    /// Sends `message` to `client` and waits for its acknowledgement.
    async fn send(&self, client: &ClientId, message: &PushMessage) -> Delivery;

    /// Whether `client` is connected.
    async fn is_connected(&self, client: &ClientId) -> Result<bool, PushError>;

    /// Closes the connection of `client`, if there is one. The daemon connects again.
    async fn disconnect(&self, client: &ClientId) -> Result<(), PushError>;
}

/// The outcome of [`Push::send`].
#[derive(Debug)]
pub enum Delivery {
    /// The client has acknowledged the message.
    Delivered,
    NotConnected,
    /// The client is connected, and has not acknowledged the message in time. It may have received it.
    Unacknowledged,
    /// The channel failed. The client may have received the message.
    Unknown(PushError),
}

/// A call of the push channel failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {reason}")]
pub struct PushError {
    pub operation: &'static str,
    /// For the log: without the message or the client.
    pub reason: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl PushError {
    pub fn new(operation: &'static str, reason: impl Into<String>) -> Self {
        Self { operation, reason: reason.into(), source: None }
    }

    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }
}

/// The push channel of a deployment.
#[derive(Clone, Debug)]
pub struct PushChannel {
    pub push: Arc<dyn Push>,
    pub deployment: Deployment,
    /// For daemons: `mqtts://host:port`.
    pub url: String,
    /// For daemons. For IoT Core, it names the authorizer.
    pub username: String,
    /// The time between two heartbeats of a daemon whose channel is proven.
    pub interval: Duration,
}

impl PushChannel {
    /// What the daemon `client` needs to connect.
    pub fn settings(&self, client: &ClientId) -> PushSettings {
        PushSettings {
            url: self.url.clone(),
            client_id: client.to_string(),
            username: self.username.clone(),
            topic: PUSH_TOPIC.to_owned(),
        }
    }

    /// How much longer than its interval a push lease is: time for a late heartbeat and its repetitions.
    pub fn margin(&self) -> Duration {
        self.interval / 4
    }
}
