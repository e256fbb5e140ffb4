//! The scope of an exploration of the catalog, the invariants, and the mutations that break them.

use crate::catalog::state::Tick;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogScope {
    pub reports: &'static [PlannedReport],
    /// The maximum number of faults in total.
    pub faults: u8,
    /// The maximum number of reports and late writes in progress.
    pub calls: usize,
    /// The last tick.
    pub until: Tick,
}

/// A report that its daemon sends until it is acknowledged. Two on one request are of different daemons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedReport {
    pub request: usize,
    pub runtime: usize,
    pub content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    List,
    /// The runtime has no models any more: the report deletes the snapshot.
    Nothing,
}

/// About each answer from the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CatalogInvariant {
    /// It is as new as every report of the runtime that was acknowledged before the ring began.
    IsNotOlder,
    /// It is the recorded outcome of its request, so polls of the request show the same.
    IsRecorded,
    /// It is of the runtime that was rung.
    IsOfRuntime,
    /// The stored runtime was online, at some time after the ring began.
    IsOfOnlineRuntime,
    /// No removal of the runtime that ended before the ring began is newer.
    IsOfRegistration,
}

/// A defect of the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatalogMutation {
    /// A report writes its snapshot before, or in parallel to, its outcome.
    SnapshotBeforeOutcome,
    /// A snapshot replaces a newer one.
    WriteWithoutCondition,
    /// A report without models deletes the item, and with it the time.
    DeletionRemovesItem,
    /// A report is acknowledged although the write of its snapshot has failed.
    FailedWriteAcknowledged,
    /// A repeated report, whose outcome is stored already, writes no snapshot.
    DuplicateWritesNothing,
    /// A repeated report writes its snapshot with the time of its repetition.
    DuplicateUsesOwnTime,
    /// A ring does not compare the time with the presence of the runtime.
    PresenceIgnored,
    /// A ring does not compare the snapshot with the registration of the runtime.
    RegistrationIgnored,
    /// A ring may read the snapshot as it was before its last change.
    EventuallyConsistentRead,
    /// All runtimes share one snapshot.
    KeyWithoutRuntime,
}

/// Each mutation with an invariant that it breaks.
pub const CATALOG_MUTATIONS: [(CatalogMutation, CatalogInvariant); 10] = [
    (CatalogMutation::SnapshotBeforeOutcome, CatalogInvariant::IsRecorded),
    (CatalogMutation::WriteWithoutCondition, CatalogInvariant::IsNotOlder),
    (CatalogMutation::DeletionRemovesItem, CatalogInvariant::IsNotOlder),
    (CatalogMutation::FailedWriteAcknowledged, CatalogInvariant::IsNotOlder),
    (CatalogMutation::DuplicateWritesNothing, CatalogInvariant::IsNotOlder),
    (CatalogMutation::DuplicateUsesOwnTime, CatalogInvariant::IsNotOlder),
    (CatalogMutation::PresenceIgnored, CatalogInvariant::IsOfOnlineRuntime),
    (CatalogMutation::RegistrationIgnored, CatalogInvariant::IsOfRegistration),
    (CatalogMutation::EventuallyConsistentRead, CatalogInvariant::IsNotOlder),
    (CatalogMutation::KeyWithoutRuntime, CatalogInvariant::IsOfRuntime),
];
