//! Initiate, poll and report, cut into accesses to the store.

use std::sync::LazyLock;

use doorbell_shared::id::{RequestId, RuntimeId, WorkspaceId};
use doorbell_shared::request::{Address, Kind, Request};
use doorbell_shared::time::Timestamp;
use uuid::Uuid;

use crate::actions::Fault;
use crate::actors::{Daemon, RequestIndex};
use crate::design::{Invariant, Mutation};
use crate::state::{Call, Context, Initiation};
use crate::store::ConditionalWrite;

/// A step either leaves a call in progress or ends it. A handler returns no step when the fault cannot happen there.
pub enum Step {
    InProgress(Call),
    Done,
}

/// Derived once: the hash costs more than many steps of the model.
static RUNTIME: LazyLock<(WorkspaceId, RuntimeId)> = LazyLock::new(|| {
    let workspace = "00000000-0000-4000-8000-00000000000a".parse();
    let workspace = workspace.unwrap_or_else(|_| unreachable!("it is a constant"));
    (workspace, RuntimeId::derive(workspace, "laptop", "codex", ""))
});

/// The work hint is written first, so that no request is without one.
pub fn start_initiate(context: &mut Context<'_>, request: RequestIndex) -> Call {
    let now = context.now;
    if context.design.has(Mutation::WorkHintAfterPut) {
        context.state.store.put(request, new_request(request, now), context.design);
    } else {
        context.state.store.write_work_hint(now, context.design);
    }
    context.state.trace.set_initiation(request, Initiation::InProgress);
    Call::Initiate { request, now }
}

pub fn proceed_initiate(
    context: &mut Context<'_>,
    request: RequestIndex,
    now: Timestamp,
    fault: Option<Fault>,
) -> Option<Step> {
    let write = if context.design.has(Mutation::WorkHintAfterPut) {
        context.state.store.write_work_hint(now, context.design);
        ConditionalWrite::ConditionFailed
    } else {
        context.state.store.put(request, new_request(request, now), context.design)
    };
    let initiation = match (fault, write) {
        (Some(Fault::WriteResponseLost), ConditionalWrite::Applied) => {
            return Some(Step::InProgress(Call::Initiate { request, now }));
        }
        (Some(Fault::WriteResponseLost | Fault::Duplicated), _) => return None,
        (Some(Fault::ResponseLost), _) => Initiation::Abandoned,
        // A failed condition is the own put of an earlier try, because the id is unique.
        (None, _) => Initiation::Accepted,
    };
    context.state.trace.set_initiation(request, initiation);
    Some(Step::Done)
}

fn new_request(request: RequestIndex, now: Timestamp) -> Request {
    let (workspace, runtime) = *RUNTIME;
    let id = RequestId::from_uuid(Uuid::from_u128(request as u128));
    Request::new(Address { runtime, request: id, kind: Kind::ModelList }, workspace, now)
}

/// Only an expired request needs a second step: its timeout is stored before it is shown.
pub fn start_poll(context: &mut Context<'_>, request: RequestIndex, stale_read: bool) -> Option<Call> {
    let now = context.now;
    let store = &context.state.store;
    let read = if stale_read { store.get_eventually_consistent(request) } else { store.get(request) };
    let read = read.filter(|read| read.is_readable(now)).cloned();
    let timed_out = read.as_ref().and_then(|read| read.timed_out_if_lapsed(now));
    match (read, timed_out) {
        (Some(read), Some(_)) if !context.design.has(Mutation::PollWithoutStoringTimeout) => {
            Some(Call::Poll { request, read, now })
        }
        (read, timed_out) => {
            let stored = store.get(request).cloned();
            context.state.trace.record_poll(request, timed_out.or(read).as_ref(), stored.as_ref(), now);
            None
        }
    }
}

pub fn proceed_poll(
    context: &mut Context<'_>,
    request: RequestIndex,
    read: Request,
    now: Timestamp,
    fault: Option<Fault>,
) -> Option<Step> {
    let write = context.state.store.time_out(request, &read, now, context.design);
    match (fault, write) {
        (Some(Fault::WriteResponseLost), ConditionalWrite::Applied) => {
            return Some(Step::InProgress(Call::Poll { request, read, now }));
        }
        (Some(_), _) => return None,
        // A retry needs no idempotency token: the response is whatever is stored.
        (None, _) => {
            let stored = context.state.store.get(request);
            context.state.trace.record_poll(request, stored, stored, now);
        }
    }
    Some(Step::Done)
}

pub fn start_report(daemon: Daemon, request: RequestIndex) -> Call {
    Call::Report { from: Some(daemon), request, author: daemon }
}

pub fn proceed_report(
    context: &mut Context<'_>,
    from: Option<Daemon>,
    request: RequestIndex,
    author: Daemon,
    fault: Option<Fault>,
) -> Option<Step> {
    let write = context.state.store.report(request, &author.outcome(), context.now, context.design);
    match (fault, write, from) {
        (Some(Fault::WriteResponseLost), ConditionalWrite::Applied, _) => {
            return Some(Step::InProgress(Call::Report { from, request, author }));
        }
        (None | Some(Fault::Duplicated), _, Some(daemon)) => {
            context.state.in_flight_mut(daemon)[request] = false;
        }
        (None, _, None) | (Some(Fault::ResponseLost), _, Some(_)) => {}
        _ => return None,
    }
    if fault == Some(Fault::Duplicated) {
        context.state.calls.push(Call::Report { from: None, request, author });
    }
    acknowledge(context, request, author, write);
    Some(Step::Done)
}

/// The stored outcome is the idempotency token of a report.
fn acknowledge(context: &mut Context<'_>, request: RequestIndex, author: Daemon, write: ConditionalWrite) {
    let record = context.state.store.get(request);
    let stored = record.is_some_and(|record| author.is_author_of(record));
    let readable = record.is_some_and(|record| record.is_readable(context.now));
    let recognized = stored && !context.design.has(Mutation::ReportWithoutIdempotency);
    let trace = &mut context.state.trace;
    match write {
        ConditionalWrite::Applied => trace.record_report(request, author),
        ConditionalWrite::ConditionFailed if !readable => {}
        ConditionalWrite::ConditionFailed if recognized => trace.record_report(request, author),
        ConditionalWrite::ConditionFailed => trace.check(Invariant::StaleIsNotStored, !stored),
    }
}
