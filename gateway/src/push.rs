//! The push channel of this machine: the local broker, with the real functions `connect` and `presence` behind it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorbell_functions::connect::{self, ConnectionScope};
use doorbell_functions::presence;
use doorbell_shared::http::AppState;
use doorbell_shared::push::iot::IotPush;
use doorbell_shared::push::{Deployment, PushChannel};
use doorbell_shared::store::{Store, TokenStore};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::broker::{Broker, BrokerHooks, HookError};

/// In client ids, in place of a stack.
const DEPLOYMENT: &str = "local";

/// The broker checks names with any prefix, as long as policies have the same.
const ARN_PREFIX: &str = "arn:aws:iot:local:000000000000";

/// Sockets of a broker that does not run yet. The functions need its addresses before it calls them.
pub struct PushListener {
    mqtt: TcpListener,
    http: TcpListener,
    deployment: Deployment,
}

impl PushListener {
    /// Listens on two free ports of a loopback address.
    pub async fn bind(address: IpAddr) -> io::Result<Self> {
        let free = SocketAddr::new(address, 0);
        Self::bind_to(free, free).await
    }

    /// Listens on these addresses: those of an earlier broker, if its daemons are to find it.
    pub async fn bind_to(mqtt: SocketAddr, http: SocketAddr) -> io::Result<Self> {
        let deployment = DEPLOYMENT.parse().map_err(io::Error::other)?;
        Ok(Self { mqtt: TcpListener::bind(mqtt).await?, http: TcpListener::bind(http).await?, deployment })
    }

    /// Where it listens: MQTT and HTTP.
    pub fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        Ok((self.mqtt.local_addr()?, self.http.local_addr()?))
    }

    /// The channel for the functions. `interval` is that of the heartbeats of a daemon whose channel is proven.
    pub fn channel(&self, interval: Duration) -> io::Result<PushChannel> {
        Ok(PushChannel {
            push: Arc::new(IotPush::local(&format!("http://{}", self.http.local_addr()?))),
            deployment: self.deployment.clone(),
            url: format!("mqtt://{}", self.mqtt.local_addr()?),
            username: "doorbell".to_owned(),
            interval,
        })
    }

    /// Runs the broker until `shutdown`. `state` has the [channel](Self::channel); `tokens` may have another store.
    pub fn serve<S: Store + 'static, T: TokenStore + 'static>(
        self,
        state: AppState<S>,
        tokens: AppState<T>,
        shutdown: &CancellationToken,
    ) -> io::Result<Broker> {
        let scope = ConnectionScope { deployment: self.deployment, arn_prefix: ARN_PREFIX.to_owned() };
        let clock = Arc::clone(&state.clock);
        let hooks = Arc::new(Functions { state, tokens, scope });
        let (broker, _) = Broker::start(self.mqtt, self.http, hooks, clock, shutdown)?;
        Ok(broker)
    }
}

/// The functions that the broker calls.
struct Functions<S, T> {
    state: AppState<S>,
    tokens: AppState<T>,
    scope: ConnectionScope,
}

#[async_trait]
impl<S: Store + 'static, T: TokenStore + 'static> BrokerHooks for Functions<S, T> {
    async fn authorize(&self, event: Value) -> Result<Value, HookError> {
        let response = connect::handle(&self.tokens, &self.scope, &serde_json::from_value(event)?).await?;
        Ok(serde_json::to_value(response)?)
    }

    async fn disconnected(&self, event: Value) {
        let event = match serde_json::from_value(event) {
            Ok(event) => event,
            Err(error) => return tracing::error!(%error, "event of a lost connection not read"),
        };
        // Lambda would call again. Here the next ring finds out.
        if let Err(error) = presence::handle(&self.state, &event).await {
            tracing::warn!(%error, "push leases not ended");
        }
    }
}
