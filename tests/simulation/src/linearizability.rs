//! Searches for a sequential order of the calls about one request in which each happens between its start and its end.
//!
//! The algorithm is Wing and Gong's with Lowe's memory of visited states ("Testing for linearizability"). The tester of
//! `stateright` has no such memory and does not terminate with a dozen unanswered calls.

use std::collections::HashSet;

use doorbell_protocol::Timestamp;
use serde_json::Value;

use crate::history::{Access, AccessKind, AccessOutcome, Call, End, Moment};
use crate::lifecycle::{Record, RequestState, Response, Running, Step, StepKind, apply, apply_if_explained};
use crate::operation::{Operation, Route};
use crate::request_history::RequestHistory;
use crate::seeded::at;

/// One bit each. Most histories have about ten steps.
const MAX_STEPS: usize = u128::BITS as usize;

/// Returns the number of ordered steps, or an error if there is no order.
pub(crate) fn check(request: &RequestHistory<'_>) -> Result<usize, String> {
    let mut intervals = intervals(request)?;
    // The order of responses is usually a solution, so it is tried first.
    intervals
        .sort_unstable_by_key(|interval| interval.ended().map_or((true, interval.began), |at| (false, at)));
    if intervals.len() > MAX_STEPS {
        return Err(format!("{}: {} steps are too many to order", request.request, intervals.len()));
    }
    let remaining = (0..intervals.len()).fold(0_u128, |remaining, index| remaining | 1 << index);
    let mut search = Search { intervals: &intervals, visited: HashSet::new() };
    if search.finds_order(remaining, None) {
        Ok(intervals.len())
    } else {
        Err(format!("{}: no order explains the responses", request.request))
    }
}

struct Search<'i> {
    intervals: &'i [Interval],
    visited: HashSet<(u128, Option<RequestState>)>,
}

impl Search<'_> {
    /// Whether the remaining steps, one bit each, can follow on `state`.
    fn finds_order(&mut self, remaining: u128, state: Option<&RequestState>) -> bool {
        let intervals = self.intervals;
        let left = || intervals.iter().enumerate().filter(|(index, _)| remaining & (1 << index) != 0);
        let Some(first_end) = left().filter_map(|(_, interval)| interval.ended()).min() else {
            return true;
        };
        if !self.visited.insert((remaining, state.cloned())) {
            return false;
        }
        left().filter(|(_, interval)| interval.began < first_end).any(|(index, interval)| {
            let after = match &interval.response {
                Some((_, response)) => apply_if_explained(state, &interval.step, interval.route, response),
                // Without a response, a step that changes nothing need not have happened.
                None => Some(apply(state, &interval.step).0).filter(|after| after.as_ref() != state),
            };
            after.is_some_and(|after| self.finds_order(remaining & !(1 << index), after.as_ref()))
        })
    }
}

/// A step, and the interval in which it happens.
struct Interval {
    step: Step,
    route: Route,
    began: Moment,
    /// `None` if the step may not have happened.
    response: Option<(Moment, Response)>,
}

impl Interval {
    fn ended(&self) -> Option<Moment> {
        self.response.as_ref().map(|(ended, _)| *ended)
    }

    fn shown(&self) -> Option<&Record> {
        match &self.response {
            Some((_, Response::Shown(record))) => Some(record),
            _ => None,
        }
    }
}

fn intervals(request: &RequestHistory<'_>) -> Result<Vec<Interval>, String> {
    let mut intervals = Vec::new();
    for (access, call) in request.accesses.iter().filter(|(_, call)| call.is_own()) {
        let kind = match (access.kind, access.lease, &call.operation) {
            // A refused initiate and a lost claim change nothing.
            (AccessKind::Initiate | AccessKind::Claim, ..) if access.outcome == AccessOutcome::Refused => {
                continue;
            }
            // The response is that of the poll.
            (AccessKind::Join, ..) if following(AccessKind::Poll, request, access).is_some() => continue,
            (AccessKind::Initiate, ..) => StepKind::Initiate(request.times()),
            (AccessKind::Claim, Some((filter, token)), _) => StepKind::Claim(filter, token),
            (AccessKind::Report, _, Operation::Report { result, .. }) => StepKind::Report(result.clone()),
            (AccessKind::Progress, _, Operation::Progress { progress, .. }) => {
                StepKind::Progress(progress.to_string())
            }
            (AccessKind::Cancel, ..) => StepKind::Cancel { raced: is_raced(request, call, access) },
            _ => StepKind::Poll { raced: is_raced(request, call, access) },
        };
        let latest = at(call.ended().map_or(0, |ended| i64::try_from(ended.millis).unwrap())).millis();
        let step = Step { now: access.now.millis(), latest, kind };
        let route = call.operation.route().unwrap_or(Route::Generic);
        let mut response = response(call, access)?;
        if !is_answered(access, request, call) {
            response = None;
        }
        intervals.push(Interval { step, route, began: call.began, response });
    }
    Ok(without_redundant_polls(intervals))
}

/// Whether a claim or progress may happen during the poll. One with an unknown outcome may be applied at any later time.
fn is_raced(request: &RequestHistory<'_>, poll: &Call, read: &Access) -> bool {
    let races = |access: &Access| matches!(access.kind, AccessKind::Claim | AccessKind::Progress);
    request.accesses.iter().filter(|(access, _)| races(access)).any(|(write, call)| {
        let known = write.outcome != AccessOutcome::Unknown;
        let ended = call.ended().filter(|_| known);
        poll.ended().is_none_or(|poll| write.began < poll) && ended.is_none_or(|end| read.began < end)
    })
}

