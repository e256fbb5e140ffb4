//! Presence: ends the push leases of a daemon that has lost its connection. A rule of IoT Core calls it with its event.
//!
//! The event only says where to look. It may be late, doubled or out of order, so the connection is asked for. The leases are read
//! before: if the daemon comes back in between, it has replaced them, and they are not ended.

use std::time::Duration;

use doorbell_protocol::RuntimeId;
use doorbell_shared::http::access_log::call_span;
use doorbell_shared::http::{AppState, metrics};
use doorbell_shared::limits::{CALL_TIMEOUT, PARALLEL_WRITES};
use doorbell_shared::presence::PushLease;
use doorbell_shared::push::{ClientId, PushChannel, PushError};
use doorbell_shared::store::{PresenceOutcome, Store, StoreError};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use tracing::Instrument as _;

/// Longer than a heartbeat may run: one that has proven the connection before it was lost has written its leases by then. A daemon
/// that is back has replaced them.
const WAIT: Duration = Duration::from_secs(10);

const _: () =
    assert!(CALL_TIMEOUT.as_secs() < WAIT.as_secs(), "a lease may be written after it was looked for");

/// The part of IoT Core's event that is used (AWS, "Lifecycle events").
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisconnectedEvent {
    client_id: String,
}

/// The leases could not be ended. Lambda calls again.
#[derive(Debug, thiserror::Error)]
pub enum PresenceError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Push(#[from] PushError),
}

/// Ends the leases of one client, if it is not connected 10 s later. Logs a line if there were any.
///
/// # Errors
/// When the store or the push channel fails. Some leases may have ended.
pub async fn handle<S: Store>(state: &AppState<S>, event: &DisconnectedEvent) -> Result<(), PresenceError> {
    end_leases(state, event).instrument(call_span("presence", None)).await
}

async fn end_leases<S: Store>(state: &AppState<S>, event: &DisconnectedEvent) -> Result<(), PresenceError> {
    let Some(PushChannel { push, deployment, .. }) = &state.push else { return Ok(()) };
    let client = event.client_id.parse().ok().filter(|client: &ClientId| client.is_of(deployment));
    let Some(client) = client else { return Ok(()) };
    tokio::time::sleep(WAIT).await;
    let leases = state.store.find_leases(&client, state.clock.now()).await?;
    if leases.is_empty() || push.is_connected(&client).await? {
        return Ok(());
    }
    let ends = stream::iter(leases).map(|(runtime, lease)| end(state, runtime, lease));
    let mut outcomes = ends.buffer_unordered(PARALLEL_WRITES);
    // A failure does not end the others.
    let mut result = Ok(());
    let mut ended = 0;
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(PresenceOutcome::Replaced(_)) => ended += 1,
            Ok(PresenceOutcome::Changed) => {}
            Err(error) => result = result.and(Err(error)),
        }
    }
    tracing::info!(client_id = %client, ended, "push leases ended: connection lost");
    Ok(result?)
}

async fn end<S: Store>(
    state: &AppState<S>,
    runtime: RuntimeId,
    lease: PushLease,
) -> Result<PresenceOutcome, StoreError> {
    let now = state.clock.now();
    let outcome = state.store.replace_presence(runtime, lease.until, &lease.ended(now), now).await?;
    if matches!(outcome, PresenceOutcome::Replaced(_)) {
        metrics::lease_ended();
    }
    Ok(outcome)
}
