//! Checks every invariant on the history of a run, and counts what was checked.

use std::collections::BTreeMap;
use std::fmt;

use doorbell_shared::request::Delivery;

use crate::history::{AccessKind, AccessOutcome};
use crate::invariants::{check_calls, check_request, first_come_first_served};
use crate::linearizability;
use crate::plan::Storage;
use crate::redelivery::{loss_costs_time_only, must_complete};
use crate::request_history::{Invariant, RequestHistory, Violation};
use crate::runner::Run;

pub(crate) fn check(run: &Run) -> (Coverage, Vec<Violation>) {
    let Run { plan, history } = run;
    let mut violations = Vec::new();
    let mut coverage = Coverage::default();
    coverage.add("seeds", 1);
    coverage.add("seeds on the embedded engine", usize::from(plan.storage == Storage::Embedded));
    coverage.add("calls", history.calls.len());
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
    loss_costs_time_only(history, plan, &requests, &mut violations);
    for request in &requests {
        let last = request.polls.last().map_or("not shown", |poll| poll.status);
        coverage.add("requests", 1);
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

fn is_redelivered(request: &RequestHistory<'_>) -> bool {
    request.accesses(AccessKind::Claim).any(|(access, _)| {
        let again = access.lease.is_some_and(|(delivery, _)| delivery != Delivery::First);
        again && access.outcome == AccessOutcome::Done
    })
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
