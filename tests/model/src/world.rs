//! The state of everything at once.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use doorbell_shared::id::ClaimId;
use uuid::Uuid;

use crate::call::Call;
use crate::history::History;
use crate::party::{Daemon, Question, Questions};
use crate::store::Store;
use crate::time::Moment;

/// One state of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    /// What time it is, but for skew.
    pub moment: Moment,
    /// The table.
    pub store: Store,
    held: [Questions; 2],
    /// What is under way, in an order that says nothing: [`settle`](Self::settle) makes it the same however it came about.
    pub calls: Vec<Call>,
    /// How many things may still go wrong.
    pub faults: u8,
    /// What everyone was told.
    pub history: History,
}

impl World {
    /// Nothing has happened yet.
    pub fn new(faults: u8) -> Self {
        Self { faults, ..Self::default() }
    }

    /// What `daemon` has been handed and not yet reported.
    pub fn held(&self, daemon: Daemon) -> Questions {
        self.held[daemon as usize]
    }

    pub(crate) fn hold(&mut self, daemon: Daemon, question: Question, held: bool) {
        self.held[daemon as usize][question] = held;
    }

    pub(crate) fn forget(&mut self, daemon: Daemon) {
        self.held[daemon as usize] = Questions::default();
    }

    /// The same, as if everything under way were lost.
    pub(crate) fn without_calls(&self) -> Self {
        let (store, history) = (self.store.clone(), self.history.clone());
        Self { store, history, calls: Vec::new(), ..*self }
    }

    /// A mark that nobody has. The lowest, so that marks nobody can meet any more do not make states differ.
    pub(crate) fn fresh_claim(&self) -> ClaimId {
        let stored = Question::ALL.iter().filter_map(|question| self.store.claim_of(*question));
        let taken: Vec<_> = stored.chain(self.calls.iter().filter_map(Call::claim)).collect();
        let mut claims = (1..).map(|number| ClaimId::from_uuid(Uuid::from_u128(number)));
        claims.find(|claim| !taken.contains(claim)).unwrap_or_else(|| unreachable!("few are taken"))
    }

    /// Puts the calls into their order.
    pub(crate) fn settle(&mut self) {
        if self.calls.len() > 1 {
            self.calls.sort_by_cached_key(|call| {
                let mut hasher = DefaultHasher::new();
                call.hash(&mut hasher);
                hasher.finish()
            });
        }
    }
}
