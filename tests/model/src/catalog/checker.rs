//! The properties of the catalog, and the catalog as stateright's model.

use stateright::{Model, Property};

use crate::catalog::design::{CatalogInvariant, CatalogScope, Content};
use crate::catalog::enabled::enabled;
use crate::catalog::protocol::CatalogProtocol;
use crate::catalog::state::{
    CatalogAction, CatalogCall, CatalogState, Read, Recorded, ReportStep, RingCall, SnapshotItem,
};

type Condition = fn(&CatalogProtocol, &CatalogState) -> bool;
type Applies = fn(&CatalogScope) -> bool;

const INVARIANTS: [(CatalogInvariant, &str, Condition); 5] = [
    (
        CatalogInvariant::IsNotOlder,
        "9 a cached answer is not older than an acknowledged report",
        |_, state| !state.broken.contains(&CatalogInvariant::IsNotOlder),
    ),
    (CatalogInvariant::IsRecorded, "9 a cached answer is a recorded outcome", |_, state| {
        !state.broken.contains(&CatalogInvariant::IsRecorded)
    }),
    (CatalogInvariant::IsOfRuntime, "9 a cached answer is of its runtime", |_, state| {
        !state.broken.contains(&CatalogInvariant::IsOfRuntime)
    }),
    (CatalogInvariant::IsOfOnlineRuntime, "9 a cached answer is of an online runtime", |_, state| {
        !state.broken.contains(&CatalogInvariant::IsOfOnlineRuntime)
    }),
    (CatalogInvariant::IsOfRegistration, "9 a cached answer is not from before a removal", |_, state| {
        !state.broken.contains(&CatalogInvariant::IsOfRegistration)
    }),
];

/// Conditions that some state of a scope must meet, so that the invariants do not hold vacuously.
const REACHABLE: [(&str, Applies, Condition); 9] = [
    ("the catalog answers a ring", always, |protocol, state| {
        half_read(state).is_some_and(|(ring, snapshot)| {
            let runtime = state.runtimes[ring.runtime];
            matches!(ring.read, Read::Snapshot(_)) && protocol.serves(runtime, snapshot, ring.began)
        })
    }),
    ("a ring of an offline runtime reads a snapshot", always, |protocol, state| {
        half_read(state)
            .is_some_and(|(ring, _)| !protocol.is_online(state.runtimes[ring.runtime], ring.began))
    }),
    ("the runtime is registered again between the reads of a ring", always, |_, state| {
        half_read(state).is_some_and(|(ring, _)| {
            let registered_at = state.runtimes[ring.runtime].registered_at;
            matches!(ring.read, Read::Runtime(read) if read.registered_at.is_some() && registered_at > read.registered_at)
        })
    }),
    ("a snapshot is written between the reads of a ring", always, |_, state| {
        state.ring.is_some_and(
            |ring| matches!(ring.read, Read::Snapshot(read) if read != state.snapshots[ring.runtime]),
        )
    }),
    ("a snapshot from before a removal is left", always, |_, state| {
        let items = state.snapshots.iter().zip(&state.runtimes);
        items.into_iter().any(|(snapshot, runtime)| {
            snapshot.is_some_and(|snapshot| runtime.registered_at.is_some_and(|at| snapshot.stored_at < at))
        })
    }),
    ("a repeated report finds its outcome", always, |protocol, state| {
        about_to_record(protocol, state, |report, recorded| recorded.report == report)
    }),
    ("a report is stale", has_two_authors, |protocol, state| {
        about_to_record(protocol, state, |report, recorded| recorded.report != report)
    }),
    (
        "a write meets a newer snapshot",
        |scope| scope.reports.len() > 2,
        |protocol, state| {
            about_to_write(protocol, state, |written, stored| written.stored_at < stored.stored_at)
        },
    ),
    ("a write meets a newer deletion", deletes, |protocol, state| {
        about_to_write(protocol, state, |written, stored| {
            let is_deletion = protocol.scope.reports[stored.report].content == Content::Nothing;
            is_deletion && written.stored_at < stored.stored_at
        })
    }),
];

fn always(_: &CatalogScope) -> bool {
    true
}

fn deletes(scope: &CatalogScope) -> bool {
    scope.reports.iter().any(|report| report.content == Content::Nothing)
}

fn has_two_authors(scope: &CatalogScope) -> bool {
    scope.reports.windows(2).any(|reports| reports[0].request == reports[1].request)
}

/// The ring in progress, and the snapshot that it has read or would read next.
fn half_read(state: &CatalogState) -> Option<(RingCall, SnapshotItem)> {
    let ring = state.ring?;
    let snapshot = match ring.read {
        Read::Snapshot(read) => read,
        Read::Runtime(_) => state.snapshots[ring.runtime],
    };
    Some((ring, snapshot?))
}

fn about_to_record(
    protocol: &CatalogProtocol,
    state: &CatalogState,
    condition: fn(usize, Recorded) -> bool,
) -> bool {
    state.calls.iter().any(|call| match call {
        CatalogCall::Report { report, step: ReportStep::Record, .. } => {
            let recorded = state.outcomes[protocol.scope.reports[*report].request];
            recorded.is_some_and(|recorded| condition(*report, recorded))
        }
        _ => false,
    })
}

fn about_to_write(
    protocol: &CatalogProtocol,
    state: &CatalogState,
    condition: impl Fn(SnapshotItem, SnapshotItem) -> bool,
) -> bool {
    let written = state.calls.iter().filter_map(|call| match *call {
        CatalogCall::Report { report, step: ReportStep::Write { recorded_at }, .. } => {
            Some(SnapshotItem { report, stored_at: recorded_at })
        }
        CatalogCall::Report { .. } => None,
        CatalogCall::LateWrite(snapshot) => Some(snapshot),
    });
    written.into_iter().any(|written| {
        let stored = state.snapshots[protocol.scope.reports[written.report].runtime];
        stored.is_some_and(|stored| condition(written, stored))
    })
}

impl Model for CatalogProtocol {
    type State = CatalogState;
    type Action = CatalogAction;

    fn init_states(&self) -> Vec<CatalogState> {
        vec![CatalogState::new(self.scope.faults)]
    }

    fn actions(&self, state: &CatalogState, actions: &mut Vec<CatalogAction>) {
        enabled(self, state, actions);
    }

    fn next_state(&self, state: &CatalogState, action: CatalogAction) -> Option<CatalogState> {
        let mut next = state.clone();
        self.apply(&mut next, action)?;
        next.calls.sort_unstable();
        (next != *state).then_some(next)
    }

    /// A mutated design has only the property that it breaks: the search then ends with the first counterexample.
    fn properties(&self) -> Vec<Property<Self>> {
        let broken = self.mutation.map(|(_, broken)| broken);
        let invariants =
            INVARIANTS.iter().filter(|(invariant, ..)| broken.is_none_or(|broken| broken == *invariant));
        let reachable = REACHABLE.iter().filter(|(_, applies, _)| broken.is_none() && applies(&self.scope));
        let reachable = reachable.map(|(name, _, condition)| Property::sometimes(name, *condition));
        invariants.map(|(_, name, holds)| Property::always(name, *holds)).chain(reachable).collect()
    }
}
