//! Which actions a state enables.

use crate::push::actions::{HeartbeatFault, Loss, PushAction, PushFault};
use crate::push::design::PushMutation;
use crate::push::notify::may_poll;
use crate::push::protocol::PushProtocol;
use crate::push::state::{Event, HeartbeatStep, PresenceStep, PushCall, PushState, Session, Socket};
use crate::push::times::{BROKER_NOTICES, DAEMON_NOTICES, OFFLINE_LIMIT};

const FAULTS: [PushFault; 6] = [
    PushFault::MessageLost,
    PushFault::AcknowledgementLost,
    PushFault::MessageLate,
    PushFault::MessageDoubled,
    PushFault::ApiError,
    PushFault::ApiTimeout,
];

const LOSSES: [Loss; 5] = [
    Loss::Closed,
    Loss::HalfOpen,
    Loss::ClosedAtBroker,
    Loss::TakenOver { noticed: true },
    Loss::TakenOver { noticed: false },
];

pub fn enabled(protocol: &PushProtocol, state: &PushState, actions: &mut Vec<PushAction>) {
    if state.ring.as_ref().is_some_and(|ring| ring.calm > OFFLINE_LIMIT) {
        return;
    }
    let due = due(protocol, state);
    if due.is_empty() {
        actions.push(PushAction::Tick);
    }
    actions.extend(due);
    optional(state, actions);
    if state.faults > 0 {
        faults(protocol, state, actions);
    }
}

/// What happens before time passes.
pub fn due(protocol: &PushProtocol, state: &PushState) -> Vec<PushAction> {
    let mut actions = Vec::new();
    let daemon = &state.daemon;
    for (call, in_progress) in state.calls.iter().enumerate() {
        let waits = match in_progress {
            PushCall::Heartbeat { awaited, .. } => !awaited,
            PushCall::Presence { step: PresenceStep::Wait { ticks } } => *ticks > 0,
            _ => false,
        };
        if !waits {
            actions.push(PushAction::Proceed { call, fault: None });
        }
    }
    let notices = match daemon.socket {
        Socket::Closing => true,
        Socket::Dead { age } => age >= DAEMON_NOTICES && !protocol.has(PushMutation::NoKeepAlive),
        _ => false,
    };
    if daemon.alive && notices {
        actions.push(PushAction::NoticeLoss);
    }
    if daemon.alive && (daemon.wake || daemon.due == 0) && !state.heartbeat_in_progress() {
        actions.push(PushAction::Heartbeat(None));
    }
    if silence(state).is_some_and(|age| age >= BROKER_NOTICES) {
        actions.push(PushAction::BrokerDrops);
    }
    if state.event == Event::Due {
        actions.push(PushAction::StartPresence { doubled: false });
    }
    if protocol.scope.polls && state.ring.as_ref().is_some_and(may_poll) {
        actions.push(PushAction::Poll);
    }
    actions
}

/// How long the broker has heard nothing.
fn silence(state: &PushState) -> Option<u8> {
    match (&state.session, &state.daemon.socket) {
        (Session::Current, Socket::Dead { age }) | (Session::Silent { age }, _) => Some(*age),
        _ => None,
    }
}

/// What may happen now or later.
fn optional(state: &PushState, actions: &mut Vec<PushAction>) {
    let daemon = &state.daemon;
    if state.ring.is_none() {
        actions.push(if state.runtime.left > 0 { PushAction::Ring } else { PushAction::RingOffline });
    }
    for (call, in_progress) in state.calls.iter().enumerate() {
        if let PushCall::Heartbeat { awaited: false, .. } = in_progress {
            actions.push(PushAction::Proceed { call, fault: None });
        }
    }
    if PushProtocol::may_connect(state) {
        actions.push(PushAction::Connect);
    }
    match daemon.socket {
        Socket::Up { late: Some(_) } => actions.push(PushAction::ReceiveLate),
        Socket::Dead { age } if daemon.alive && age < DAEMON_NOTICES => actions.push(PushAction::NoticeLoss),
        _ => {}
    }
    if silence(state).is_some_and(|age| age < BROKER_NOTICES) {
        actions.push(PushAction::BrokerDrops);
    }
    if state.session == Session::Other {
        actions.push(PushAction::OtherLeaves);
    }
    if state.event == Event::Late {
        actions.push(PushAction::StartPresence { doubled: false });
    }
    if state.api_down {
        actions.push(PushAction::ApiUp);
    }
    if !daemon.alive {
        actions.push(PushAction::RestartDaemon);
    }
}

fn faults(protocol: &PushProtocol, state: &PushState, actions: &mut Vec<PushAction>) {
    let daemon = &state.daemon;
    for (call, in_progress) in state.calls.iter().enumerate() {
        actions.push(PushAction::CrashInstance { call });
        let sends = match in_progress {
            PushCall::Heartbeat { awaited, step, .. } => {
                if *awaited {
                    actions.push(PushAction::GiveUp { call });
                }
                matches!(step, HeartbeatStep::Hello(_))
            }
            PushCall::Put { .. } => false,
            PushCall::Notify { .. } => true,
            PushCall::Presence { step } => matches!(step, PresenceStep::Ask { .. }),
        };
        if sends {
            actions.extend(FAULTS.map(|fault| PushAction::Proceed { call, fault: Some(fault) }));
        }
    }
    if daemon.alive {
        if (daemon.wake || daemon.due == 0) && !state.heartbeat_in_progress() {
            let faults = [HeartbeatFault::Lost, HeartbeatFault::Late, HeartbeatFault::ResponseLost];
            actions.extend(faults.map(|fault| PushAction::Heartbeat(Some(fault))));
        }
        actions.extend([true, false].map(|silent| PushAction::CrashDaemon { silent }));
    }
    if matches!(daemon.socket, Socket::Up { .. }) && state.session == Session::Current {
        actions.extend(LOSSES.map(PushAction::LoseConnection));
    }
    if state.event == Event::Due {
        actions.push(PushAction::StartPresence { doubled: true });
        if protocol.scope.polls {
            actions.push(PushAction::DelayEvent);
        }
    }
    if protocol.scope.polls && !state.api_down {
        actions.push(PushAction::ApiDown);
    }
}
