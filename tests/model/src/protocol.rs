//! The transition of each action.

use doorbell_protocol::Timestamp;

use crate::actions::{Action, StepFault};
use crate::actors::{Clocks, Daemon, Instance, REQUESTS};
use crate::design::{Invariant, Mutation, Scope};
use crate::handlers::{Step, report_call};
use crate::state::{Call, HeartbeatStep, ModelState};
use crate::store::Context;
use crate::trace::Initiation;

/// The design as it is built, or with one mutation.
#[derive(Clone, Debug)]
pub struct Protocol {
    pub scope: Scope,
    pub mutation: Option<(Mutation, Invariant)>,
    clocks: Clocks,
}

impl Protocol {
    pub fn new(scope: Scope, mutation: Option<(Mutation, Invariant)>, start: Timestamp) -> Self {
        Self { scope, mutation, clocks: Clocks::starting_at(start) }
    }

    pub fn now(&self, state: &ModelState, instance: Instance) -> Timestamp {
        self.clocks.now(instance, state.instant)
    }

    pub fn context<'a>(&self, state: &'a mut ModelState, instance: Instance) -> Context<'a> {
        let now = self.now(state, instance);
        Context { state, mutation: self.mutation.map(|(mutation, _)| mutation), now }
    }

    /// Returns `None` when the action is impossible or changes nothing.
    pub fn apply(&self, state: &mut ModelState, action: Action) -> Option<()> {
        match action {
            Action::AdvanceTime => state.instant = state.instant.next(self.scope.until)?,
            Action::Initiate { request, instance } => {
                let call = self.context(state, instance).start_initiate(request);
                state.calls.push(call);
            }
            Action::Poll { request, instance, stale_read } => {
                let before = state.trace.clone();
                let call = self.context(state, instance).start_poll(request, stale_read);
                if call.is_none() && before == state.trace {
                    return None;
                }
                state.calls.extend(call);
            }
            Action::Heartbeat { daemon, instance, duplicated } => {
                let call = self.context(state, instance).start_heartbeat(daemon, instance);
                if call.is_none() && !duplicated {
                    return None;
                }
                state.calls.extend(call);
                state.faults -= u8::from(duplicated);
                let in_flight = state.in_flight[daemon as usize];
                let duplicate =
                    Call::Heartbeat { from: None, instance, in_flight, step: HeartbeatStep::List };
                state.calls.extend(duplicated.then_some(duplicate));
            }
            Action::Report { daemon, request, instance, fault } => {
                state.calls.push(report_call(daemon, request));
                if state.calls.len() > self.scope.calls {
                    return None;
                }
                self.proceed(state, state.calls.len() - 1, instance, fault)?;
            }
            Action::Proceed { call, instance, fault } => self.proceed(state, call, instance, fault)?,
            Action::CrashInstance { call } => {
                state.faults -= 1;
                if let Call::Initiate { request, .. } = state.calls.remove(call) {
                    state.trace.requests[request].initiation = Initiation::Abandoned;
                }
            }
            Action::CrashDaemon { daemon, reported } => crash_daemon(state, daemon, reported),
        }
        (state.calls.len() <= self.scope.calls).then_some(())
    }

    /// Lets a call take its next step.
    pub fn proceed(
        &self,
        state: &mut ModelState,
        call: usize,
        instance: Instance,
        fault: Option<StepFault>,
    ) -> Option<()> {
        state.faults -= u8::from(fault.is_some());
        let call = state.calls.remove(call);
        let mut context = self.context(state, instance);
        let step = match call {
            Call::Initiate { request, now } => context.proceed_initiate(request, now, fault),
            Call::Poll { request, read, now } => context.proceed_poll(request, read, now, fault),
            Call::Heartbeat { from, instance, in_flight, step } => {
                context.proceed_heartbeat(from, instance, in_flight, step, fault)
            }
            Call::Report { from, request, author } => context.proceed_report(from, request, author, fault),
        };
        if let Step::InProgress(call) = step? {
            state.calls.push(call);
        }
        Some(())
    }
}

/// The calls of a crashed daemon go on without a receiver.
fn crash_daemon(state: &mut ModelState, daemon: Daemon, reported: bool) {
    state.faults -= 1;
    for call in state.calls.iter_mut().filter(|call| call.from() == Some(daemon)) {
        *call = call.clone().without_sender();
    }
    let in_flight = std::mem::take(&mut state.in_flight[daemon as usize]);
    let sent = REQUESTS.into_iter().filter(|request| in_flight[*request] && reported);
    state.calls.extend(sent.map(|request| report_call(daemon, request).without_sender()));
}
