//! One MQTT connection from CONNECT to its lifecycle event.

use std::sync::Arc;
use std::time::Duration;

use doorbell_mqtt::Incoming;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clients::Connection;
use super::events::Disconnected;
use super::reason::DisconnectReason;
use super::state::BrokerState;

/// More than the daemons of any test. Further connections are closed.
const MAX_CONNECTIONS: usize = 10_000;

/// After a failed accept, which usually means that all file descriptors are in use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn listen(
    state: Arc<BrokerState>,
    listener: TcpListener,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = connections.clone().try_acquire_owned() else { continue };
        // A hint is one small packet, which must not wait for a second.
        let _ = stream.set_nodelay(true);
        let state = state.clone();
        let connection = async move {
            serve(state, stream).await;
            drop(permit);
        };
        tasks.spawn(stop.clone().run_until_cancelled_owned(connection));
    }
}

pub(super) async fn serve<S: AsyncRead + AsyncWrite>(state: Arc<BrokerState>, stream: S) {
    if state.faults().refuses_connections {
        return;
    }
    let incoming = match Incoming::read(stream).await {
        Ok(incoming) => incoming,
        Err(error) => {
            tracing::debug!(%error, "no connection");
            return;
        }
    };
    let session_id = state.session_id();
    let client_id = incoming.request().client_id.clone();
    let authorization = match state.authorize(incoming.request(), session_id).await {
        Ok(authorization) => Arc::new(authorization),
        Err(refusal) => {
            tracing::info!(client_id, %refusal, "connection refused");
            return incoming.refuse(refusal).await;
        }
    };
    let keep_alive = incoming.request().keep_alive;
    let (publisher, session) = incoming.accept();
    let (close, mut closed) = mpsc::channel(1);
    let authorized = authorization.clone();
    let connection = Connection {
        session_id,
        since: state.now(),
        keep_alive,
        authorization: authorized,
        publisher,
        close,
    };
    let version = state.clients.connect(&client_id, connection);
    let reason = tokio::select! {
        end = session.run() => end.into(),
        Some(reason) = closed.recv() => reason,
        () = sleep(authorization.lifetime) => DisconnectReason::CustomAuthTtlExpiration,
    };
    let now = state.now();
    state.clients.disconnected(&client_id, session_id, reason, now);
    tracing::debug!(client_id, reason = reason.as_str(), "disconnected");
    let principal = &authorization.principal;
    let disconnected =
        Disconnected { client_id: &client_id, session_id, principal, version, reason, at: now };
    state.report(&disconnected).await;
}
