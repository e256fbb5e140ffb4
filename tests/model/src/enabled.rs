//! Which actions a state enables. `Protocol::apply` drops those that change nothing.

use doorbell_shared::request::{Request, State};

use crate::actions::{Action, StepFault};
use crate::actors::{Daemon, Instance, REQUESTS};
use crate::design::Mutation;
use crate::protocol::Protocol;
use crate::state::{Call, ModelState};
use crate::trace::Initiation;

/// The faults of a step while the state allows faults.
const FAULTS: [Option<StepFault>; 5] = [
    None,
    Some(StepFault::ResponseLost),
    Some(StepFault::WriteResponseLost),
    Some(StepFault::Duplicated),
    Some(StepFault::StoreError),
];

pub fn enabled(protocol: &Protocol, state: &ModelState, actions: &mut Vec<Action>) {
    let scope = &protocol.scope;
    let instances = &Instance::ALL[..scope.instances];
    let faults = if state.faults > 0 { &FAULTS[..] } else { &FAULTS[..1] };
    actions.push(Action::AdvanceTime);
    if state.calls.len() < scope.calls {
        for &request in &REQUESTS[..scope.requests] {
            for &instance in instances {
                client_actions(protocol, state, request, instance, faults, actions);
            }
        }
        for &daemon in daemons(state) {
            daemon_actions(state, daemon, instances, faults, actions);
        }
    }
    for (call, in_progress) in state.calls.iter().enumerate() {
        let faults = if in_progress.has_faults() { faults } else { &FAULTS[..1] };
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
    protocol: &Protocol,
    state: &ModelState,
    request: usize,
    instance: Instance,
    faults: &[Option<StepFault>],
    actions: &mut Vec<Action>,
) {
    let polls = state.calls.iter().filter(|call| matches!(call, Call::Poll { .. })).count();
    match state.trace.requests[request].initiation {
        Initiation::NotStarted if may_initiate(protocol, state, request) => {
            actions.push(Action::Initiate { request, instance });
        }
        Initiation::Accepted => {
            if polls < 2 {
                actions.push(Action::Poll { request, instance, stale_read: false });
            }
            if polls < 2 && protocol.has(Mutation::EventuallyConsistentRead) {
                actions.push(Action::Poll { request, instance, stale_read: true });
            }
            if protocol.scope.cancels {
                actions.extend(faults.iter().map(|&fault| Action::Cancel { request, instance, fault }));
            }
        }
        _ => {}
    }
}

/// The first request is made at the start. Later instants would leave no time for what follows.
fn may_initiate(protocol: &Protocol, state: &ModelState, request: usize) -> bool {
    let latest = if request == 0 { 0 } else { protocol.scope.last_initiate };
    protocol.clocks.seconds(state.instant).is_some_and(|seconds| seconds <= latest)
}

/// The daemons are alike. While a state does not distinguish them, only the first acts: every state after an action of the
/// second equals one after the same action of the first, with the daemons exchanged.
fn daemons(state: &ModelState) -> &'static [Daemon] {
    let [a, b] = state.in_flight;
    let is_completed = |request: &Request| matches!(request.state, State::Completed(_));
    let is_symmetric = a == b
        && !state.calls.iter().any(Call::has_daemon)
        && !state.table.any(|_, request| is_completed(request))
        && state.trace.requests.iter().all(|request| {
            request.recorded.is_none() && !request.shown.as_ref().is_some_and(|shown| is_completed(&shown.0))
        });
    if is_symmetric { &Daemon::ALL[..1] } else { &Daemon::ALL }
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
    let blocking = state.calls.iter().enumerate().filter(|(_, call)| call.is_waited_for());
    actions.extend(blocking.map(|(call, _)| Action::CrashInstance { call }));
    for &daemon in daemons(state) {
        let works = state.in_flight[daemon as usize].contains(&true);
        if works || state.calls.iter().any(|call| call.from() == Some(daemon)) {
            actions.push(Action::CrashDaemon { daemon, reported: false });
        }
        if works {
            actions.push(Action::CrashDaemon { daemon, reported: true });
        }
    }
}
