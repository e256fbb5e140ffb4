//! A ring that the catalog may answer, and what must be true of the answer.

use doorbell_shared::presence::Presence;
use doorbell_shared::runtime::Runtime;

use crate::catalog::design::{CatalogInvariant, CatalogMutation};
use crate::catalog::protocol::CatalogProtocol;
use crate::catalog::state::{
    CatalogState, Item, Read, Recorded, RingCall, RuntimeItem, Sent, SnapshotItem, Tick,
};

impl CatalogProtocol {
    pub fn begin_ring(&self, state: &CatalogState, runtime: usize, first: Item) -> RingCall {
        let acknowledged = self.scope.reports.iter().enumerate().filter_map(|(report, planned)| {
            let recorded = state.outcomes[planned.request].filter(|recorded| recorded.report == report)?;
            let counts = planned.runtime == runtime && state.sent[report] == Sent::Acknowledged;
            counts.then_some(recorded.at)
        });
        RingCall {
            runtime,
            began: state.now,
            read: self.read(state, runtime, first),
            newest: acknowledged.max(),
            removed_at: state.removed_at[runtime],
            was_online: self.is_online(state.runtimes[runtime], state.now),
        }
    }

    /// `None` if the ring has read this item already.
    pub fn answer_ring(&self, state: &mut CatalogState, other: Item) -> Option<()> {
        let ring = state.ring.take()?;
        let (runtime, snapshot) = match (ring.read, self.read(state, ring.runtime, other)) {
            (Read::Runtime(runtime), Read::Snapshot(snapshot))
            | (Read::Snapshot(snapshot), Read::Runtime(runtime)) => (runtime, snapshot),
            _ => return None,
        };
        let served = snapshot.filter(|snapshot| self.serves(runtime, *snapshot, ring.began));
        if let Some(served) = served {
            self.check(state, ring, served);
        }
        Some(())
    }

    fn read(&self, state: &CatalogState, runtime: usize, item: Item) -> Read {
        let snapshot = self.snapshot_of(runtime);
        match item {
            Item::Runtime => Read::Runtime(state.runtimes[runtime]),
            Item::Snapshot { stale: false } => Read::Snapshot(state.snapshots[snapshot]),
            Item::Snapshot { stale: true } => Read::Snapshot(state.previous[snapshot]),
        }
    }

    /// Whether a ring of `began` that has read these items is answered with the snapshot.
    pub fn serves(&self, item: RuntimeItem, snapshot: SnapshotItem, began: Tick) -> bool {
        let now = self.time(began);
        let runtime = self.runtime(item);
        runtime.is_some_and(|runtime| self.snapshot(snapshot).served(&runtime, now).is_some())
    }

    pub fn is_online(&self, item: RuntimeItem, now: Tick) -> bool {
        let seen = item.registered_at.and(item.seen_at);
        seen.is_some_and(|seen| Presence::plain(self.time(seen)).is_online(self.time(now)))
    }

    /// The item as the code has it.
    fn runtime(&self, RuntimeItem { registered_at, seen_at }: RuntimeItem) -> Option<Runtime> {
        let mut runtime = Runtime { registered_at: self.time(registered_at?), ..self.runtime.clone() };
        if self.has(CatalogMutation::RegistrationIgnored) {
            runtime.registered_at = self.time(0);
        }
        runtime.presence = match seen_at {
            _ if self.has(CatalogMutation::PresenceIgnored) => Presence::plain(self.time(self.scope.until)),
            Some(seen) => Presence::plain(self.time(seen)),
            None => Presence::offline(self.time(0)),
        };
        Some(runtime)
    }

    fn check(&self, state: &mut CatalogState, ring: RingCall, answer: SnapshotItem) {
        let planned = self.scope.reports[answer.report];
        let recorded = state.outcomes[planned.request].filter(|recorded| recorded.report == answer.report);
        // A repeated report must not make its outcome newer.
        let made_at = recorded.map_or(answer.stored_at, |Recorded { at, .. }| at);
        let holds = [
            (CatalogInvariant::IsNotOlder, ring.newest.is_none_or(|newest| made_at >= newest)),
            (CatalogInvariant::IsRecorded, recorded.is_some()),
            (CatalogInvariant::IsOfRuntime, planned.runtime == ring.runtime),
            (CatalogInvariant::IsOfOnlineRuntime, ring.was_online),
            (CatalogInvariant::IsOfRegistration, ring.removed_at.is_none_or(|removed| made_at > removed)),
        ];
        for (invariant, holds) in holds {
            if !holds && !state.broken.contains(&invariant) {
                state.broken.push(invariant);
            }
        }
    }
}