/// Whether the call is answered with what `access` has found. The catalog answers a ring instead of the request behind it. A ring that withdraws its request is answered with what the withdrawal
/// has found, unless the withdrawal failed.
fn is_answered(access: &Access, request: &RequestHistory<'_>, call: &Call) -> bool {
    let failed = |withdrawal: &Access| withdrawal.outcome == AccessOutcome::Unknown;
    match (access.kind, &call.operation) {
        (_, Operation::Ask { .. }) if call.is_cached() => false,
        (AccessKind::Initiate, _) => following(AccessKind::Cancel, request, access).is_none_or(failed),
        (AccessKind::Cancel, Operation::Ask { .. }) => !failed(access),
        _ => true,
    }
}

/// An initiate polls an earlier request that is past its deadline, and withdraws one whose runtime is offline.
fn following<'h>(kind: AccessKind, request: &RequestHistory<'h>, first: &Access) -> Option<&'h Access> {
    let of_call = |access: &&Access| access.kind == kind && access.call == first.call;
    request.accesses.iter().map(|(access, _)| *access).find(of_call)
}

fn response(call: &Call, access: &Access) -> Result<Option<(Moment, Response)>, String> {
    let End::Responded(ended, answer) = &call.end else { return Ok(None) };
    let response = match (answer.status, access.kind) {
        (200, AccessKind::Claim) => {
            let delivered = call.delivered();
            match delivered.iter().find(|delivered| delivered.request == access.request) {
                Some(delivered) => Response::Delivered { attempt: delivered.attempt },
                None => return Ok(None),
            }
        }
        (_, AccessKind::Claim) | (500, _) => return Ok(None),
        // The ring was withdrawn: no client has seen the request.
        (503, AccessKind::Initiate | AccessKind::Cancel) => return Ok(None),
        (200, AccessKind::Report | AccessKind::Progress) => {
            let cancelled = answer.body["cancelled"] == true;
            let is_shown = call.operation.route() == Some(Route::Generic);
            Response::Acknowledged { cancelled: is_shown.then_some(cancelled) }
        }
        (200, _) => Response::Shown(record(&answer.body)?),
        (404, _) => Response::NotFound,
        _ => return Err(format!("{}: a response outside the contract: {answer:?}", call.caller.name)),
    };
    Ok(Some((*ended, response)))
}

/// The record of either route. The texts of results are in different places.
fn record(body: &Value) -> Result<Record, String> {
    let fail = |error: serde_json::Error| format!("{error}: {body}");
    let time = |name: &str| {
        serde_json::from_value::<Timestamp>(body[name].clone()).map(|time| time.millis()).map_err(fail)
    };
    let texts = ["/error", "/models/0/id", "/result/models/0/id", "/result/text"];
    let text = texts.into_iter().filter_map(|place| body.pointer(place)?.as_str());
    let attempt = body["attempt"].as_u64().and_then(|attempt| attempt.try_into().ok());
    Ok(Record {
        status: serde_json::from_value(body["status"].clone()).map_err(fail)?,
        text: text.collect(),
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        running: attempt
            .map(|attempt| Running { attempt, progress: body.get("progress").map(Value::to_string) }),
    })
}

/// Drops polls that only lengthen the search.
///
/// A request never returns to an earlier state. So if several polls return the same record, the request has it from before
/// the first end to after the last start, and the other polls of the group fit in between. Two more are kept: the poll with
/// the latest clock, because deadlines and retention depend on it, and the poll that stored the record. An unanswered poll
/// can change the request only until a terminal record is returned.
fn without_redundant_polls(intervals: Vec<Interval>) -> Vec<Interval> {
    let terminal = |interval: &Interval| interval.shown().is_some_and(|shown| shown.status.is_terminal());
    let settled = intervals.iter().filter(|interval| terminal(interval)).filter_map(Interval::ended).min();
    let is_idle =
        |poll: &Interval| poll.response.is_none() && settled.is_some_and(|settled| settled < poll.began);
    let (polls, mut kept): (Vec<_>, Vec<_>) =
        intervals.into_iter().partition(|interval| matches!(interval.step.kind, StepKind::Poll { .. }));
    let mut groups: Vec<Vec<Interval>> = Vec::new();
    for poll in polls.into_iter().filter(|poll| !is_idle(poll)) {
        match groups.iter_mut().find(|group| group[0].shown() == poll.shown() && group[0].route == poll.route)
        {
            Some(group) if poll.shown().is_some() => group.push(poll),
            _ => groups.push(vec![poll]),
        }
    }
    for group in groups {
        let first_end = group.iter().map(Interval::ended).min();
        let last_start = group.iter().map(|poll| poll.began).max();
        let latest_clock = group.iter().map(|poll| poll.step.now).max();
        kept.extend(group.into_iter().filter(|poll| {
            poll.shown().is_some_and(|shown| shown.updated_at == poll.step.now)
                || Some(poll.ended()) == first_end
                || Some(poll.began) == last_start
                || Some(poll.step.now) == latest_clock
        }));
    }
    kept
}
