//! Verdicts about the future of states, computed once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::design::Invariant;
use crate::state::ModelState;

/// The verdicts so far. A future depends on less than a state, so many states share one.
#[derive(Debug, Default)]
pub struct Verdicts(Mutex<HashMap<u64, bool>>);

impl Verdicts {
    /// Two futures count as one when their 64-bit hashes are equal, as states do.
    pub fn get(&self, property: Invariant, state: &ModelState, compute: impl FnOnce() -> bool) -> bool {
        let ModelState { instant, table, in_flight, trace, .. } = state;
        let mut hasher = DefaultHasher::new();
        let initiations = trace.requests.each_ref().map(|request| request.initiation);
        (property, instant, table, in_flight, initiations).hash(&mut hasher);
        let key = hasher.finish();
        let known = self.lock().get(&key).copied();
        known.unwrap_or_else(|| {
            let verdict = compute();
            self.lock().insert(key, verdict);
            verdict
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, bool>> {
        // A panic fails the test anyway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
