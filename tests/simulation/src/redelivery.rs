//! Invariant 7: a lost message costs time, not the answer.
//!
//! A claimed request does not time out if its daemon tracks its work and nothing fails for two heartbeats before the
//! deadline. A fault-free heartbeat does not return without work while a request certainly waits for it.

use std::ops::Range;

use crate::asked::{AskedKind, Times};
use crate::history::{AccessKind, AccessOutcome, Call, History, Process};
use crate::invariants::{MAX_DIFFERENCE, hands_out};
use crate::operation::Operation;
use crate::plan::{FAST, Plan};
use crate::request_history::{Invariant, RequestHistory, Violation};

/// All in milliseconds.
const HEARTBEAT: u64 = 15_000;
pub(crate) const CALL: u64 = 10_000;

/// On every clock a lease of this age can be replaced, even if its claim was slow or applied late.
const SURELY_REPLACEABLE: u64 = 5_000 + MAX_DIFFERENCE + 11_000;

/// The requests of one heartbeat of a whole daemon.
const MOST_WORK: usize = 10;

/// A call in progress, a heartbeat too soon after the claim, the next heartbeat, the work, and the retry of a report.
const RECOVERY: u64 = CALL + 2 * HEARTBEAT + FAST + 3_000;

pub(crate) fn loss_costs_time_only(
    history: &History,
    plan: &Plan,
    requests: &[RequestHistory<'_>],
    violations: &mut Vec<Violation>,
) {
    for request in requests {
        let timed_out = request.polls.iter().any(|poll| poll.status == "timeout");
        if timed_out && let Some(times) = must_complete(history, plan, requests, request) {
            let detail = format!("{} timed out without faults in {times:?}", request.request);
            violations.push(Violation { invariant: Invariant::LossCostsTimeOnly, detail });
        }
    }
    let has_room = |call: &Call| has_room(call, plan);
    for (number, call) in history.calls.iter().enumerate().filter(|(_, call)| has_room(call)) {
        for request in requests.iter().filter(|request| surely_waits(request, number, call)) {
            let detail = format!("{} got no {} at {}", call.caller.name, request.request, call.began.millis);
            violations.push(Violation { invariant: Invariant::LossCostsTimeOnly, detail });
        }
    }
}

/// The fault-free time in which a claimed request has to be completed, if there is one.
pub(crate) fn must_complete(
    history: &History,
    plan: &Plan,
    requests: &[RequestHistory<'_>],
    request: &RequestHistory<'_>,
) -> Option<Range<u64>> {
    let runtime = request.runtime;
    let mut claims = request.accesses(AccessKind::Claim);
    let (claim, _) = claims.next()?;
    if claim.outcome != AccessOutcome::Done && !claims.any(|(claim, _)| claim.outcome == AccessOutcome::Done)
    {
        return None;
    }
    let asked = request.asked();
    let running = u64::try_from(asked.times().running).unwrap();
    let deadline = claim.began.millis + running - MAX_DIFFERENCE;
    let times = deadline.saturating_sub(RECOVERY)..deadline;
    let others = requests.iter().filter(|other| {
        other.request != request.request && other.runtime == runtime && !is_outside(other, &times)
    });
    let others = others.count();
    let served = history.processes.iter().any(|process| {
        let lives = process.from < times.start && times.end < process.to;
        // One heartbeat hands out everything that waits.
        let serves = match asked.kind {
            _ if process.plan.whole => others < MOST_WORK,
            AskedKind::Models => others == 0,
            AskedKind::Question => false,
        };
        // One that sleeps does not redeliver what another daemon works on.
        let hears = !process.plan.pushes || is_alone(history, process, claim.began.millis..deadline);
        process.runtime == runtime && process.plan.tracks && process.plan.fast && serves && lives && hears
    });
    (served && plan.is_free_of_faults(&times)).then_some(times)
}

/// Whether no other daemon serves the runtime in `times`. Its predecessor may have crashed before.
fn is_alone(history: &History, process: &Process, times: Range<u64>) -> bool {
    history.processes.iter().filter(|other| other.runtime == process.runtime).all(|other| {
        let overlaps = other.from < process.to && process.from < other.to;
        std::ptr::eq(other, process) || !overlaps || other.to < times.start || times.end < other.from
    })
}

/// Whether the request is certainly not delivered in `times`: it ended before, or was made afterwards.
fn is_outside(request: &RequestHistory<'_>, times: &Range<u64>) -> bool {
    let ended = request.polls.iter().any(|poll| poll.is_terminal() && poll.ended.millis < times.start);
    ended || request.initiate().is_none_or(|(initiate, _)| initiate.began.millis > times.end)
}

/// Whether a fault-free heartbeat has handed out less than it may.
fn has_room(call: &Call, plan: &Plan) -> bool {
    let sound = |ended: u64| plan.is_free_of_faults(&(call.began.millis.saturating_sub(CALL)..ended + 1));
    let Operation::Heartbeat { whole, .. } = call.operation else { return false };
    call.is_own()
        && call.succeeded()
        && call.delivered().len() < if whole { MOST_WORK } else { 1 }
        && call.ended().is_some_and(|ended| sound(ended.millis))
}

/// Whether the heartbeat could claim the request on every clock.
fn surely_waits(request: &RequestHistory<'_>, number: usize, heartbeat: &Call) -> bool {
    let Some(ended) = heartbeat.ended() else { return false };
    let Some((initiate, _)) = request.initiate() else { return false };
    let accepted = request.accepted();
    let asked = request.asked();
    if heartbeat.operation.runtime() != Some(request.runtime)
        || !hands_out(&heartbeat.operation, asked.kind)
        || heartbeat.delivers(request.request)
        || accepted.is_none_or(|accepted| accepted >= heartbeat.began)
    {
        return false;
    }
    let Times { pending, running, .. } = asked.times();
    let after = |start: u64, deadline: i64| start + u64::try_from(deadline).unwrap();
    let before = |kind| {
        let accesses = request.accesses.iter().filter(move |(access, _)| access.kind == kind);
        accesses.filter(|(access, _)| access.call != number && access.began < ended)
    };
    if before(AccessKind::Report).chain(before(AccessKind::Cancel)).any(|(_, call)| call.is_own()) {
        return false;
    }
    let claims: Vec<_> = before(AccessKind::Claim).map(|(claim, _)| claim).collect();
    let latest = ended.millis + MAX_DIFFERENCE;
    let (Some(first), Some(last)) = (claims.first(), claims.last()) else {
        return latest < after(initiate.began.millis, pending);
    };
    claims.iter().any(|claim| claim.outcome == AccessOutcome::Done)
        && last.began.millis + SURELY_REPLACEABLE < heartbeat.began.millis
        && latest < after(first.began.millis, running)
        && heartbeat.operation.lacks(request.request)
}
