//! The properties that the checker evaluates in every state, and the protocol as stateright's model.

use doorbell_protocol::limits::{PENDING_DEADLINE, RUNNING_DEADLINE};
use doorbell_shared::request::{Request, State, TimeoutReason};
use stateright::{Model, Property};

use crate::actions::Action;
use crate::actors::{Daemon, Instance, REQUESTS};
use crate::design::{Invariant, Scope};
use crate::enabled::enabled;
use crate::protocol::Protocol;
use crate::recovery::{completes_after_loss, empties_open_set, full_queue_accepts};
use crate::state::{Call, HeartbeatStep, InitiateStep, ModelState};
use crate::trace::Initiation;

type Condition = fn(&Protocol, &ModelState) -> bool;
type Applies = fn(&Scope) -> bool;

/// The trace checks invariants of responses; the others are read from the table.
const INVARIANTS: [(Invariant, &str, Condition); 12] = [
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
        let clocks = Instance::ALL.map(|instance| protocol.now(state, instance));
        !state.table.any(|_, request| {
            let longest = request.deadlines.pending + request.deadlines.running;
            clocks.iter().any(|now| request.is_open(*now) && now.since(request.created_at) > longest)
        })
    }),
    (Invariant::OpenHasId, "4 nothing is stuck: an open request is in the open set", |protocol, state| {
        REQUESTS.into_iter().all(|index| {
            let is_open = |stored: &Request| is_open_on_a_clock(protocol, state, stored);
            state.table.open[index].is_some()
                || !state.table.get(index).is_some_and(is_open)
                || state.trace.requests[index].initiation == Initiation::InProgress
        })
    }),
    (Invariant::IdsDoNotStick, "4 nothing is stuck: ids leave the open set", empties_open_set),
    (
        Invariant::FullQueueAccepts,
        "4 nothing is stuck: a full open set of ended requests accepts a ring",
        full_queue_accepts,
    ),
    (Invariant::FirstComeFirstServed, "5 first come, first served", |_, state| {
        !state.trace.breaks(Invariant::FirstComeFirstServed)
    }),
    (Invariant::LossCostsTimeOnly, "7 a lost message costs time, not the answer", completes_after_loss),
    (Invariant::InFlightIsNotRedelivered, "7 a request in flight is not redelivered", |_, state| {
        !state.trace.breaks(Invariant::InFlightIsNotRedelivered)
    }),
];

/// Conditions that some state of a scope must meet, so that the invariants do not hold vacuously.
const REACHABLE: [(&str, Applies, Condition); 15] = [
    ("completed after a redelivery", in_main_scope, |_, state| {
        state.table.any(|request, stored| {
            let deliveries = state.trace.requests[request].deliveries.count_ones();
            matches!(stored.state, State::Completed(_)) && deliveries > 1
        })
    }),
    ("timed out pending", in_main_scope, |_, state| has_timed_out(state, TimeoutReason::NotClaimed)),
    ("timed out running", in_main_scope, |_, state| has_timed_out(state, TimeoutReason::NotReported)),
    ("the clocks disagree about a deadline", in_main_scope, |protocol, state| {
        let [ahead, behind] = Instance::ALL.map(|instance| protocol.now(state, instance));
        state.table.any(|_, stored| stored.timeout_reason(ahead) != stored.timeout_reason(behind))
    }),
    ("the write of a timeout meets a result", in_main_scope, |_, state| {
        state.table.any(|request, stored| {
            let polled = |call: &Call| matches!(call, Call::Poll { request: of, .. } if *of == request);
            matches!(stored.state, State::Completed(_)) && state.calls.iter().any(polled)
        })
    }),
    ("a report is stale", in_main_scope, |_, state| {
        state.table.any(|request, stored| {
            let stale =
                |daemon: &Daemon| state.in_flight[*daemon as usize][request] && !daemon.is_author_of(stored);
            stored.state.status().is_terminal() && Daemon::ALL.iter().any(stale)
        })
    }),
    ("a retried claim meets its own lease token", in_main_scope, |_, state| {
        state.calls.iter().any(|call| match call {
            Call::Heartbeat { step: HeartbeatStep::Claim { candidates, token, .. }, .. } => {
                let lease = candidates.first().and_then(|first| state.table.lease(*first));
                lease.is_some_and(|lease| lease.token == *token)
            }
            _ => false,
        })
    }),
    ("a retried report meets its own outcome", in_main_scope, |_, state| {
        state.calls.iter().any(|call| match call {
            Call::Report { request, author, .. } => {
                state.table.get(*request).is_some_and(|stored| author.is_author_of(stored))
            }
            _ => false,
        })
    }),
    ("a request is in flight at both daemons", in_main_scope, |_, state| {
        let [a, b] = state.in_flight;
        REQUESTS.iter().any(|request| a[*request] && b[*request])
    }),
    ("the retention of a shown result has ended", in_main_scope, |protocol, state| {
        let now = protocol.now(state, Instance::Ahead);
        let mut shown = state.trace.requests.iter().filter_map(|request| request.shown.as_ref());
        shown.any(|shown| !shown.0.is_readable(now))
    }),
    (
        "the id of an ended request is in the open set",
        |scope| scope.faults > 0,
        |_, state| {
            state.table.any(|request, stored| {
                stored.state.status().is_terminal()
                    && state.table.open[request].is_some()
                    && state.calls.is_empty()
            })
        },
    ),
    (
        "an orphan is removed",
        |scope| scope.until > 9,
        |_, state| {
            let is_gone =
                |index: &usize| state.table.open[*index].is_none() && state.table.get(*index).is_none();
            let is_abandoned =
                |index: &usize| state.trace.requests[*index].initiation == Initiation::Abandoned;
            REQUESTS.iter().any(|index| is_gone(index) && is_abandoned(index))
        },
    ),
    (
        "an initiate has cleaned a full open set",
        |scope| scope.capacity < scope.requests,
        |_, state| {
            let is_cleaned =
                |call: &Call| matches!(call, Call::Initiate { step: InitiateStep::AddAgain, .. });
            state.calls.iter().any(is_cleaned) && state.table.open == [None, None]
        },
    ),
    (
        "cancelled while running",
        |scope| scope.cancels,
        |_, state| {
            state.table.any(|request, stored| {
                stored.state == State::Cancelled && state.trace.requests[request].deliveries > 0
            })
        },
    ),
    (
        "claimed and completed after a long offline time",
        |scope| !scope.queue.is_zero(),
        |_, state| {
            state.table.any(|_, stored| {
                let age = stored.updated_at.since(stored.created_at);
                matches!(stored.state, State::Completed(_)) && age > PENDING_DEADLINE + RUNNING_DEADLINE
            })
        },
    ),
];

/// The scope with two faults and all instants.
fn in_main_scope(scope: &Scope) -> bool {
    scope.faults >= 2
}

fn is_open_on_a_clock(protocol: &Protocol, state: &ModelState, request: &Request) -> bool {
    Instance::ALL.into_iter().any(|instance| request.is_open(protocol.now(state, instance)))
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
        enabled(self, state, actions);
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
        let reachable = REACHABLE.iter().filter(|(_, applies, _)| broken.is_none() && applies(&self.scope));
        let reachable = reachable.map(|(name, _, condition)| Property::sometimes(name, *condition));
        invariants.map(|(_, name, holds)| Property::always(name, *holds)).chain(reachable).collect()
    }
}
