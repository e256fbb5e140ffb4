//! The transition of each action of the model of push.

use crate::push::actions::{HeartbeatFault, PushAction, PushFault};
use crate::push::design::{PushInvariant, PushMutation, PushScope};
use crate::push::heartbeat::Next;
use crate::push::state::{
    DaemonState, Event, HeartbeatStep, PresenceStep, Progress, PushCall, PushState, Session, Socket,
};
use crate::push::times::{CALL_ENDS, FALLBACK, LATEST_ARRIVAL, PLAIN, REDELIVERY, Ticks};
use crate::push::verdicts::PushVerdicts;

/// The design of push, or with one mutation.
#[derive(Debug)]
pub struct PushProtocol {
    pub scope: PushScope,
    pub mutation: Option<(PushMutation, PushInvariant)>,
    pub verdicts: PushVerdicts,
}

impl PushProtocol {
    pub fn new(scope: PushScope, mutation: Option<(PushMutation, PushInvariant)>) -> Self {
        Self { scope, mutation, verdicts: PushVerdicts::default() }
    }

    pub fn has(&self, mutation: PushMutation) -> bool {
        self.mutation.is_some_and(|(of, _)| of == mutation)
    }

    /// Returns `None` when the action is impossible.
    pub fn apply(&self, state: &mut PushState, action: PushAction) -> Option<()> {
        self.transition(state, action)?;
        if state.runtime.left == 0
            && let Some(ring) = &mut state.ring
        {
            ring.seen_offline = true;
        }
        state.forget_what_no_longer_matters();
        let starts = matches!(action, PushAction::Ring | PushAction::Heartbeat(Some(_)));
        (!starts || state.calls.len() <= self.scope.calls).then_some(())
    }

    fn transition(&self, state: &mut PushState, action: PushAction) -> Option<()> {
        match action {
            PushAction::Tick => tick(state),
            PushAction::Ring => self.ring(state)?,
            PushAction::RingOffline => self.ring_offline(state)?,
            PushAction::Poll => self.poll(state)?,
            PushAction::Heartbeat(fault) => self.send_heartbeat(state, fault)?,
            PushAction::GiveUp { call } => self.give_up(state, call)?,
            PushAction::Proceed { call, fault } => self.proceed(state, call, fault)?,
            PushAction::CrashInstance { call } => self.crash_instance(state, call)?,
            PushAction::Connect => state.connect(),
            PushAction::ReceiveLate => {
                let Socket::Up { late } = &mut state.daemon.socket else { return None };
                let message = late.take()?;
                state.receive(message);
            }
            PushAction::NoticeLoss => self.notice_loss(state),
            PushAction::LoseConnection(loss) => {
                fault_besides_hints(state);
                state.lose(loss);
            }
            PushAction::BrokerDrops | PushAction::OtherLeaves => state.end_session(),
            PushAction::StartPresence { doubled } => {
                state.faults -= u8::from(doubled);
                let step = self.start_presence(state, doubled);
                state.calls.extend(step.map(|step| PushCall::Presence { step }));
            }
            PushAction::DelayEvent => {
                state.faults -= 1;
                if let Some(ring) = &mut state.ring {
                    ring.calm = 0;
                }
                state.event = Event::Late;
            }
            PushAction::ApiDown => {
                fault_besides_hints(state);
                state.api_down = true;
            }
            PushAction::ApiUp => state.api_down = false,
            PushAction::CrashDaemon { silent } => {
                fault_besides_hints(state);
                state.crash_daemon(silent);
            }
            // The registration removes the lease.
            PushAction::RestartDaemon => {
                state.daemon = DaemonState::registered();
                state.runtime.seen = 0;
                state.write_presence(PLAIN, false);
            }
        }
        Some(())
    }

    fn send_heartbeat(&self, state: &mut PushState, fault: Option<HeartbeatFault>) -> Option<()> {
        if fault.is_some() {
            fault_besides_hints(state);
        }
        let connected = self.says_connected(state);
        state.daemon.wake = false;
        if !state.daemon.asleep || state.daemon.due == 0 {
            state.daemon.due = FALLBACK;
        }
        let late = PushCall::Heartbeat {
            awaited: false,
            connected,
            ends: LATEST_ARRIVAL,
            step: HeartbeatStep::Arrive,
        };
        match fault {
            Some(HeartbeatFault::Lost) => self.unanswered(state),
            Some(HeartbeatFault::Late) => {
                state.calls.push(late);
                self.unanswered(state);
            }
            Some(HeartbeatFault::ResponseLost) => match self.arrive(state, connected) {
                Next::Answer { .. } => self.unanswered(state),
                Next::Step(_) => return None,
            },
            None => {
                let next = self.arrive(state, connected);
                self.continue_heartbeat(state, true, connected, CALL_ENDS, next);
            }
        }
        Some(())
    }

