//! The properties that the checker evaluates in every state, and the protocol as stateright's model.

use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::{PENDING_DEADLINE, RUNNING_DEADLINE};
use doorbell_shared::request::{Request, State, TimeoutReason};
use stateright::{Model, Property};

use crate::actions::{Action, enabled};
use crate::actors::{Daemon, Instance, REQUESTS};
use crate::design::Invariant;
use crate::protocol::Protocol;
use crate::recovery::completes_after_loss;
use crate::state::{Call, HeartbeatStep, ModelState};

type Condition = fn(&Protocol, &ModelState) -> bool;

/// The trace checks invariants of responses; the others are read from the table.
const INVARIANTS: [(Invariant, &str, Condition); 10] = [
    (Invariant::OneWinner, "1 one winner", |_, state| !state.trace.breaks(Invariant::OneWinner)),
    (Invariant::WinnerGetsRequest, "1 one winner: the winner gets the request", |_, state| {
        !state.trace.breaks(Invariant::WinnerGetsRequest)
    }),
    (Invariant::TerminalIsFinal, "2 terminal is final", |_, state| {
        !state.trace.breaks(Invariant::TerminalIsFinal)
    }),
    (Invariant::AcknowledgedIsStored, "3 acknowledged is stored", |_, state| {
        !state.trace.breaks(Invariant::AcknowledgedIsStored)
    }),
    (Invariant::StaleIsNotStored, "3 acknowledged is stored: stale is not stored", |_, state| {
        !state.trace.breaks(Invariant::StaleIsNotStored)
    }),
    (Invariant::NothingIsStuck, "4 nothing is stuck", |protocol, state| {
        !any_open(protocol, state, |request, now| {
            now.since(request.created_at) > PENDING_DEADLINE + RUNNING_DEADLINE
        })
    }),
    (Invariant::OpenHasWorkHint, "4 nothing is stuck: an open request has a work hint", |protocol, state| {
        !any_open(protocol, state, |request, now| {
            !state.table.has_work_hint(now) && !has_initiate_in_progress(state, request)
        })
    }),
    (Invariant::FirstComeFirstServed, "5 first come, first served", |_, state| {
        !state.trace.breaks(Invariant::FirstComeFirstServed)
    }),
    (Invariant::LossCostsTimeOnly, "7 a lost message costs time, not the answer", completes_after_loss),
    (Invariant::InFlightIsNotRedelivered, "7 a request in flight is not redelivered", |_, state| {
        !state.trace.breaks(Invariant::InFlightIsNotRedelivered)
    }),
];

/// Conditions that some state must meet, so that the invariants do not hold vacuously.
const REACHABLE: [(&str, Condition); 10] = [
    ("completed after a redelivery", |_, state| {
        state.table.any(|request, stored| {
            let deliveries = state.trace.requests[request].deliveries.count_ones();
            matches!(stored.state, State::Completed(_)) && deliveries > 1
        })
    }),
    ("timed out pending", |_, state| has_timed_out(state, TimeoutReason::NotClaimed)),
    ("timed out running", |_, state| has_timed_out(state, TimeoutReason::NotReported)),
    ("the clocks disagree about a deadline", |protocol, state| {
        let [ahead, behind] = Instance::ALL.map(|instance| protocol.now(state, instance));
        state.table.any(|_, stored| stored.timeout_reason(ahead) != stored.timeout_reason(behind))
    }),
    ("the write of a timeout meets a result", |_, state| {
        state.table.any(|request, stored| {
            let polled = |call: &Call| matches!(call, Call::Poll { request: of, .. } if *of == request);
            matches!(stored.state, State::Completed(_)) && state.calls.iter().any(polled)
        })
    }),
    ("a report is stale", |_, state| {
        state.table.any(|request, stored| {
            let stale =
                |daemon: &Daemon| state.in_flight[*daemon as usize][request] && !daemon.is_author_of(stored);
            stored.state.status().is_terminal() && Daemon::ALL.iter().any(stale)
        })
    }),
    ("a retried claim meets its own lease token", |_, state| {
        state.calls.iter().any(|call| match call {
            Call::Heartbeat { step: HeartbeatStep::Claim { candidates, token }, .. } => {
                let first = candidates.first();
                first.is_some_and(|first| state.table.lease_token(first.request) == Some(*token))
            }
            _ => false,
        })
    }),
    ("a retried report meets its own outcome", |_, state| {
        state.calls.iter().any(|call| match call {
            Call::Report { request, author, .. } => {
                state.table.requests[*request].as_ref().is_some_and(|stored| author.is_author_of(stored))
            }
            _ => false,
        })
    }),
    ("a request is in flight at both daemons", |_, state| {
        let [a, b] = state.in_flight;
        REQUESTS.iter().any(|request| a[*request] && b[*request])
    }),
    ("the retention of a shown result has ended", |protocol, state| {
        let now = protocol.now(state, Instance::Ahead);
        let mut shown = state.trace.requests.iter().filter_map(|request| request.shown.as_ref());
        shown.any(|shown| !shown.is_readable(now))
    }),
];

/// Whether a request is open and meets the condition on one of the clocks.
fn any_open(
    protocol: &Protocol,
    state: &ModelState,
    condition: impl Fn(&Request, Timestamp) -> bool,
) -> bool {
    let clocks = Instance::ALL.map(|instance| protocol.now(state, instance));
    state.table.any(|_, request| {
        let open = |now| !request.state.status().is_terminal() && request.timeout_reason(now).is_none();
        clocks.iter().any(|now| open(*now) && condition(request, *now))
    })
}

fn has_initiate_in_progress(state: &ModelState, stored: &Request) -> bool {
    state.calls.iter().any(|call| match call {
        Call::Initiate { request, .. } => state.table.requests[*request].as_ref() == Some(stored),
        _ => false,
    })
}

fn has_timed_out(state: &ModelState, reason: TimeoutReason) -> bool {
    state.table.any(|_, stored| stored.state == State::Timeout(reason))
}

impl Model for Protocol {
    type State = ModelState;
    type Action = Action;

    fn init_states(&self) -> Vec<ModelState> {
        vec![ModelState { faults: self.scope.faults, ..ModelState::default() }]
    }

    fn actions(&self, state: &ModelState, actions: &mut Vec<Action>) {
        enabled(self.scope, self.mutation.map(|(mutation, _)| mutation), state, actions);
    }

    fn next_state(&self, state: &ModelState, action: Action) -> Option<ModelState> {
        let mut next = state.clone();
        self.apply(&mut next, action)?;
        next.sort_calls();
        Some(next)
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
