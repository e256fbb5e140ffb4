//! Rings that the catalog answers, and the rings behind them that refresh it.
//!
//! A failing catalog is a miss: the ring is then put into the queue as any other.

use std::time::Duration;

use doorbell_protocol::{IdempotencyKey, Timestamp};
use doorbell_shared::catalog::ServedSnapshot;
use doorbell_shared::http::ApiError;
use doorbell_shared::http::access_log::record_cached;
use doorbell_shared::kinds::{JsonText, built_in};
use doorbell_shared::limits::{CATALOG_READ_TIMEOUT, REFRESH_TIMEOUT};
use doorbell_shared::request::{Address, Deadlines, OpenRequest};
use doorbell_shared::store::{FindSnapshotOutcome, Store};
use tokio::time::timeout;

use super::{Asked, Initiate};

impl<S: Store> Initiate<'_, S> {
    /// The record of the snapshot that answers the ring, if there is one. Refreshes an old snapshot, which may show that the runtime is
    /// offline.
    pub(super) async fn cached(
        &self,
        asked: &Asked,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<JsonText>, ApiError> {
        let built_in = built_in(asked.kind).filter(|_| asked.args.is_none());
        let Some((kind, catalog)) = built_in.and_then(|kind| Some((kind, kind.catalog.as_ref()?))) else {
            return Ok(None);
        };
        let now = self.state.clock.now();
        let Some((snapshot, open)) = self.find_snapshot(asked, key, now).await else { return Ok(None) };
        let address = Address { runtime: self.runtime, request: self.state.id_gen.request_id(now) };
        let record = self.route.render_cached(kind.kind, catalog, address, &snapshot);
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!(%error, "snapshot not readable");
                return Ok(None);
            }
        };
        if !snapshot.is_fresh(now)
            && !is_being_refreshed(asked, kind.deadlines, &open, now)
            && let Err(error) = self.refresh(asked).await
        {
            // A ring that may wait is put into the queue.
            return if asked.queue.is_zero() { Err(error) } else { Ok(None) };
        }
        record_cached();
        Ok(Some(record))
    }

    async fn find_snapshot(
        &self,
        asked: &Asked,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Option<(ServedSnapshot, Vec<OpenRequest>)> {
        let read = self.state.store.find_snapshot(self.runtime, asked.kind, key, &self.caller, now);
        match timeout(CATALOG_READ_TIMEOUT, read).await {
            Ok(Ok(FindSnapshotOutcome::Found(snapshot, open))) => Some((snapshot, open)),
            Ok(Ok(FindSnapshotOutcome::NotFound)) => None,
            Ok(Err(error)) => {
                tracing::warn!(%error, "catalog not read");
                None
            }
            Err(_) => {
                tracing::warn!("catalog read timed out");
                None
            }
        }
    }

    /// An ordinary ring whose answer no client waits for. Only a runtime that turns out to be offline is an error.
    async fn refresh(&self, asked: &Asked) -> Result<(), ApiError> {
        let asked = Asked { kind: asked.kind, args: None, queue: Duration::ZERO };
        match timeout(REFRESH_TIMEOUT, Box::pin(self.ring(asked, None))).await {
            Ok(Err(ApiError::RuntimeOffline)) => Err(ApiError::RuntimeOffline),
            Ok(Err(ApiError::Store(_, error))) => {
                tracing::warn!(%error, "catalog not refreshed");
                Ok(())
            }
            Ok(Ok(_) | Err(_)) => Ok(()),
            Err(_) => {
                tracing::warn!("refresh of the catalog timed out");
                Ok(())
            }
        }
    }
}

/// Whether an open request of the kind will refresh the snapshot. The open set may also have the id of one that has ended: it does not
/// count once both deadlines are over.
fn is_being_refreshed(asked: &Asked, deadlines: Deadlines, open: &[OpenRequest], now: Timestamp) -> bool {
    let longest = deadlines.pending + deadlines.running;
    open.iter().any(|entry| entry.kind == asked.kind && now.since(entry.request.created_at()) <= longest)
}
