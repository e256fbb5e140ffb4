//! Snapshots of the catalog.

use doorbell_protocol::{IdempotencyKey, Kind, RuntimeId, Timestamp};

use super::contents::Contents;
use crate::access::Principal;
use crate::catalog::{CatalogUpdate, Snapshot};
use crate::request::{OpenRequest, RequestOutcome};
use crate::store::outcome::FindSnapshotOutcome;

impl Contents {
    pub(super) fn snapshot(
        &mut self,
        runtime: RuntimeId,
        kind: Kind,
        key: Option<&IdempotencyKey>,
        caller: &Principal,
        now: Timestamp,
    ) -> FindSnapshotOutcome {
        let is_used = |key: &IdempotencyKey| {
            self.idempotency_keys.get(&(runtime, key.clone())).is_some_and(|used| used.is_valid(now))
        };
        if key.is_some_and(is_used) {
            return FindSnapshotOutcome::NotFound;
        }
        let snapshot = self.snapshots.get(&(runtime, kind)).cloned();
        let found = self.callers_runtime(runtime, caller, now).zip(snapshot);
        let Some(served) = found.and_then(|(entry, snapshot)| snapshot.served(&entry.runtime, now)) else {
            return FindSnapshotOutcome::NotFound;
        };
        let open = self.open(runtime, now).map(OpenRequest::of).collect();
        FindSnapshotOutcome::Found(served, open)
    }

    /// The update of a report that was recorded at `reported_at`. As in a table, a repeated report repeats it.
    pub(super) fn update_catalog(
        &mut self,
        runtime: RuntimeId,
        kind: Kind,
        outcome: &RequestOutcome,
        update: CatalogUpdate,
        reported_at: Timestamp,
    ) {
        let Some(snapshot) = Snapshot::of_report(outcome, update, reported_at) else { return };
        if snapshot.is_newer_than(self.snapshots.get(&(runtime, kind))) {
            self.snapshots.insert((runtime, kind), snapshot);
        }
    }
}
