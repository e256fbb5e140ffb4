//! The design's invariants except redelivery and linearizability, with the numbers of the contract, widened by clock skew.

use std::collections::HashSet;

use doorbell_shared::request::Delivery;

use crate::history::{AccessKind, AccessOutcome, Call, End, History, Moment};
use crate::operation::{Caller, Operation};
use crate::request_history::{Invariant, RequestHistory, Violation};
use crate::seeded::{SKEW, at};

/// All in milliseconds. The largest difference of two clocks.
pub(crate) const MAX_DIFFERENCE: u64 = 2 * SKEW.unsigned_abs();

pub(crate) const PENDING: u64 = 30_000;

/// Both deadlines, and the difference between the clocks of initiate and poll.
const STUCK: u64 = 90_000 + MAX_DIFFERENCE;

/// The contract's 45 s, minus two clock errors, a slow call and a heartbeat that is stored late with an older time.
const SURELY_ONLINE: u64 = 25_000;

pub(crate) fn check_calls(history: &History, violations: &mut Vec<Violation>) {
    for call in &history.calls {
        let Call { caller: Caller { name: actor, .. }, operation, began, .. } = call;
        if call.end == End::Open {
            let detail = format!("{actor}: {operation:?} at {} has no end", began.millis);
            violations.push(Violation { invariant: Invariant::EveryCallEnds, detail });
        }
        let Some(response) = call.response() else { continue };
        if !call.is_own() {
            let body = &response.body;
            let text = body["error"].as_str().or_else(|| body["status"].as_str()).unwrap_or_default();
            // A store failure is the same for every workspace.
            if response.status != 500 && !reveals_nothing(operation).contains(&(response.status, text)) {
                let detail = format!("{actor}: {operation:?} was answered {response:?}");
                violations.push(Violation { invariant: Invariant::TenantIsolation, detail });
            }
        } else if (response.status == 503 || response.body["error"] == "runtime not found")
            && history.calls.iter().any(|heartbeat| keeps_online(heartbeat, call))
        {
            let detail = format!("{actor}: {operation:?} was answered {}", response.body);
            violations.push(Violation { invariant: Invariant::HeartbeatKeepsOnline, detail });
        }
    }
}

/// The contract's responses about unknown ids.
fn reveals_nothing(operation: &Operation) -> &'static [(u16, &'static str)] {
    match operation {
        Operation::Initiate { .. } => &[(404, "runtime not found")],
        Operation::Poll { .. } | Operation::Report { .. } => &[(404, "request not found")],
        Operation::List { .. } | Operation::Register { .. } => &[(404, "workspace not found")],
        Operation::Deregister { .. } => &[(200, "ok")],
        // Only here does the contract distinguish another workspace's runtime from an unknown one.
        Operation::Heartbeat { .. } => &[(404, "not found"), (404, "runtime not found")],
    }
}

fn keeps_online(heartbeat: &Call, call: &Call) -> bool {
    matches!(heartbeat.operation, Operation::Heartbeat { .. })
        && heartbeat.is_own()
        && heartbeat.succeeded()
        && heartbeat.operation.runtime() == call.operation.runtime()
        && heartbeat
            .ended()
            .is_some_and(|ended| ended < call.began && call.began.millis - ended.millis < SURELY_ONLINE)
}

pub(crate) fn check_request(request: &RequestHistory<'_>, violations: &mut Vec<Violation>) {
    one_winner(request, violations);
    terminal_is_final(request, violations);
    acknowledged_is_stored(request, violations);
    nothing_is_stuck(request, violations);
}

/// A redelivery replaces a lease, and goes to a daemon whose list does not have the request.
fn one_winner(request: &RequestHistory<'_>, violations: &mut Vec<Violation>) {
    let id = request.request;
    let mut deliveries = HashSet::new();
    for (access, call) in request.accesses(AccessKind::Claim).filter(|(_, call)| call.delivered() == Some(id))
    {
        let Some((delivery, _)) = access.lease else { continue };
        let to = format!("{} at {}", call.caller.name, access.began.millis);
        if !deliveries.insert(delivery) {
            violations.push(Violation {
                invariant: Invariant::OneWinner,
                detail: format!("{id}: second {delivery:?} delivery to {to}"),
            });
        }
        if delivery != Delivery::First && !call.operation.lacks(id) {
            violations.push(Violation {
                invariant: Invariant::OneWinner,
                detail: format!("{id}: redelivery to {to}, which has it"),
            });
        }
    }
}

