//! A local stand-in for AWS IoT Core, for `doorbell dev` and tests: MQTT connections with a custom authorizer, direct messages, and
//! lifecycle events.
//!
//! Functions reach it through the AWS SDK and daemons by MQTT, both on this machine. It keeps what Doorbell relies on: status codes
//! and error types, acknowledgements, keep-alive, takeover of client ids, the authorizer's policy and the limit of a connection's
//! lifetime. It has no TLS, subscriptions, retained messages, wills or persistent sessions, and does not check signatures.
//!
//! Sources are the pages "Direct Messaging", "Managing MQTT connections", "Defining your Lambda function" and "Lifecycle events" of
//! the AWS IoT Core developer guide.

mod authorization;
mod clients;
mod connection;
mod events;
mod http;
mod policy;
mod reason;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use doorbell_mqtt::Message;
use doorbell_shared::clock::Clock;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::host::LocalHosts;

pub use clients::ConnectionStatus;
pub use reason::DisconnectReason;
use state::BrokerState;
pub use state::{Confirmation, Delivery, Faults};

/// The functions that IoT Core would call.
#[async_trait]
pub trait BrokerHooks: Send + Sync {
    /// The custom authorizer, with its event and its response in IoT Core's form. An error refuses the connection.
    async fn authorize(&self, event: Value) -> Result<Value, HookError>;

    /// The rule on `$aws/events/presence/disconnected/+`. The broker does not wait for it.
    async fn disconnected(&self, event: Value);
}

pub type HookError = Box<dyn std::error::Error + Send + Sync>;

/// A running broker. Dropping it closes all sockets, without lifecycle events.
pub struct Broker {
    state: Arc<BrokerState>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Where a broker listens.
#[derive(Clone, Copy, Debug)]
pub struct BrokerAddresses {
    pub mqtt: SocketAddr,
    pub http: SocketAddr,
}

impl Broker {
    /// Without listeners: for streams and calls within the process, which follow virtual time.
    pub fn in_process(hooks: Arc<dyn BrokerHooks>, clock: Arc<dyn Clock>) -> Self {
        Self::new(hooks, clock, CancellationToken::new())
    }

    /// Serves MQTT and HTTP on two listeners, until [`Broker::stop`] or `shutdown`.
    pub fn start(
        mqtt: TcpListener,
        http: TcpListener,
        hooks: Arc<dyn BrokerHooks>,
        clock: Arc<dyn Clock>,
        shutdown: &CancellationToken,
    ) -> io::Result<(Self, BrokerAddresses)> {
        let addresses = BrokerAddresses { mqtt: mqtt.local_addr()?, http: http.local_addr()? };
        let broker = Self::new(hooks, clock, shutdown.child_token());
        let (state, tasks, stop) = (&broker.state, &broker.tasks, &broker.stop);
        broker.spawn(connection::listen(state.clone(), mqtt, tasks.clone(), stop.clone()));
        let app = http::router(state.clone(), LocalHosts::of(addresses.http));
        tasks.spawn(http::serve(http, app, stop.clone()));
        Ok((broker, addresses))
    }

    fn new(hooks: Arc<dyn BrokerHooks>, clock: Arc<dyn Clock>, stop: CancellationToken) -> Self {
        Self { state: Arc::new(BrokerState::new(hooks, clock)), tasks: TaskTracker::new(), stop }
    }

    /// Closes all connections and waits until the ports are free.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Serves an MQTT connection on any stream.
    pub fn serve<S: AsyncRead + AsyncWrite + Send + 'static>(&self, stream: S) {
        self.spawn(connection::serve(self.state.clone(), stream));
    }

    /// `SendDirectMessage`.
    pub async fn send(&self, client_id: &str, message: Message, confirmation: Confirmation) -> Delivery {
        self.state.send(client_id, message, confirmation).await
    }

    /// `GetConnection`.
    pub fn status(&self, client_id: &str) -> ConnectionStatus {
        self.state.status(client_id)
    }

    /// `DeleteConnection`: whether there was a connection.
    pub fn disconnect(&self, client_id: &str) -> bool {
        self.state.disconnect(client_id)
    }

    /// Closes every connection with `SERVER_INITIATED_DISCONNECT`, as IoT Core does at times.
    pub fn disconnect_all(&self) {
        self.state.disconnect_all();
    }

    /// Replaces the faults that tests inject.
    pub fn set_faults(&self, faults: Faults) {
        self.state.set_faults(faults);
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(task));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
