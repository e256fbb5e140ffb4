//! A property of the future: presence returns. The calls in progress are lost, and nothing fails afterwards.

use crate::push::actions::PushAction;
use crate::push::enabled::due;
use crate::push::protocol::PushProtocol;
use crate::push::state::{PushCall, PushState};
use crate::push::times::{OFFLINE_LIMIT, Ticks};

/// A live daemon is online after 60 s, or after the heartbeat that the next ring causes.
pub fn presence_returns(protocol: &PushProtocol, state: &PushState) -> bool {
    if !state.daemon.alive {
        return true;
    }
    let future = without_calls(protocol, state);
    protocol.verdicts.get(&future, || {
        let mut state = future.clone();
        for _ in 0..=OFFLINE_LIMIT {
            settle(protocol, &mut state);
            let _ = protocol.apply(&mut state, PushAction::Tick);
        }
        settle(protocol, &mut state);
        if state.runtime.left == 0 && protocol.apply(&mut state, PushAction::RingOffline).is_some() {
            settle(protocol, &mut state);
        }
        state.runtime.left > 0
    })
}

fn without_calls(protocol: &PushProtocol, state: &PushState) -> PushState {
    let gives_up = state.heartbeat_in_progress();
    let mut state = state.clone();
    state.calls.retain(|call| matches!(call, PushCall::Presence { .. }));
    if gives_up {
        protocol.unanswered(&mut state);
    }
    PushState { ring: None, faults: 0, api_down: false, ..state }
}

/// Everything happens that is due.
fn settle(protocol: &PushProtocol, state: &mut PushState) {
    const STEPS: Ticks = 100;
    for _ in 0..STEPS {
        let Some(action) = due(protocol, state).into_iter().next() else { return };
        let applied = protocol.apply(state, action);
        debug_assert!(applied.is_some(), "an action that is due is possible");
    }
    debug_assert!(false, "nothing is due for ever");
}
