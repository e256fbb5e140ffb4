//! Closes the connections of a revoked token.

use futures_util::{StreamExt as _, stream};

use super::{ClientId, Push, PushError};
use crate::limits::PARALLEL_DISCONNECTS;

/// The outcome of [`close_connections`].
#[derive(Debug, Default)]
pub struct Closed {
    /// Clients that have no connection any more. Some had none before.
    pub closed: usize,
    /// Clients whose connection may still be open.
    pub failures: Vec<PushError>,
}

/// Closes the connections of `clients`, which come from
/// [`find_token_connections`](crate::store::TokenStore::find_token_connections). A failure does not end the others.
pub async fn close_connections(push: &dyn Push, clients: Vec<ClientId>) -> Closed {
    let calls = stream::iter(clients).map(|client| async move { push.disconnect(&client).await });
    let mut outcomes = calls.buffer_unordered(PARALLEL_DISCONNECTS);
    let mut closed = Closed::default();
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(()) => closed.closed += 1,
            Err(error) => closed.failures.push(error),
        }
    }
    closed
}