fn terminal_is_final(request: &RequestHistory<'_>, violations: &mut Vec<Violation>) {
    let terminal = request.polls.iter().filter(|poll| poll.is_terminal());
    let Some(first) = terminal.min_by_key(|poll| poll.ended) else { return };
    for later in request.polls.iter().filter(|poll| poll.began > first.ended && poll.record != first.record) {
        let detail = format!("{} was {}, then {}", request.request, first.record, later.record);
        violations.push(Violation { invariant: Invariant::TerminalIsFinal, detail });
    }
}

fn acknowledged_is_stored(request: &RequestHistory<'_>, violations: &mut Vec<Violation>) {
    for (access, call) in request.accesses(AccessKind::Report) {
        let Operation::Report { result, .. } = &call.operation else { continue };
        let Some(acknowledged) = call.ended().filter(|_| call.succeeded()) else { continue };
        if access.outcome != AccessOutcome::Done {
            continue;
        }
        for poll in request.polls.iter().filter(|poll| poll.began > acknowledged) {
            if !poll.record.to_string().contains(&result.text) {
                let detail = format!("{:?} of {} is shown as {}", result.text, call.caller.name, poll.record);
                violations.push(Violation { invariant: Invariant::AcknowledgedIsStored, detail });
            }
        }
    }
}

fn nothing_is_stuck(request: &RequestHistory<'_>, violations: &mut Vec<Violation>) {
    let Some((initiate, _)) = request.initiate() else { return };
    for poll in request.polls.iter().filter(|poll| !poll.is_terminal()) {
        let age = poll.began.millis - initiate.began.millis;
        if age > STUCK {
            let detail = format!("{} is {} after {age} ms", request.request, poll.status);
            violations.push(Violation { invariant: Invariant::NothingIsStuck, detail });
        }
    }
}

/// Ids order the queue, so two requests within the clocks' difference may be served in either order.
pub(crate) fn first_come_first_served(
    history: &History,
    requests: &[RequestHistory<'_>],
    violations: &mut Vec<Violation>,
) {
    let accepted = |request: &RequestHistory<'_>| {
        request.initiate().filter(|(_, call)| call.succeeded()).and_then(|(_, call)| call.ended())
    };
    let accepted: Vec<_> =
        requests.iter().filter_map(|request| Some((request, accepted(request)?))).collect();
    for (later, _) in &accepted {
        let Some((_, call)) = later.initiate() else { continue };
        for (earlier, accepted) in &accepted {
            let difference = call.began.millis.saturating_sub(accepted.millis);
            if difference > MAX_DIFFERENCE && earlier.request >= later.request {
                let detail = format!("{}: lower id than {difference} ms earlier", later.request);
                violations.push(Violation { invariant: Invariant::FirstComeFirstServed, detail });
            }
        }
    }
    for (number, call) in history.calls.iter().enumerate() {
        let (Some(id), Some(ended)) = (call.delivered(), call.ended()) else { continue };
        for (older, accepted) in &accepted {
            let of_runtime = call.operation.runtime() == Some(older.runtime);
            if of_runtime
                && older.request < id
                && *accepted < call.began
                && surely_pending(older, number, ended)
            {
                let detail = format!("{} got {id} before {}", call.caller.name, older.request);
                violations.push(Violation { invariant: Invariant::FirstComeFirstServed, detail });
            }
        }
    }
}

/// Whether the request is pending on every clock until `ended`: no call except `heartbeat` has tried to change it.
fn surely_pending(request: &RequestHistory<'_>, heartbeat: usize, ended: Moment) -> bool {
    let latest = at(i64::try_from(ended.millis).unwrap() + SKEW);
    let touched = request.accesses.iter().any(|(access, _)| {
        let changes = matches!(access.kind, AccessKind::Claim | AccessKind::Report);
        changes && access.call != heartbeat && access.began < ended
    });
    let initiate = request.initiate();
    !touched
        && initiate.is_some_and(|(access, _)| latest.since(access.now).as_millis() <= u128::from(PENDING))
}
