//! The transition of each action.

use doorbell_protocol::Timestamp;
use doorbell_shared::limits::CALL_TIMEOUT;

use crate::actions::{Action, StepFault};
use crate::actors::{Clocks, Daemon, Instance, Instant, REQUESTS};
use crate::design::{Invariant, Mutation, Scope};
use crate::handlers::{Step, report_call};
use crate::state::{Call, HeartbeatStep, ModelState};
use crate::store::Context;
use crate::trace::Initiation;
use crate::verdicts::Verdicts;

/// The design as it is built, or with one mutation.
#[derive(Debug)]
pub struct Protocol {
    pub scope: Scope,
    pub mutation: Option<(Mutation, Invariant)>,
    pub clocks: Clocks,
    pub verdicts: Verdicts,
}

impl Protocol {
    pub fn new(scope: Scope, mutation: Option<(Mutation, Invariant)>, start: Timestamp) -> Self {
        Self {
            scope,
            mutation,
            clocks: Clocks::starting_at(start, scope.instants),
            verdicts: Verdicts::default(),
        }
    }

    pub fn now(&self, state: &ModelState, instance: Instance) -> Timestamp {
        self.clocks.now(instance, state.instant)
    }

    pub fn has(&self, mutation: Mutation) -> bool {
        self.mutation.is_some_and(|(of, _)| of == mutation)
    }

    pub fn context<'a>(&'a self, state: &'a mut ModelState, instance: Instance) -> Context<'a> {
        let now = self.now(state, instance);
        let mutation = self.mutation.map(|(mutation, _)| mutation);
        Context { state, scope: &self.scope, mutation, now }
    }

    /// Returns `None` when the action is impossible or changes nothing.
    pub fn apply(&self, state: &mut ModelState, action: Action) -> Option<()> {
        match action {
            Action::AdvanceTime => self.advance_time(state)?,
            Action::Initiate { request, instance } => self.initiate(state, request, instance)?,
            Action::Poll { request, instance, stale_read } => {
                let before = state.trace.clone();
                let call = self.context(state, instance).start_poll(request, stale_read);
                if call.is_none() && before == state.trace {
                    return None;
                }
                state.calls.extend(call);
            }
            Action::Cancel { request, instance, fault } => {
                let before = fault.is_none().then(|| state.clone());
                let call = Call::Cancel { request, now: self.now(state, instance) };
                self.start(state, call, instance, fault)?;
                if before.is_some_and(|before| before == *state) {
                    return None;
                }
            }
            Action::Heartbeat { daemon, instance, duplicated } => {
                let call = self.heartbeat(state, daemon, instance);
                if call.is_none() && !duplicated {
                    return None;
                }
                state.calls.extend(call);
                state.faults -= u8::from(duplicated);
                let in_flight = state.in_flight[daemon as usize];
                let duplicate =
                    Call::Heartbeat { from: None, instance, in_flight, step: HeartbeatStep::Record };
                state.calls.extend(duplicated.then_some(duplicate));
            }
            Action::Report { daemon, request, instance, fault } => {
                self.start(state, report_call(daemon, request), instance, fault)?;
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

    /// An initiate in progress is cut off after `CALL_TIMEOUT`: its client has no response, and nothing more is written.
    fn advance_time(&self, state: &mut ModelState) -> Option<()> {
        let instant = state.instant.next();
        let seconds = self.clocks.seconds(instant).filter(|seconds| *seconds <= self.scope.until)?;
        state.instant = instant;
        let is_late = |started: Instant| {
            self.clocks.seconds(started).is_some_and(|started| seconds - started > CALL_TIMEOUT.as_secs())
                && !self.has(Mutation::InitiateWithoutTimeout)
        };
        let trace = &mut state.trace;
        state.calls.retain(|call| match call {
            Call::Initiate { request, started, .. } if is_late(*started) => {
                trace.requests[*request].initiation = Initiation::Abandoned;
                false
            }
            _ => true,
        });
        Some(())
    }

    pub fn initiate(&self, state: &mut ModelState, request: usize, instance: Instance) -> Option<()> {
        let step = self.context(state, instance).start_initiate(request)?;
        state.trace.requests[request].initiation = Initiation::InProgress;
        state.calls.push(Call::Initiate { request, instance, started: state.instant, step });
        Some(())
    }

    pub fn heartbeat(&self, state: &mut ModelState, daemon: Daemon, instance: Instance) -> Option<Call> {
        let in_flight = state.in_flight[daemon as usize];
        let step = self.context(state, instance).start_heartbeat(in_flight)?;
        Some(Call::Heartbeat { from: Some(daemon), instance, in_flight, step })
    }

    /// Starts a call with its first step.
    fn start(
        &self,
        state: &mut ModelState,
        call: Call,
        instance: Instance,
        fault: Option<StepFault>,
    ) -> Option<()> {
        if state.calls.len() >= self.scope.calls {
            return None;
        }
        state.calls.push(call);
        self.proceed(state, state.calls.len() - 1, instance, fault)
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
            Call::Initiate { request, instance, started, step } => {
                context.now = self.clocks.now(instance, started);
                match context.proceed_initiate(request, step, fault)? {
                    Step::InProgress(step) => {
                        Step::InProgress(Call::Initiate { request, instance, started, step })
                    }
                    Step::Done => Step::Done,
                }
            }
            Call::Poll { request, read, now } => context.proceed_poll(request, read, now, fault)?,
            Call::Cancel { request, now } => context.proceed_cancel(request, now, fault)?,
            Call::Heartbeat { from, instance, in_flight, step } => {
                match context.proceed_heartbeat(from, in_flight, step, fault)? {
                    Step::InProgress(step) => {
                        Step::InProgress(Call::Heartbeat { from, instance, in_flight, step })
                    }
                    Step::Done => Step::Done,
                }
            }
            Call::Report { from, request, author } => context.proceed_report(from, request, author, fault)?,
            Call::Removal { ids } => {
                context.proceed_removal(ids);
                Step::Done
            }
        };
        if let Step::InProgress(call) = step {
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