    fn continue_heartbeat(
        &self,
        state: &mut PushState,
        awaited: bool,
        connected: bool,
        ends: Ticks,
        next: Next,
    ) {
        match next {
            Next::Step(step) => state.calls.push(PushCall::Heartbeat { awaited, connected, ends, step }),
            Next::Answer { interval, claimed } if awaited => {
                self.answered(state, connected, interval, claimed);
            }
            Next::Answer { .. } => {}
        }
    }

    fn give_up(&self, state: &mut PushState, call: usize) -> Option<()> {
        fault_besides_hints(state);
        let PushCall::Heartbeat { awaited, .. } = &mut state.calls[call] else { return None };
        *awaited = false;
        self.unanswered(state);
        Some(())
    }

    fn proceed(&self, state: &mut PushState, call: usize, fault: Option<PushFault>) -> Option<()> {
        let call = state.calls.remove(call);
        if let Some(fault) = fault {
            self.fault_of(state, &call, fault);
        }
        match call {
            PushCall::Heartbeat { awaited, connected, ends, step } => {
                let next = self.proceed_heartbeat(state, connected, step, fault)?;
                let ends = if step == HeartbeatStep::Arrive { CALL_ENDS } else { ends };
                self.continue_heartbeat(state, awaited, connected, ends, next);
            }
            PushCall::Put { .. } if fault.is_some() => return None,
            PushCall::Put { lease, fresh } => self.put(state, lease, fresh),
            PushCall::Notify { caller, step, fresh } => {
                self.proceed_notify(state, caller, step, fresh, fault)?;
            }
            PushCall::Presence { step } => {
                let next = self.proceed_presence(state, step, fault)?;
                state.calls.extend(next.map(|step| PushCall::Presence { step }));
            }
        }
        Some(())
    }

    fn crash_instance(&self, state: &mut PushState, call: usize) -> Option<()> {
        fault_besides_hints(state);
        match state.calls.remove(call) {
            PushCall::Heartbeat { awaited, .. } => {
                if awaited {
                    self.unanswered(state);
                }
            }
            // The client has no response.
            PushCall::Put { .. } => state.ring = None,
            PushCall::Notify { .. } => {
                state.ring = state.ring.take().filter(|ring| ring.accepted);
            }
            PushCall::Presence { step: PresenceStep::Wait { .. } } => return None,
            PushCall::Presence { .. } => state.event = Event::Due,
        }
        Some(())
    }

    /// Whatever becomes of a hint, a daemon can collect; if the API fails, the next poll sends another hint.
    fn fault_of(&self, state: &mut PushState, call: &PushCall, fault: PushFault) {
        let api = matches!(fault, PushFault::ApiError | PushFault::ApiTimeout);
        if matches!(call, PushCall::Notify { .. }) && (!api || self.scope.polls) {
            state.faults -= 1;
        } else {
            fault_besides_hints(state);
        }
    }
}

fn fault_besides_hints(state: &mut PushState) {
    state.faults -= 1;
    if let Some(ring) = &mut state.ring {
        ring.can = false;
        ring.calm = 0;
    }
}

fn tick(state: &mut PushState) {
    let PushState { runtime, ring, daemon, session, calls, .. } = state;
    runtime.left = runtime.left.saturating_sub(1);
    runtime.seen = (runtime.seen + 1).min(PLAIN);
    if let Some(ring) = ring {
        ring.age = (ring.age + 1).min(FALLBACK + 1);
        ring.calm += 1;
        ring.hinted = false;
        if let Progress::Running { leased } = &mut ring.request {
            *leased = (*leased + 1).min(REDELIVERY);
        }
    }
    // The other process is a daemon in the fallback.
    ring.take_if(|ring| {
        *session == Session::Other && ring.age > FALLBACK && ring.request == Progress::Pending
    });
    daemon.due = daemon.due.saturating_sub(1);
    daemon.unanswered = daemon.unanswered.saturating_sub(1);
    if let Socket::Dead { age } = &mut daemon.socket {
        *age += 1;
    }
    if let Session::Silent { age } = session {
        *age += 1;
    }
    calls.retain_mut(|call| match call {
        PushCall::Heartbeat { ends, .. } => {
            let goes_on = *ends > 0;
            *ends = ends.saturating_sub(1);
            goes_on
        }
        PushCall::Presence { step: PresenceStep::Wait { ticks } } => {
            *ticks -= 1;
            true
        }
        _ => true,
    });
}
