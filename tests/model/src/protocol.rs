//! The transition of each action.

use doorbell_shared::time::Timestamp;

use crate::actions::{Action, Fault};
use crate::actors::{Clocks, Daemon, Instance};
use crate::design::{Design, Mutation, Scope};
use crate::handlers::{
    Step, proceed_initiate, proceed_poll, proceed_report, start_initiate, start_poll, start_report,
};
use crate::heartbeat::{duplicate_heartbeat, proceed_heartbeat, start_heartbeat};
use crate::state::{Call, Context, Initiation, ModelState};

#[derive(Clone, Debug)]
pub struct Protocol {
    pub design: Design,
    pub scope: Scope,
    clocks: Clocks,
}

impl Protocol {
    pub fn new(scope: Scope, start: Timestamp) -> Self {
        Self { design: Design(None), scope, clocks: Clocks::starting_at(start) }
    }

    #[must_use]
    pub fn with_mutation(self, mutation: Mutation) -> Self {
        Self { design: Design(Some(mutation)), ..self }
    }

    pub fn now(&self, state: &ModelState, instance: Instance) -> Timestamp {
        self.clocks.now(instance, state.instant)
    }

    pub fn context<'a>(&self, state: &'a mut ModelState, instance: Instance) -> Context<'a> {
        let now = self.now(state, instance);
        Context { state, design: self.design, now }
    }

    /// Returns `None` when the action is impossible or changes nothing.
    pub fn apply(&self, state: &mut ModelState, action: Action) -> Option<()> {
        match action {
            Action::AdvanceTime => {
                state.instant = state.instant.next().filter(|next| next.seconds() <= self.scope.until)?;
            }
            Action::Initiate { request, instance } => {
                let call = start_initiate(&mut self.context(state, instance), request);
                self.send(state, call)?;
            }
            Action::Poll { request, instance, stale_read } => {
                let before = state.trace.clone();
                match start_poll(&mut self.context(state, instance), request, stale_read) {
                    Some(call) => self.send(state, call)?,
                    None => (before != state.trace).then_some(())?,
                }
            }
            Action::Heartbeat { daemon, instance, duplicated } => {
                self.heartbeat(state, daemon, instance, duplicated)?;
            }
            Action::Report { daemon, request, instance, fault } => {
                self.send(state, start_report(daemon, request))?;
                self.proceed_within_scope(state, state.calls.len() - 1, instance, fault)?;
            }
            Action::Proceed { call, instance, fault } => {
                self.proceed_within_scope(state, call, instance, fault)?;
            }
            Action::CrashInstance { call } => {
                state.faults -= 1;
                if let Call::Initiate { request, .. } = state.calls.remove(call) {
                    state.trace.set_initiation(request, Initiation::Abandoned);
                }
            }
            Action::CrashDaemon { daemon, reported } => self.crash_daemon(state, daemon, reported)?,
        }
        Some(())
    }

    /// Lets a call take its next step.
    pub fn proceed(
        &self,
        state: &mut ModelState,
        call: usize,
        instance: Instance,
        fault: Option<Fault>,
    ) -> Option<()> {
        let call = state.calls.remove(call);
        let context = &mut self.context(state, instance);
        let step = match call {
            Call::Initiate { request, now } => proceed_initiate(context, request, now, fault),
            Call::Poll { request, read, now } => proceed_poll(context, request, read, now, fault),
            Call::Heartbeat { from, instance, in_flight, step } => {
                proceed_heartbeat(context, from, instance, in_flight, step, fault)
            }
            Call::Report { from, request, author } => proceed_report(context, from, request, author, fault),
        };
        if let Step::InProgress(call) = step? {
            state.calls.push(call);
        }
        Some(())
    }

    fn proceed_within_scope(
        &self,
        state: &mut ModelState,
        call: usize,
        instance: Instance,
        fault: Option<Fault>,
    ) -> Option<()> {
        state.faults -= u8::from(fault.is_some());
        self.proceed(state, call, instance, fault)?;
        (state.calls.len() <= self.scope.calls).then_some(())
    }

    fn send(&self, state: &mut ModelState, call: Call) -> Option<()> {
        state.calls.push(call);
        (state.calls.len() <= self.scope.calls).then_some(())
    }

    fn heartbeat(
        &self,
        state: &mut ModelState,
        daemon: Daemon,
        instance: Instance,
        duplicated: bool,
    ) -> Option<()> {
        let context = self.context(state, instance);
        let call = start_heartbeat(&context, daemon, instance);
        let duplicate = duplicated.then(|| duplicate_heartbeat(&context, daemon, instance));
        if call.is_none() && duplicate.is_none() {
            return None;
        }
        state.faults -= u8::from(duplicated);
        call.into_iter().chain(duplicate).try_for_each(|call| self.send(state, call))
    }

    /// The calls of a crashed daemon go on without a receiver.
    fn crash_daemon(&self, state: &mut ModelState, daemon: Daemon, reported: bool) -> Option<()> {
        state.faults -= 1;
        for call in state.calls.iter_mut().filter(|call| call.from() == Some(daemon)) {
            *call = call.clone().without_sender();
        }
        let in_flight = std::mem::take(state.in_flight_mut(daemon));
        let mut sent = in_flight
            .iter()
            .filter(|_| reported)
            .map(|request| start_report(daemon, request).without_sender());
        sent.try_for_each(|call| self.send(state, call))
    }
}
