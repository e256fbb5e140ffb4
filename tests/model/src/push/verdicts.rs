//! Verdicts about the future of states, computed once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use crate::push::state::PushState;

#[derive(Debug, Default)]
pub struct PushVerdicts(Mutex<HashMap<u64, bool>>);

impl PushVerdicts {
    pub fn get(&self, future: &PushState, compute: impl FnOnce() -> bool) -> bool {
        let mut hasher = DefaultHasher::new();
        future.hash(&mut hasher);
        let key = hasher.finish();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        known.unwrap_or_else(|| {
            let verdict = compute();
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, verdict);
            verdict
        })
    }
}
