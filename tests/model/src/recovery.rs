//! Properties of the future, checked in every state by continuing from it.
//!
//! All calls in progress are lost; afterwards all calls of one daemon arrive:
//!
//! - Invariant 7: at the first instant at which the daemon may get an open request, the request must be completed. A request in
//!   flight at the other daemon is left out.
//! - After all deadlines, one heartbeat must leave the open set empty.
//!
//! A full open set of ended requests must accept a ring.

use doorbell_protocol::Timestamp;
use doorbell_shared::limits::REDELIVERY_AFTER;
use doorbell_shared::request::{Request, State};

use crate::actors::{Daemon, Instance, REQUESTS};
use crate::design::Invariant;
use crate::handlers::report_call;
use crate::protocol::Protocol;
use crate::state::ModelState;
use crate::store::is_orphan;
use crate::trace::Initiation;

/// Checks each open request with each daemon and each clock.
pub fn completes_after_loss(protocol: &Protocol, state: &ModelState) -> bool {
    if REQUESTS.iter().all(|request| !is_open(state, *request)) {
        return true;
    }
    protocol.verdicts.get(Invariant::LossCostsTimeOnly, state, || {
        let open = || REQUESTS.into_iter().filter(|request| is_open(state, *request));
        Daemon::ALL.into_iter().all(|daemon| {
            Instance::ALL.into_iter().all(|instance| {
                let recovery = Recovery { protocol, daemon, instance };
                open().all(|request| recovery.completes(state, request))
            })
        })
    })
}

/// Checks each clock. Either daemon will do: it reports what it has in flight first, and then has nothing.
pub fn empties_open_set(protocol: &Protocol, state: &ModelState) -> bool {
    if state.table.open.iter().all(Option::is_none) {
        return true;
    }
    protocol.verdicts.get(Invariant::IdsDoNotStick, state, || {
        Instance::ALL.into_iter().all(|instance| {
            let recovery = Recovery { protocol, daemon: Daemon::A, instance };
            let mut state = without_calls(state);
            state.instant = protocol.clocks.last();
            recovery.report_all(&mut state);
            recovery.heartbeat(&mut state);
            state.table.open.iter().all(Option::is_none)
        })
    })
}

/// Checks each clock, with a request that was not made yet.
pub fn full_queue_accepts(protocol: &Protocol, state: &ModelState) -> bool {
    let is_new = |request: &usize| {
        state.trace.requests[*request].initiation == Initiation::NotStarted
            && state.table.open[*request].is_none()
    };
    let new = REQUESTS.into_iter().find(is_new);
    let is_full = state.table.open.iter().flatten().count() >= protocol.scope.capacity;
    let Some(request) = new.filter(|_| is_full) else { return true };
    protocol.verdicts.get(Invariant::FullQueueAccepts, state, || {
        Instance::ALL.into_iter().all(|instance| {
            if !has_ended_ids_only(state, protocol.now(state, instance)) {
                return true;
            }
            let mut state = without_calls(state);
            let started = protocol.initiate(&mut state, request, instance);
            finish_calls(protocol, &mut state, instance);
            started.is_some() && state.trace.requests[request].initiation == Initiation::Accepted
        })
    })
}

fn has_ended_ids_only(state: &ModelState, now: Timestamp) -> bool {
    REQUESTS.into_iter().all(|index| match (state.table.open[index], state.table.get(index)) {
        (None, _) => true,
        (Some(_), Some(request)) => request.has_ended(now),
        (Some(id), None) => is_orphan(id, now),
    })
}

fn is_open(state: &ModelState, request: usize) -> bool {
    state.table.get(request).is_some_and(|stored| !stored.state.status().is_terminal())
}

fn without_calls(state: &ModelState) -> ModelState {
    let ModelState { table, trace, .. } = state;
    ModelState { table: table.clone(), trace: trace.clone(), calls: Vec::new(), ..*state }
}

fn finish_calls(protocol: &Protocol, state: &mut ModelState, instance: Instance) {
    while !state.calls.is_empty() {
        let step = protocol.proceed(state, 0, instance, None);
        debug_assert!(step.is_some(), "a step without a fault is always possible");
    }
}

struct Recovery<'a> {
    protocol: &'a Protocol,
    daemon: Daemon,
    instance: Instance,
}

impl Recovery<'_> {
    fn completes(&self, state: &ModelState, request: usize) -> bool {
        let has = |other: &Daemon| *other != self.daemon && state.in_flight[*other as usize][request];
        if Daemon::ALL.iter().any(has) {
            return true;
        }
        let Some(mut state) = self.when_due(state, request) else { return true };
        self.report_all(&mut state);
        for _ in REQUESTS {
            self.heartbeat(&mut state);
            self.report_all(&mut state);
        }
        !is_open(&state, request)
    }

    /// The state at the first instant at which the daemon has the request or may get it, if the deadline is later.
    fn when_due(&self, state: &ModelState, request: usize) -> Option<ModelState> {
        let mut state = without_calls(state);
        loop {
            let stored = state.table.get(request)?;
            let now = self.protocol.now(&state, self.instance);
            if stored.timeout_reason(now).is_some() {
                return None;
            }
            if state.in_flight[self.daemon as usize][request] || is_due(stored, now) {
                return Some(state);
            }
            state.instant = state.instant.next();
            self.protocol.clocks.seconds(state.instant)?;
        }
    }

    fn heartbeat(&self, state: &mut ModelState) {
        let call = self.protocol.heartbeat(state, self.daemon, self.instance);
        state.calls.extend(call);
        finish_calls(self.protocol, state, self.instance);
    }

    fn report_all(&self, state: &mut ModelState) {
        let in_flight = state.in_flight[self.daemon as usize];
        let reports = REQUESTS.into_iter().filter(|request| in_flight[*request]);
        state.calls.extend(reports.map(|request| report_call(self.daemon, request)));
        finish_calls(self.protocol, state, self.instance);
    }
}

/// Whether a heartbeat of a daemon that does not have the request may get it.
fn is_due(request: &Request, now: Timestamp) -> bool {
    match request.state {
        State::Pending => true,
        State::Running(lease) => now.since(lease.leased_at) > REDELIVERY_AFTER,
        _ => false,
    }
}
