//! The catalog: the last good result of a kind, kept for each runtime, so that a ring is answered at once.
//!
//! A [`BuiltInKind`](crate::kinds::BuiltInKind) with a catalog defines what a report does to it. To the stores, a snapshot is opaque.

use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::{CATALOG_FRESHNESS, CATALOG_RETENTION};

use crate::request::{Payload, RequestOutcome};
use crate::runtime::Runtime;

/// What a recorded report does to the catalog of its runtime and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CatalogUpdate {
    /// The snapshot stays: the report failed, or its result stands in for one that the daemon could not get.
    Keep,
    /// The result becomes the snapshot.
    Replace,
    /// The runtime has nothing to list any more.
    Delete,
}

/// What the catalog has of a runtime and a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// `None` once a report has deleted it. The time is kept, so that a late write of an earlier report does not bring its list back.
    pub result: Option<Payload>,
    /// The time of the report.
    pub stored_at: Timestamp,
}

impl Snapshot {
    /// What the catalog keeps of a report that was recorded at `stored_at`, if it changes the catalog.
    pub fn of_report(outcome: &RequestOutcome, update: CatalogUpdate, stored_at: Timestamp) -> Option<Self> {
        let result = match (update, outcome) {
            (CatalogUpdate::Keep, _) => return None,
            (CatalogUpdate::Replace, RequestOutcome::Completed(result)) => Some(result.clone()),
            (CatalogUpdate::Replace | CatalogUpdate::Delete, _) => None,
        };
        Some(Self { result, stored_at })
    }

    /// Whether it replaces `stored`.
    pub fn is_newer_than(&self, stored: Option<&Self>) -> bool {
        stored.is_none_or(|stored| stored.stored_at < self.stored_at)
    }

    /// The snapshot as rings of `runtime` are answered with it, if they are. Removal of a runtime invalidates its snapshot: when it is
    /// registered again, its registration is newer.
    pub fn served(self, runtime: &Runtime, now: Timestamp) -> Option<ServedSnapshot> {
        let is_kept = now.since(self.stored_at) <= CATALOG_RETENTION;
        let is_valid = is_kept && self.stored_at >= runtime.registered_at && runtime.is_online(now);
        let result = self.result.filter(|_| is_valid)?;
        Some(ServedSnapshot { result, stored_at: self.stored_at })
    }
}

/// A snapshot that answers a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedSnapshot {
    pub result: Payload,
    /// The time of the report.
    pub stored_at: Timestamp,
}

impl ServedSnapshot {
    /// Whether it is too young to be refreshed.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.stored_at) < CATALOG_FRESHNESS
    }
}
