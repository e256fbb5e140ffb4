//! The protocol as stateright checks it.

use stateright::{Model, Property};

use crate::actions::{Action, enabled};
use crate::properties::{INVARIANTS, REACHABLE};
use crate::protocol::Protocol;
use crate::state::ModelState;

impl Model for Protocol {
    type State = ModelState;
    type Action = Action;

    fn init_states(&self) -> Vec<ModelState> {
        vec![ModelState::new(self.scope.faults)]
    }

    fn actions(&self, state: &ModelState, actions: &mut Vec<Action>) {
        enabled(self.scope, self.design, state, actions);
    }

    fn next_state(&self, state: &ModelState, action: Action) -> Option<ModelState> {
        let mut next = state.clone();
        self.apply(&mut next, action)?;
        next.sort_calls();
        Some(next)
    }

    /// A mutated design has only the property that it breaks: the search then ends with the first counterexample.
    fn properties(&self) -> Vec<Property<Self>> {
        let broken = self.design.0.map(|mutation| mutation.breaks());
        let invariants =
            INVARIANTS.iter().filter(|(invariant, _)| broken.is_none_or(|broken| broken == *invariant));
        let invariants = invariants.map(|(invariant, holds)| Property::always(invariant.name(), *holds));
        let reachable = REACHABLE.iter().filter(|_| broken.is_none());
        invariants.chain(reachable.map(|(name, condition)| Property::sometimes(name, *condition))).collect()
    }
}
