//! One state of the model of the catalog, and its actions.

use crate::catalog::design::CatalogInvariant;

/// 30 s.
pub type Tick = u8;

/// Most of them are used in one scope only.
pub const RUNTIMES: usize = 2;
pub const REPORTS: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CatalogState {
    pub now: Tick,
    pub runtimes: [RuntimeItem; RUNTIMES],
    pub snapshots: [Option<SnapshotItem>; RUNTIMES],
    /// What an eventually consistent read may return. Empty unless the design has such reads.
    pub previous: [Option<SnapshotItem>; RUNTIMES],
    /// The stored outcome of each request.
    pub outcomes: [Option<Recorded>; REPORTS],
    /// The daemon's side of each planned report.
    pub sent: [Sent; REPORTS],
    /// Kept in order: the order of calls in progress has no meaning.
    pub calls: Vec<CatalogCall>,
    /// Rings write nothing, so one at a time covers every answer.
    pub ring: Option<RingCall>,
    pub faults: u8,
    /// The end of the last removal of each runtime.
    pub removed_at: [Option<Tick>; RUNTIMES],
    pub broken: Vec<CatalogInvariant>,
}

/// A runtime that is not registered has no item: `registered_at` is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RuntimeItem {
    pub registered_at: Option<Tick>,
    /// The last heartbeat. `None` after a deregistration.
    pub seen_at: Option<Tick>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotItem {
    /// The index of the report that has written it.
    pub report: usize,
    pub stored_at: Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recorded {
    /// The index of the report.
    pub report: usize,
    pub at: Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// Not yet, or again because the last try has failed.
    No,
    InProgress,
    Acknowledged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CatalogCall {
    /// `awaited` unless the daemon has given up.
    Report { report: usize, awaited: bool, began: Tick, step: ReportStep },
    /// A write that has failed at its caller.
    LateWrite(SnapshotItem),
}

/// The next step of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportStep {
    Record,
    Write { recorded_at: Tick },
}

/// A ring that has read one of the two items. It begins with this read: what happens between the two can only help it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RingCall {
    pub runtime: usize,
    pub began: Tick,
    pub read: Read,
    /// The time of the newest report of the runtime that was acknowledged before the ring began.
    pub newest: Option<Tick>,
    /// The last removal before the ring began.
    pub removed_at: Option<Tick>,
    /// Whether the stored runtime was online when the ring began, or became so.
    pub was_online: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Read {
    Runtime(RuntimeItem),
    Snapshot(Option<SnapshotItem>),
}

/// An item that a ring reads. With `stale`, as it was before its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    Runtime,
    Snapshot { stale: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatalogAction {
    AdvanceTime,
    Heartbeat {
        runtime: usize,
    },
    Register {
        runtime: usize,
    },
    Deregister {
        runtime: usize,
    },
    Remove {
        runtime: usize,
    },
    Report {
        report: usize,
    },
    /// `call` is an index into the calls in progress.
    Proceed {
        call: usize,
        fault: Option<CatalogFault>,
    },
    CrashInstance {
        call: usize,
    },
    /// The daemon sends the report again while the call goes on.
    GiveUp {
        call: usize,
    },
    Ring {
        runtime: usize,
        first: Item,
    },
    /// The ring reads the other item, and is answered.
    Answer {
        other: Item,
    },
}

/// A fault of the last step of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatalogFault {
    ResponseLost,
    /// The write of the snapshot is not applied.
    WriteFailed,
    /// The write of the snapshot fails, and is applied later.
    WriteLate,
}

impl CatalogState {
    /// Both runtimes are registered and online.
    pub fn new(faults: u8) -> Self {
        Self {
            now: 0,
            runtimes: [RuntimeItem { registered_at: Some(0), seen_at: Some(0) }; RUNTIMES],
            snapshots: [None; RUNTIMES],
            previous: [None; RUNTIMES],
            outcomes: [None; REPORTS],
            sent: [Sent::No; REPORTS],
            calls: Vec::new(),
            ring: None,
            faults,
            removed_at: [None; RUNTIMES],
            broken: Vec::new(),
        }
    }
}
