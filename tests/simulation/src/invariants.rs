//! The design's invariants except redelivery and linearizability, with the numbers of the contract, widened by clock skew.

use std::collections::HashSet;

use crate::asked::{AskedKind, Times};
use crate::history::{AccessKind, AccessOutcome, Call, End, History, Moment, runtime_status};
use crate::operation::{Caller, Operation};
use crate::request_history::{Invariant, RequestHistory, Violation};
use crate::seeded::{SKEW, at};

/// All in milliseconds. The largest difference of two clocks.
pub(crate) const MAX_DIFFERENCE: u64 = 2 * SKEW.unsigned_abs();

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
            let text = body["error"].as_str().or_else(|| runtime_status(body));
            let text = text.or_else(|| body["status"].as_str()).unwrap_or_default();
            let hands_out = !call.delivered().is_empty();
            // A store failure is the same for every workspace.
            if hands_out
                || response.status != 500 && !reveals_nothing(operation).contains(&(response.status, text))
            {
                let detail = format!("{actor}: {operation:?} was answered {response:?}");
                violations.push(Violation { invariant: Invariant::TenantIsolation, detail });
            }
        } else if (response.status == 503
            || response.body["error"] == "runtime not found"
            || runtime_status(&response.body) == Some("unknown"))
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
        Operation::Ask { .. } => &[(404, "runtime not found")],
        Operation::Poll(_) | Operation::Cancel(_) | Operation::Report { .. } | Operation::Progress { .. } => {
            &[(404, "request not found")]
        }
        Operation::List { .. } | Operation::Register { .. } => &[(404, "workspace not found")],
        Operation::Deregister { .. } => &[(200, "ok")],
        // Only here does the contract distinguish another workspace's runtime from an unknown one.
        Operation::Heartbeat { whole: false, .. } => &[(404, "not found"), (404, "runtime not found")],
        Operation::Heartbeat { whole: true, .. } => &[(200, "foreign"), (200, "unknown")],
    }
}

fn keeps_online(heartbeat: &Call, call: &Call) -> bool {
    // One of a connected daemon keeps the presence that it finds.
    matches!(heartbeat.operation, Operation::Heartbeat { connected: None | Some(false), .. })
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

/// Each attempt has one winner. A redelivery goes to a daemon whose list does not have the request.
fn one_winner(request: &RequestHistory<'_>, violations: &mut Vec<Violation>) {
    let id = request.request;
    let mut attempts = HashSet::new();
    for (access, call) in request.accesses(AccessKind::Claim).filter(|(_, call)| call.delivers(id)) {
        let Some(attempt) = access.attempt else { continue };
        let to = format!("{} at {}", call.caller.name, access.began.millis);
        if !attempts.insert(attempt) {
            violations.push(Violation {
                invariant: Invariant::OneWinner,
                detail: format!("{id}: second delivery of attempt {attempt} to {to}"),
            });
        }
        if attempt > 1 && !call.operation.lacks(id) {
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
    for later in request.polls.iter().filter(|poll| poll.began > first.ended) {
        let is_same = if later.route == first.route {
            later.record == first.record
        } else {
            later.status == first.status && later.record["updated_at"] == first.record["updated_at"]
        };
        if !is_same {
            let detail = format!("{} was {}, then {}", request.request, first.record, later.record);
            violations.push(Violation { invariant: Invariant::TerminalIsFinal, detail });
        }
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
    let Times { pending, running, .. } = request.times();
    // Both deadlines, and the difference between the clocks of initiate and poll.
    let stuck = u64::try_from(pending + running).unwrap() + MAX_DIFFERENCE;
    for poll in request.polls.iter().filter(|poll| !poll.is_terminal()) {
        let age = poll.began.millis.saturating_sub(initiate.began.millis);
        if age > stuck {
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
    let accepted: Vec<_> =
        requests.iter().filter_map(|request| Some((request, request.accepted()?))).collect();
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
        let delivered = call.delivered();
        let (Some(youngest), Some(ended)) =
            (delivered.iter().map(|delivered| delivered.request).max(), call.ended())
        else {
            continue;
        };
        for (older, accepted) in &accepted {
            let of_runtime = call.operation.runtime() == Some(older.runtime);
            if of_runtime
                && hands_out(&call.operation, older.asked().kind)
                && older.request < youngest
                && !call.delivers(older.request)
                && *accepted < call.began
                && surely_pending(older, number, ended)
            {
                let detail = format!("{} got {youngest} before {}", call.caller.name, older.request);
                violations.push(Violation { invariant: Invariant::FirstComeFirstServed, detail });
            }
        }
    }
}

/// Only the heartbeat of a whole daemon hands out questions.
pub(crate) fn hands_out(heartbeat: &Operation, kind: AskedKind) -> bool {
    matches!(heartbeat, Operation::Heartbeat { whole, .. } if *whole || kind == AskedKind::Models)
}

/// Whether the request is pending on every clock until `ended`: no call except `heartbeat` has tried to change it.
fn surely_pending(request: &RequestHistory<'_>, heartbeat: usize, ended: Moment) -> bool {
    let latest = at(i64::try_from(ended.millis).unwrap() + SKEW);
    let touched = request.accesses.iter().any(|(access, _)| {
        let changes = matches!(access.kind, AccessKind::Claim | AccessKind::Report | AccessKind::Cancel);
        changes && access.call != heartbeat && access.began < ended
    });
    let initiate = request.initiate();
    let pending = u128::try_from(request.times().pending).unwrap();
    !touched && initiate.is_some_and(|(access, _)| latest.since(access.now).as_millis() <= pending)
}
