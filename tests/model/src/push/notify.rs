//! The hint of an initiate or a poll, and what follows its outcome.

use crate::push::actions::PushFault;
use crate::push::channel::Delivery;
use crate::push::design::PushMutation;
use crate::push::protocol::PushProtocol;
use crate::push::state::{
    Caller, Message, NotifyStep, Progress, PushCall, PushState, RingState, Session, Socket,
};
use crate::push::times::PLAIN;

impl PushProtocol {
    /// Adds the id and reads the lease. Returns `None` if the runtime is shown offline.
    pub fn ring(&self, state: &mut PushState) -> Option<()> {
        let earlier = |call: &PushCall| matches!(call, PushCall::Put { .. } | PushCall::Notify { .. });
        if state.ring.is_some() || state.runtime.left == 0 || state.calls.iter().any(earlier) {
            return None;
        }
        let lease = state.runtime.lease;
        if lease && self.has(PushMutation::HintBeforePut) {
            state.calls.push(notify(Caller::EarlyInitiate, NotifyStep::Hint, true));
        } else {
            add_id(state);
            state.calls.push(PushCall::Put { lease, fresh: true });
        }
        Some(())
    }

    /// The ring is rejected. The hint wakes a daemon whose lease has ended without its knowledge.
    pub fn ring_offline(&self, state: &mut PushState) -> Option<()> {
        let silent = self.has(PushMutation::OfflineRingIsSilent) || !state.runtime.lease;
        if state.runtime.left > 0 || silent || state.ring.is_some() {
            return None;
        }
        state.send(Message::Hint, None).map(drop)
    }

    pub fn put(&self, state: &mut PushState, lease: bool, fresh: bool) {
        let Some(ring) = &mut state.ring else { return };
        ring.request = Progress::Pending;
        if lease {
            state.calls.push(notify(Caller::Initiate, NotifyStep::Hint, fresh));
        } else {
            ring.accepted = true;
        }
    }

    pub fn poll(&self, state: &mut PushState) -> Option<()> {
        let lease = state.runtime.lease;
        let ring = state.ring.as_mut().filter(|ring| may_poll(ring))?;
        ring.hinted = true;
        if lease && !self.has(PushMutation::NoHintByPoll) {
            state.calls.push(notify(Caller::Poll, NotifyStep::Hint, true));
        }
        Some(())
    }

    /// Returns `None` if the fault is impossible.
    pub fn proceed_notify(
        &self,
        state: &mut PushState,
        caller: Caller,
        step: NotifyStep,
        fresh: bool,
        fault: Option<PushFault>,
    ) -> Option<()> {
        let next = match step {
            NotifyStep::Hint => self.after_hint(state.send(Message::Hint, fault)?),
            NotifyStep::Disconnect => self.disconnect_step(state, fault)?,
            _ if fault.is_some() => return None,
            NotifyStep::End { connected } => {
                if fresh {
                    state.end_lease();
                }
                if !connected && caller == Caller::Initiate {
                    withdraw_if_offline(state);
                }
                let disconnects = connected && self.has(PushMutation::DisconnectAfterEndLease);
                disconnects.then_some(NotifyStep::Disconnect)
            }
            NotifyStep::Shorten => {
                if fresh && state.runtime.lease && state.runtime.left > PLAIN {
                    state.write_presence(PLAIN, true);
                }
                None
            }
        };
        match next {
            Some(step) => state.calls.push(notify(caller, step, fresh)),
            None if caller == Caller::EarlyInitiate => {
                add_id(state);
                state.calls.push(PushCall::Put { lease: false, fresh });
            }
            None if caller == Caller::Initiate => accept(state),
            None => {}
        }
        Some(())
    }

    fn after_hint(&self, delivery: Delivery) -> Option<NotifyStep> {
        match delivery {
            Delivery::Delivered => None,
            Delivery::NotConnected => Some(NotifyStep::End { connected: false }),
            Delivery::Unacknowledged if self.ends_lease_first() => Some(NotifyStep::End { connected: true }),
            Delivery::Unacknowledged => Some(NotifyStep::Disconnect),
            Delivery::Failed => (!self.has(PushMutation::ErrorKeepsLease)).then_some(NotifyStep::Shorten),
        }
    }

    fn ends_lease_first(&self) -> bool {
        self.has(PushMutation::DisconnectAfterEndLease)
            || self.has(PushMutation::UnacknowledgedKeepsConnection)
    }

    fn disconnect_step(&self, state: &mut PushState, fault: Option<PushFault>) -> Option<Option<NotifyStep>> {
        let after = |step| (!self.has(PushMutation::DisconnectAfterEndLease)).then_some(step);
        match fault {
            None if state.api_down => Some(after(NotifyStep::Shorten)),
            Some(PushFault::ApiError) if !state.api_down => Some(after(NotifyStep::Shorten)),
            None => {
                state.disconnect();
                Some(after(NotifyStep::End { connected: true }))
            }
            Some(_) => None,
        }
    }
}

pub fn may_poll(ring: &RingState) -> bool {
    ring.accepted && ring.request == Progress::Pending && ring.age > 0 && !ring.hinted
}

fn notify(caller: Caller, step: NotifyStep, fresh: bool) -> PushCall {
    PushCall::Notify { caller, step, fresh }
}

fn add_id(state: &mut PushState) {
    let silent = matches!(state.daemon.socket, Socket::Dead { .. }) || state.session == Session::Other;
    state.ring = Some(RingState {
        request: Progress::Added,
        age: 0,
        calm: 0,
        accepted: false,
        hinted: false,
        seen_offline: false,
        lived: state.daemon.alive,
        can: state.daemon.alive && !silent && !state.api_down,
    });
}

fn accept(state: &mut PushState) {
    if let Some(ring) = &mut state.ring {
        ring.accepted = true;
    }
}

/// A pending request of a runtime that is offline is cancelled, and the ring is answered 503.
fn withdraw_if_offline(state: &mut PushState) {
    let pending = state.ring.as_ref().is_some_and(|ring| ring.request == Progress::Pending);
    if pending && state.runtime.left == 0 {
        state.ring = None;
    }
}

impl PushState {
    /// The daemon stays online for 45 s after its last heartbeat.
    pub fn end_lease(&mut self) {
        if self.runtime.lease {
            self.write_presence(PLAIN - self.runtime.seen, false);
        }
    }
}
