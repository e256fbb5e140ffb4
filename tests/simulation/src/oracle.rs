//! Checks every invariant on the history of a run, and counts what was checked.

use std::collections::BTreeMap;
use std::fmt;

use crate::catalog;
use crate::enrolment;
use crate::history::{AccessKind, AccessOutcome, Call, PushRecord, RedemptionAnswer};
use crate::invariants::{check_calls, check_request, first_come_first_served};
use crate::linearizability;
use crate::operation::Operation;
use crate::plan::Storage;
use crate::presence::{self, Picked};
use crate::queue;
use crate::redelivery::{loss_costs_time_only, must_complete};
use crate::request_history::{Invariant, RequestHistory, Violation};
use crate::runner::Run;

pub(crate) fn check(run: &Run) -> (Coverage, Vec<Violation>) {
    let Run { plan, history, .. } = run;
    let mut violations = Vec::new();
    let mut coverage = Coverage::default();
    coverage.add("seeds", 1);
    coverage.add("seeds on the embedded engine", usize::from(plan.storage == Storage::Embedded));
    coverage.add("seeds with an outage of an hour", usize::from(plan.outage.is_some()));
    coverage.add("seeds with bound tokens", usize::from(plan.enrolled));
    for redemption in &history.redemptions {
        let name = match redemption.answer {
            RedemptionAnswer::Redeemed => "codes redeemed",
            RedemptionAnswer::NotFound => "codes not found",
            RedemptionAnswer::Lost => "redemptions without an answer",
        };
        coverage.add(name, 1);
    }
    coverage.add("calls", history.calls.len());
    let bound = history.calls.iter().filter(|call| call.caller.identity.daemon.is_some());
    coverage.add("calls with another daemon's token", bound.filter(|call| !call.is_own()).count());
    for call in history.calls.iter().filter(|call| call.is_own()) {
        if let Some(name) = noteworthy(call) {
            coverage.add(name, 1);
        }
    }
    coverage.add("seeds with a push channel", usize::from(plan.push.is_some()));
    for (_, push) in &history.pushes {
        let name = match push {
            PushRecord::Connected => "push connections",
            PushRecord::Proven { .. } => "push connections proven, or proven again",
            PushRecord::Leased { .. } => "push leases",
            PushRecord::Shortened { .. } => "push leases shortened",
            PushRecord::Shown { .. } => "records read by the watcher",
        };
        coverage.add(name, 1);
    }
    for (_, fault) in &history.faults {
        coverage.add(&format!("fault {fault:?}"), 1);
    }
    let mut ids = history.requests();
    ids.sort_unstable_by_key(|(_, request)| *request);
    let requests: Vec<_> = ids.into_iter().map(|id| RequestHistory::new(history, id)).collect();
    check_calls(history, &mut violations);
    first_come_first_served(history, &requests, &mut violations);
    for request in &requests {
        check_request(request, &mut violations);
        match linearizability::check(request) {
            Ok(steps) => coverage.add("steps in a sequential order", steps),
            Err(detail) => violations.push(Violation { invariant: Invariant::Linearizable, detail }),
        }
    }
    catalog::check(run, &requests, &mut violations);
    queue::check(run, &requests, &mut violations);
    enrolment::check(&history.redemptions, &mut violations);
    presence::check(run, &requests, &mut violations);
    loss_costs_time_only(history, plan, &requests, &mut violations);
    for request in &requests {
        let last = request.polls.last().map_or("not shown", |poll| poll.status);
        coverage.add("requests", 1);
        coverage.add(&format!("requests of {}", request.asked().kind.name()), 1);
        coverage.add("requests that joined an earlier one", request.accesses(AccessKind::Join).count());
        let is_behind = request.initiate().is_some_and(|(_, ring)| ring.is_cached());
        coverage.add("requests behind an answer of the catalog", usize::from(is_behind));
        coverage.add("requests collected after the outage", usize::from(is_collected_late(run, request)));
        if plan.push.is_some() {
            let name = match presence::picked(run, request) {
                Picked::Up => "requests with a push channel, collected in time",
                Picked::Offline => "requests with a push channel, runtime shown offline instead",
                Picked::Reminded => "requests with a push channel, collected after a reminder",
                Picked::Late => "requests with a push channel, late",
                Picked::NotChecked => "requests with a push channel, not checked",
            };
            coverage.add(name, 1);
        }
        let progress = request.accesses(AccessKind::Progress);
        let progress = progress.filter(|(access, _)| access.outcome == AccessOutcome::Done);
        coverage.add("reports of progress", progress.count());
        coverage.add(&format!("requests {last}"), 1);
        if is_redelivered(request) {
            let ended = matches!(last, "completed" | "failed");
            let must = must_complete(history, plan, &requests, request).is_some();
            coverage.add("redelivered", 1);
            coverage.add("redelivered, then reported", usize::from(ended));
            coverage.add("redelivered, must be reported", usize::from(must));
        }
    }
    (coverage, violations)
}

fn noteworthy(call: &Call) -> Option<&'static str> {
    let response = call.response()?;
    if call.is_cached() {
        return Some("rings that the catalog answered");
    }
    match (&call.operation, response.status, response.body["error"].as_str()) {
        (Operation::Ask { .. }, 429, Some("too many open requests for this runtime")) => {
            Some("rings rejected by a full queue")
        }
        (Operation::Ask { .. }, 429, _) => Some("rings over the rate"),
        (Operation::Ask { .. }, 503, _) => Some("rings of an offline runtime"),
        (Operation::Ask { .. }, 404, Some("unknown kind")) => Some("rings of an unknown kind"),
        (Operation::Cancel(_), 200, Some("cancelled")) => Some("cancellations"),
        _ => None,
    }
}

/// Whether it waited for an hour and was then answered.
fn is_collected_late(run: &Run, request: &RequestHistory<'_>) -> bool {
    let Some(outage) = &run.plan.outage else { return false };
    let rung = request.initiate().is_some_and(|(ring, _)| ring.began.millis < outage.end);
    let mut claims = request.accesses(AccessKind::Claim);
    let late = claims.find(|(claim, _)| claim.attempt == Some(1) && claim.began.millis > outage.end);
    let ended = request.polls.last().is_some_and(|poll| matches!(poll.status, "completed" | "failed"));
    rung && late.is_some() && ended
}

fn is_redelivered(request: &RequestHistory<'_>) -> bool {
    request.accesses(AccessKind::Claim).any(|(access, _)| access.attempt.is_some_and(|attempt| attempt > 1))
}

/// How much was checked, by name.
#[derive(Debug, Default)]
pub(crate) struct Coverage(BTreeMap<String, usize>);

impl Coverage {
    fn add(&mut self, name: &str, count: usize) {
        *self.0.entry(name.to_owned()).or_default() += count;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(name, count)| self.add(name, *count));
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, count)| writeln!(f, "{count:>9} {name}"))
    }
}
