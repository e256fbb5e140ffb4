//! When a hint is followed by a heartbeat: at once, but at most once a second and runtime. A hint within that second is followed at
//! its end, so none is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use doorbell_protocol::RuntimeId;
use tokio::time::Instant;

/// The shortest time between two heartbeats that hints of one runtime cause.
const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Hints {
    /// When the heartbeat of a runtime is due.
    due: BTreeMap<RuntimeId, Instant>,
    /// When the last one was sent.
    sent: BTreeMap<RuntimeId, Instant>,
}

impl Hints {
    pub(crate) fn add(&mut self, runtime: RuntimeId, now: Instant) {
        let earliest = self.sent.get(&runtime).map_or(now, |sent| now.max(*sent + INTERVAL));
        self.add_at(runtime, earliest);
    }

    /// A heartbeat at `due`, unless one is due earlier.
    pub(crate) fn add_at(&mut self, runtime: RuntimeId, due: Instant) {
        self.due.entry(runtime).and_modify(|at| *at = due.min(*at)).or_insert(due);
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.values().min().copied()
    }

    /// The runtimes whose heartbeat is sent now.
    pub(crate) fn take_due(&mut self, now: Instant) -> BTreeSet<RuntimeId> {
        let is_due = |(_, due): &(&RuntimeId, &Instant)| **due <= now;
        let taken: BTreeSet<_> = self.due.iter().filter(is_due).map(|(runtime, _)| *runtime).collect();
        self.due.retain(|_, due| *due > now);
        self.sent.retain(|_, sent| now < *sent + INTERVAL);
        self.sent.extend(taken.iter().map(|runtime| (*runtime, now)));
        taken
    }

    /// A heartbeat of all runtimes serves every hint that came before it.
    pub(crate) fn clear(&mut self) {
        self.due.clear();
    }
}
