//! Invariant 7, checked in every state by continuing from it.
//!
//! All calls in progress are lost; afterwards all heartbeats and reports of one daemon arrive. At the first instant at
//! which the daemon may get an open request, the request must be completed. A request in flight at the other daemon is
//! left out.

use doorbell_protocol::Timestamp;
use doorbell_shared::limits::REDELIVERY_AFTER;
use doorbell_shared::request::{Request, State};

use crate::actors::{Daemon, Instance, REQUESTS};
use crate::handlers::report_call;
use crate::protocol::Protocol;
use crate::state::ModelState;

/// Checks each open request with each daemon and each clock.
pub fn completes_after_loss(protocol: &Protocol, state: &ModelState) -> bool {
    let open: Vec<_> = REQUESTS.into_iter().filter(|request| is_open(state, *request)).collect();
    open.is_empty()
        || Daemon::ALL.into_iter().all(|daemon| {
            Instance::ALL.into_iter().all(|instance| {
                let recovery = Recovery { protocol, daemon, instance };
                open.iter().all(|request| recovery.completes(state, *request))
            })
        })
}

fn is_open(state: &ModelState, request: usize) -> bool {
    state.table.requests[request].as_ref().is_some_and(|stored| !stored.state.status().is_terminal())
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
            let call =
                self.protocol.context(&mut state, self.instance).start_heartbeat(self.daemon, self.instance);
            state.calls.extend(call);
            self.finish_calls(&mut state);
            self.report_all(&mut state);
        }
        !is_open(&state, request)
    }

    /// The state at the first instant at which the daemon has the request or may get it, if the deadline is later.
    fn when_due(&self, state: &ModelState, request: usize) -> Option<ModelState> {
        let ModelState { table, trace, .. } = state;
        let mut state =
            ModelState { table: table.clone(), trace: trace.clone(), calls: Vec::new(), ..*state };
        loop {
            let stored = state.table.requests[request].as_ref()?;
            let now = self.protocol.now(&state, self.instance);
            if stored.timeout_reason(now).is_some() {
                return None;
            }
            if state.in_flight[self.daemon as usize][request] || is_due(stored, now) {
                return Some(state);
            }
            state.instant = state.instant.next(u64::MAX)?;
        }
    }

    fn report_all(&self, state: &mut ModelState) {
        let in_flight = state.in_flight[self.daemon as usize];
        let reports = REQUESTS.into_iter().filter(|request| in_flight[*request]);
        state.calls.extend(reports.map(|request| report_call(self.daemon, request)));
        self.finish_calls(state);
    }

    fn finish_calls(&self, state: &mut ModelState) {
        while !state.calls.is_empty() {
            let step = self.protocol.proceed(state, 0, self.instance, None);
            debug_assert!(step.is_some(), "a step without a fault is always possible");
        }
    }
}

/// Whether a heartbeat of a daemon that does not have the request may get it.
fn is_due(request: &Request, now: Timestamp) -> bool {
    match request.state {
        State::Pending => true,
        State::Running(_) => now.since(request.updated_at) > REDELIVERY_AFTER,
        _ => false,
    }
}
