//! Rings, the open set, and cancellations.

use doorbell_protocol::{RequestId, RuntimeId};

use crate::history::{AccessKind, AccessOutcome, Call, History, cancelled};
use crate::invariants::MAX_DIFFERENCE;
use crate::operation::{Operation, Route};
use crate::plan::Plan;
use crate::redelivery::CALL;
use crate::request_history::{Invariant, RequestHistory, Violation};
use crate::runner::Run;

/// The contract's limit of open requests of one runtime.
const MOST_OPEN: usize = 32;

pub(crate) fn check(run: &Run, requests: &[RequestHistory<'_>], violations: &mut Vec<Violation>) {
    let Run { plan, history, open } = run;
    for call in history.calls.iter().filter(|call| call.is_own()) {
        match &call.operation {
            Operation::Ask { .. } => {
                answers_its_ring(call, violations);
                full_queue_is_full(history, requests, call, violations);
            }
            Operation::Heartbeat { runtime, whole: true, in_flight: Some(in_flight), .. } => {
                let named = call.response().map(cancelled).unwrap_or_default();
                for request in requests.iter().filter(|request| request.runtime == *runtime) {
                    let is_named = named.contains(&request.request);
                    let is_listed = in_flight.contains(&request.request);
                    let must = is_listed && call.succeeded() && surely_cancelled(request, plan, call);
                    let may = is_listed && may_be_cancelled(request, call);
                    if is_named && !may || must && !is_named {
                        let detail = format!(
                            "{} at {} names {named:?}, about {}",
                            call.caller.name, call.began.millis, request.request
                        );
                        violations.push(Violation { invariant: Invariant::CancellationIsNamed, detail });
                    }
                }
            }
            _ => {}
        }
    }
    for (runtime, left) in open.iter().filter(|(_, left)| !left.is_empty()) {
        let detail = format!("{runtime} keeps {left:?}");
        violations.push(Violation { invariant: Invariant::OpenSetEmpties, detail });
    }
}

fn answers_its_ring(call: &Call, violations: &mut Vec<Violation>) {
    let Operation::Ask { route: Route::Generic, asked, .. } = &call.operation else { return };
    let Some(response) = call.response().filter(|response| response.status == 200) else { return };
    let args = response.body.get("args").map(|args| args.as_u64());
    if response.body["kind"] != asked.kind.name() || args != asked.args.map(Some) {
        let detail = format!("{asked:?} was answered with {}", response.body);
        violations.push(Violation { invariant: Invariant::AnswersItsRing, detail });
    }
}

fn full_queue_is_full(
    history: &History,
    requests: &[RequestHistory<'_>],
    call: &Call,
    violations: &mut Vec<Violation>,
) {
    let is_full = |response: &crate::history::FunctionResponse| {
        response.body["error"] == "too many open requests for this runtime"
    };
    let (Some(runtime), true, Some(ended)) =
        (call.operation.runtime(), call.response().is_some_and(is_full), call.ended())
    else {
        return;
    };
    let may_be_open = |id: RequestId| {
        let request = requests.iter().find(|request| request.request == id);
        request.is_none_or(|request| !has_surely_ended(request, call))
    };
    let open = history.accesses.iter().filter(|access| {
        let ring = &history.calls[access.call];
        // The id of a ring that joins an earlier request is in the open set until the ring's end.
        let counts = access.outcome != AccessOutcome::Refused
            || ring.ended().is_none_or(|ring_ended| ring_ended > call.began);
        access.kind == AccessKind::Initiate
            && ring.is_own()
            && ring.operation.runtime() == Some(runtime)
            && ring.began < ended
            && !std::ptr::eq(ring, call)
            && counts
            && may_be_open(access.request)
    });
    let open = open.count();
    if open < MOST_OPEN {
        let detail = format!("{} was rejected at {} with {open} open", call.caller.name, call.began.millis);
        violations.push(Violation { invariant: Invariant::FullQueueIsFull, detail });
    }
}

/// Whether it ended on every clock before `call`.
fn has_surely_ended(request: &RequestHistory<'_>, call: &Call) -> bool {
    let shown = request.polls.iter().any(|poll| poll.is_terminal() && poll.ended < call.began);
    let reported = request
        .accesses(AccessKind::Report)
        .any(|(_, report)| report.succeeded() && report.ended().is_some_and(|ended| ended < call.began));
    let times = request.times();
    let longest = u64::try_from(times.pending + times.running).unwrap() + MAX_DIFFERENCE;
    let expired = request
        .initiate()
        .and_then(|(_, ring)| ring.ended())
        .is_some_and(|ended| ended.millis + longest < call.began.millis);
    shown || reported || expired
}

fn may_be_cancelled(request: &RequestHistory<'_>, heartbeat: &Call) -> bool {
    request.accesses(AccessKind::Cancel).any(|(access, _)| {
        access.outcome != AccessOutcome::Refused && heartbeat.ended().is_none_or(|ended| access.began < ended)
    })
}

/// Whether a cancellation has ended before the heartbeat, and nothing has failed since: a lost removal hides it from heartbeats.
fn surely_cancelled(request: &RequestHistory<'_>, plan: &Plan, heartbeat: &Call) -> bool {
    let Some(heard) = heartbeat.ended() else { return false };
    request.accesses(AccessKind::Cancel).any(|(_, cancel)| {
        let cancelled = cancel.response().is_some_and(|response| response.body["error"] == "cancelled");
        let times = cancel.began.millis.saturating_sub(CALL)..heard.millis + 1;
        cancelled
            && cancel.ended().is_some_and(|ended| ended < heartbeat.began)
            && plan.is_free_of_faults(&times)
            && is_first_cancellation(request, cancel)
    })
}

/// A second cancellation may be answered while the removal of the first one is lost.
fn is_first_cancellation(request: &RequestHistory<'_>, cancel: &Call) -> bool {
    request.accesses(AccessKind::Cancel).all(|(access, _)| access.began >= cancel.began)
}

pub(crate) type LeftOpen = Vec<(RuntimeId, Vec<RequestId>)>;
