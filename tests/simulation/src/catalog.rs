//! Invariant 9: what the catalog answers.
//!
//! Each result has a text of its own, so an answer names its report. The time of a report is that of the record that polls have shown.

use std::collections::HashSet;

use doorbell_protocol::{RequestId, RuntimeId, Timestamp};
use serde_json::Value;

use crate::asked::AskedKind;
use crate::history::{AccessKind, AccessOutcome, Call, History, Moment};
use crate::invariants::MAX_DIFFERENCE;
use crate::operation::{CatalogEffect, Operation, WorkResult};
use crate::request_history::{Invariant, RequestHistory, Violation};
use crate::runner::{Run, runtime};

/// In milliseconds. A runtime is online this long after a heartbeat.
const ONLINE: u64 = 45_001;

/// A report on a request for models.
struct ModelReport<'h> {
    runtime: RuntimeId,
    result: &'h WorkResult,
    /// The time of the record that has its text. Outcomes that no poll has shown are unknown.
    recorded_at: Option<Timestamp>,
    /// A poll has shown another outcome.
    is_stale: bool,
    acknowledged: Option<Moment>,
}

pub(crate) fn check(run: &Run, requests: &[RequestHistory<'_>], violations: &mut Vec<Violation>) {
    let history = &run.history;
    let reports: Vec<_> = requests.iter().flat_map(reports).collect();
    let cached = history.calls.iter().filter(|call| call.is_own() && call.is_cached());
    let mut ids = HashSet::new();
    for call in cached {
        let body = call.response().map_or(&Value::Null, |response| &response.body);
        let mut violation = |invariant, problem: &str| {
            let detail = format!("{} at {}: {problem}: {body}", call.caller.name, call.began.millis);
            violations.push(Violation { invariant, detail });
        };
        ids.extend(body["id"].as_str().and_then(|id| id.parse::<RequestId>().ok()));
        let text =
            ["/models/0/id", "/result/models/0/id"].into_iter().find_map(|at| body.pointer(at)?.as_str());
        let source = reports.iter().find(|report| Some(report.result.text.as_str()) == text);
        let is_recorded = source.is_some_and(|source| is_recorded(source, call, body));
        if !is_recorded {
            violation(Invariant::CachedIsRecorded, "no recorded report on the runtime");
        }
        let cached_at = time(&body["cached_at"]);
        if let Some(newer) = reports.iter().find(|report| is_newer(report, call, cached_at)) {
            violation(Invariant::CachedIsCurrent, &format!("older than {:?}", newer.result));
        }
        if run.plan.push.is_none() && !may_be_online(history, call) {
            violation(Invariant::CachedIsOnline, "of an offline runtime");
        }
    }
    for call in history.calls.iter().filter(|call| call.succeeded()) {
        if let Operation::Poll(named) | Operation::Cancel(named) = &call.operation
            && ids.contains(&named.request)
        {
            let detail = format!("{:?} was answered {:?}", call.operation, call.response());
            violations.push(Violation { invariant: Invariant::CachedIdIsUnknown, detail });
        }
    }
}

fn reports<'h>(request: &RequestHistory<'h>) -> Vec<ModelReport<'h>> {
    let terminal = request.polls.iter().find(|poll| poll.is_terminal());
    let reports = request.accesses(AccessKind::Report).filter_map(|(access, call)| {
        let Operation::Report { result, kind: AskedKind::Models, .. } = &call.operation else { return None };
        let shown = terminal.map(|poll| poll.record.to_string().contains(&result.text));
        let recorded_at =
            terminal.filter(|_| shown == Some(true)).and_then(|poll| time(&poll.record["updated_at"]));
        let is_done = access.outcome == AccessOutcome::Done && call.succeeded();
        let acknowledged = call.ended().filter(|_| is_done);
        Some(ModelReport {
            runtime: request.runtime,
            result,
            recorded_at,
            is_stale: shown == Some(false),
            acknowledged,
        })
    });
    reports.collect()
}

fn is_recorded(source: &ModelReport<'_>, call: &Call, body: &Value) -> bool {
    Some(source.runtime) == call.operation.runtime()
        && source.result.completed
        && source.result.catalog == CatalogEffect::Replaces
        && !source.is_stale
        && source.recorded_at.is_none_or(|recorded_at| Some(recorded_at) == time(&body["cached_at"]))
}

fn time(value: &Value) -> Option<Timestamp> {
    serde_json::from_value(value.clone()).ok()
}

/// Whether the report changed the catalog of the ring's runtime, was acknowledged before the ring, and is newer than `cached_at`.
fn is_newer(report: &ModelReport<'_>, ring: &Call, cached_at: Option<Timestamp>) -> bool {
    let changes = report.result.completed && report.result.catalog != CatalogEffect::Keeps;
    let is_before = report.acknowledged.is_some_and(|acknowledged| acknowledged < ring.began);
    let is_of_runtime = Some(report.runtime) == ring.operation.runtime();
    is_of_runtime && changes && is_before && report.recorded_at.is_some_and(|at| Some(at) > cached_at)
}

/// Whether a heartbeat or registration may have brought the runtime online, on the clock of the ring.
fn may_be_online(history: &History, ring: &Call) -> bool {
    let Some(rung) = ring.operation.runtime() else { return false };
    history.calls.iter().filter(|call| call.is_own()).any(|call| {
        let is_of_runtime = match &call.operation {
            Operation::Heartbeat { runtime, .. } => *runtime == rung,
            Operation::Register { machine, .. } => runtime(machine) == rung,
            _ => false,
        };
        let began = ring.ended().is_some_and(|ended| call.began < ended);
        let lasts = |ended: Moment| ended.millis + ONLINE + MAX_DIFFERENCE >= ring.began.millis;
        is_of_runtime && began && call.ended().is_none_or(lasts)
    })
}
