//! The actions of the actors, and which of them a state enables. `Protocol::apply` drops those that change nothing.

use crate::actors::{Daemon, Instance, REQUESTS};
use crate::design::{Mutation, Scope};
use crate::state::{Call, ModelState};
use crate::trace::Initiation;

/// `call` is an index into [`ModelState::calls`]. A crashed daemon restarts without memory; with `reported`, it has sent
/// its reports just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    AdvanceTime,
    Initiate { request: usize, instance: Instance },
    Poll { request: usize, instance: Instance, stale_read: bool },
    Heartbeat { daemon: Daemon, instance: Instance, duplicated: bool },
    Report { daemon: Daemon, request: usize, instance: Instance, fault: Option<StepFault> },
    Proceed { call: usize, instance: Instance, fault: Option<StepFault> },
    CrashInstance { call: usize },
    CrashDaemon { daemon: Daemon, reported: bool },
}

/// A fault in one step of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepFault {
    /// The response of the call is lost.
    ResponseLost,
    /// The write is applied, the store's response is lost, and the SDK will retry.
    WriteResponseLost,
    /// The call is delivered, and a duplicate is in progress.
    Duplicated,
}

/// The faults of a step while the state allows faults.
const FAULTS: [Option<StepFault>; 4] =
    [None, Some(StepFault::ResponseLost), Some(StepFault::WriteResponseLost), Some(StepFault::Duplicated)];

pub fn enabled(scope: Scope, mutation: Option<Mutation>, state: &ModelState, actions: &mut Vec<Action>) {
    let instances = &Instance::ALL[..scope.instances];
    let faults = if state.faults > 0 { &FAULTS[..] } else { &FAULTS[..1] };
    actions.push(Action::AdvanceTime);
    if state.calls.len() < scope.calls {
        let stale_reads = mutation == Some(Mutation::EventuallyConsistentRead);
        for &request in &REQUESTS[..scope.requests] {
            client_actions(state, request, instances, stale_reads, actions);
        }
        for daemon in Daemon::ALL {
            daemon_actions(state, daemon, instances, faults, actions);
        }
    }
    for (call, in_progress) in state.calls.iter().enumerate() {
        for &instance in instances.iter().filter(|instance| in_progress.may_proceed_on(**instance)) {
            actions.extend(faults.iter().map(|&fault| Action::Proceed { call, instance, fault }));
        }
    }
    if state.faults > 0 {
        crashes(state, actions);
    }
}

/// At most two polls are in progress at once.
fn client_actions(
    state: &ModelState,
    request: usize,
    instances: &[Instance],
    stale_reads: bool,
    actions: &mut Vec<Action>,
) {
    let polls = state.calls.iter().filter(|call| matches!(call, Call::Poll { .. })).count();
    for &instance in instances {
        match state.trace.requests[request].initiation {
            Initiation::NotStarted if state.instant.allows_initiate(request) => {
                actions.push(Action::Initiate { request, instance });
            }
            Initiation::Accepted if polls < 2 => {
                let reads = if stale_reads { &[false, true][..] } else { &[false] };
                actions.extend(reads.iter().map(|&stale_read| Action::Poll {
                    request,
                    instance,
                    stale_read,
                }));
            }
            _ => {}
        }
    }
}

/// A daemon has one heartbeat in progress at most, and one report of each request.
fn daemon_actions(
    state: &ModelState,
    daemon: Daemon,
    instances: &[Instance],
    faults: &[Option<StepFault>],
    actions: &mut Vec<Action>,
) {
    let own = || state.calls.iter().filter(|call| call.from() == Some(daemon));
    let heartbeat = own().any(|call| matches!(call, Call::Heartbeat { .. }));
    let reports = |of| own().any(|call| matches!(call, Call::Report { request, .. } if *request == of));
    let in_flight = state.in_flight[daemon as usize];
    for &instance in instances {
        if !heartbeat {
            actions.push(Action::Heartbeat { daemon, instance, duplicated: false });
            if state.faults > 0 {
                actions.push(Action::Heartbeat { daemon, instance, duplicated: true });
            }
        }
        for request in REQUESTS.into_iter().filter(|request| in_flight[*request] && !reports(*request)) {
            actions.extend(faults.iter().map(|&fault| Action::Report { daemon, request, instance, fault }));
        }
    }
}

fn crashes(state: &ModelState, actions: &mut Vec<Action>) {
    let blocking = state.calls.iter().enumerate().filter(|(_, call)| call.blocks_an_actor());
    actions.extend(blocking.map(|(call, _)| Action::CrashInstance { call }));
    for daemon in Daemon::ALL {
        let works = state.in_flight[daemon as usize].contains(&true);
        if works || state.calls.iter().any(|call| call.from() == Some(daemon)) {
            actions.push(Action::CrashDaemon { daemon, reported: false });
        }
        if works {
            actions.push(Action::CrashDaemon { daemon, reported: true });
        }
    }
}
