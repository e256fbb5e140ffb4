//! The properties of push, and push as stateright's model.

use stateright::{Model, Property};

use crate::push::actions::PushAction;
use crate::push::design::PushInvariant;
use crate::push::enabled::enabled;
use crate::push::protocol::PushProtocol;
use crate::push::recovery::presence_returns;
use crate::push::state::{Event, Message, Progress, PushState, RingState, Session, Socket};
use crate::push::times::{FALLBACK, OFFLINE_LIMIT, PLAIN};

type Condition = fn(&PushProtocol, &PushState) -> bool;

const INVARIANTS: [(PushInvariant, &str, Condition); 5] = [
    (PushInvariant::OnlinePicksUp, "8 online means it picks up: claimed within 15 s", |_, state| {
        !waits(state, |ring| ring.age > FALLBACK && ring.can && ring.lived)
    }),
    (
        PushInvariant::CannotIsOffline,
        "8 online means it picks up: claimed or offline within 60 s",
        |_, state| !waits(state, |ring| ring.calm > OFFLINE_LIMIT && !ring.seen_offline),
    ),
    (
        PushInvariant::ClaimIsReceived,
        "7 a lost message costs time, not the answer: under push",
        |_, state| {
            !state.ring.as_ref().is_some_and(|ring| {
                let lost = matches!(ring.request, Progress::Running { .. }) && ring.calm > OFFLINE_LIMIT;
                lost && ring.accepted && ring.lived
            })
        },
    ),
    (
        PushInvariant::EventEndsLease,
        "8 online means it picks up: a lease ends with its connection",
        |_, state| {
            let leased = state.runtime.lease && state.runtime.left > PLAIN;
            !(leased
                && state.session == Session::None
                && state.event == Event::None
                && state.calls.is_empty())
        },
    ),
    (PushInvariant::PresenceReturns, "8 online means it picks up: presence returns", presence_returns),
];

/// Conditions that some state must meet, so that the invariants do not hold vacuously.
const REACHABLE: [(&str, Condition); 8] = [
    ("a daemon sleeps with a lease", |_, state| state.daemon.asleep && state.runtime.lease),
    ("a ring finds a sleeping daemon", |_, state| state.daemon.asleep && state.ring.is_some()),
    ("a hint wakes a sleeping daemon", |_, state| state.daemon.asleep && state.daemon.wake),
    ("a late hello is on its way", |_, state| {
        matches!(state.daemon.socket, Socket::Up { late: Some(Message::Hello) })
    }),
    ("a request waits for a runtime that became offline", |_, state| waits(state, |ring| ring.seen_offline)),
    ("a claim was not received", |_, state| {
        let running = |ring: &RingState| matches!(ring.request, Progress::Running { leased } if leased > 0);
        state.ring.as_ref().is_some_and(running)
    }),
    ("a daemon sleeps on a dead socket", |_, state| {
        state.daemon.asleep && matches!(state.daemon.socket, Socket::Dead { .. })
    }),
    ("another process has the client id", |_, state| state.session == Session::Other),
];

fn waits(state: &PushState, condition: fn(&RingState) -> bool) -> bool {
    let is_pending = |ring: &&RingState| ring.accepted && ring.request == Progress::Pending;
    state.ring.as_ref().filter(is_pending).is_some_and(condition)
}

impl Model for PushProtocol {
    type State = PushState;
    type Action = PushAction;

    fn init_states(&self) -> Vec<PushState> {
        vec![PushState::new(self.scope.faults)]
    }

    fn actions(&self, state: &PushState, actions: &mut Vec<PushAction>) {
        enabled(self, state, actions);
    }

    fn next_state(&self, state: &PushState, action: PushAction) -> Option<PushState> {
        let mut next = state.clone();
        self.apply(&mut next, action)?;
        next.sort_calls();
        (next != *state).then_some(next)
    }

    /// A mutated design has only the property that it breaks: the search then ends with the first counterexample.
    fn properties(&self) -> Vec<Property<Self>> {
        let broken = self.mutation.map(|(_, broken)| broken);
        let invariants =
            INVARIANTS.iter().filter(|(invariant, ..)| broken.is_none_or(|broken| broken == *invariant));
        let reachable = REACHABLE.iter().filter(|_| broken.is_none());
        let reachable = reachable.map(|(name, condition)| Property::sometimes(name, *condition));
        invariants.map(|(_, name, holds)| Property::always(name, *holds)).chain(reachable).collect()
    }
}
