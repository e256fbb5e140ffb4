//! The properties that the checker evaluates in every state.

use doorbell_shared::limits::{PENDING_DEADLINE, RUNNING_DEADLINE};
use doorbell_shared::request::{Lapse, Request, State};
use doorbell_shared::time::Timestamp;

use crate::actors::{Daemon, Instance, RequestIndex};
use crate::design::Invariant;
use crate::protocol::Protocol;
use crate::recovery::completes_after_loss;
use crate::state::{Call, HeartbeatStep, ModelState};

pub type Condition = fn(&Protocol, &ModelState) -> bool;

/// The trace checks what concerns a response; the rest is read from the table.
pub const INVARIANTS: [(Invariant, Condition); 10] = [
    (Invariant::OneWinner, |_, state| !state.trace.breaks(Invariant::OneWinner)),
    (Invariant::WinnerGetsRequest, |_, state| !state.trace.breaks(Invariant::WinnerGetsRequest)),
    (Invariant::TerminalIsFinal, |_, state| !state.trace.breaks(Invariant::TerminalIsFinal)),
    (Invariant::AcknowledgedIsStored, |_, state| !state.trace.breaks(Invariant::AcknowledgedIsStored)),
    (Invariant::StaleIsNotStored, |_, state| !state.trace.breaks(Invariant::StaleIsNotStored)),
    (Invariant::NothingIsStuck, |protocol, state| !is_stuck(protocol, state)),
    (Invariant::OpenHasWorkHint, |protocol, state| !lacks_work_hint(protocol, state)),
    (Invariant::FirstComeFirstServed, |_, state| !state.trace.breaks(Invariant::FirstComeFirstServed)),
    (Invariant::LossCostsTimeOnly, completes_after_loss),
    (Invariant::InFlightIsNotRedelivered, |_, state| {
        !state.trace.breaks(Invariant::InFlightIsNotRedelivered)
    }),
];

/// Conditions that some state must meet: without them the invariants could hold because nothing happens.
pub const REACHABLE: [(&str, Condition); 10] = [
    ("completed after a redelivery", |_, state| {
        any_stored(state, |request, stored| {
            matches!(stored.state, State::Completed(_)) && state.trace.of(request).deliveries() > 1
        })
    }),
    ("timed out pending", |_, state| has_timed_out(state, Lapse::Unclaimed)),
    ("timed out running", |_, state| has_timed_out(state, Lapse::Unfinished)),
    ("the clocks disagree about a deadline", |protocol, state| {
        let [ahead, behind] = Instance::ALL.map(|instance| protocol.now(state, instance));
        any_stored(state, |_, stored| stored.lapse(ahead) != stored.lapse(behind))
    }),
    ("the write of a timeout meets a result", |_, state| {
        state.calls.iter().any(|call| match call {
            Call::Poll { request, .. } => {
                state.store.get(*request).is_some_and(|stored| matches!(stored.state, State::Completed(_)))
            }
            _ => false,
        })
    }),
    ("a report is stale", |_, state| {
        Daemon::ALL.iter().any(|daemon| {
            any_stored(state, |request, stored| {
                state.in_flight(*daemon)[request]
                    && stored.state.status().is_terminal()
                    && !daemon.is_author_of(stored)
            })
        })
    }),
    ("a retried claim meets its own lease token", |_, state| {
        state.calls.iter().any(|call| has_won(state, call))
    }),
    ("a retried report meets its own outcome", |_, state| {
        state.calls.iter().any(|call| match call {
            Call::Report { request, author, .. } => {
                state.store.get(*request).is_some_and(|stored| author.is_author_of(stored))
            }
            _ => false,
        })
    }),
    ("a request is in flight at both daemons", |_, state| {
        let [a, b] = Daemon::ALL.map(|daemon| state.in_flight(daemon));
        RequestIndex::ALL.iter().any(|request| a[*request] && b[*request])
    }),
    ("the retention of a shown result has ended", |protocol, state| {
        let now = protocol.now(state, Instance::Ahead);
        let shown = RequestIndex::ALL.iter().filter_map(|request| state.trace.of(*request).shown.as_ref());
        shown.into_iter().any(|shown| !shown.is_readable(now))
    }),
];

fn is_stuck(protocol: &Protocol, state: &ModelState) -> bool {
    any_on_some_clock(protocol, state, |request, now| {
        is_open(request, now) && now.since(request.created_at) > PENDING_DEADLINE + RUNNING_DEADLINE
    })
}

fn lacks_work_hint(protocol: &Protocol, state: &ModelState) -> bool {
    let in_progress = |stored: &Request| {
        state.calls.iter().any(|call| match call {
            Call::Initiate { request, .. } => state.store.get(*request) == Some(stored),
            _ => false,
        })
    };
    any_on_some_clock(protocol, state, |request, now| {
        is_open(request, now) && !state.store.has_work_hint(now) && !in_progress(request)
    })
}

fn is_open(request: &Request, now: Timestamp) -> bool {
    !request.state.status().is_terminal() && request.lapse(now).is_none()
}

fn any_on_some_clock(
    protocol: &Protocol,
    state: &ModelState,
    condition: impl Fn(&Request, Timestamp) -> bool,
) -> bool {
    let clocks = Instance::ALL.map(|instance| protocol.now(state, instance));
    any_stored(state, |_, stored| clocks.iter().any(|now| condition(stored, *now)))
}

fn any_stored(state: &ModelState, condition: impl Fn(RequestIndex, &Request) -> bool) -> bool {
    RequestIndex::ALL
        .into_iter()
        .any(|request| state.store.get(request).is_some_and(|stored| condition(request, stored)))
}

fn has_timed_out(state: &ModelState, reason: Lapse) -> bool {
    any_stored(state, |_, stored| stored.state == State::Timeout(reason))
}

/// Whether the claim of a heartbeat is applied, and its response lost.
fn has_won(state: &ModelState, call: &Call) -> bool {
    let Call::Heartbeat { step: HeartbeatStep::Claim { candidates, token }, .. } = call else { return false };
    let first = candidates.first();
    first.is_some_and(|candidate| state.store.lease_token(candidate.request) == Some(*token))
}
