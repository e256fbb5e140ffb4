//! The steps of initiate, poll and report.

use std::sync::LazyLock;

use doorbell_protocol::{Kind, RequestId, RuntimeId, Timestamp, WorkspaceId};
use doorbell_shared::request::{Address, Request};
use uuid::Uuid;

use crate::actions::StepFault;
use crate::actors::Daemon;
use crate::design::{Invariant, Mutation};
use crate::state::Call;
use crate::store::{ConditionalWrite, Context};
use crate::trace::Initiation;

/// A step leaves a call in progress or ends it. A handler returns `None` if the fault is impossible in the step.
pub enum Step {
    InProgress(Call),
    Done,
}

/// Parsed once: that costs more than many steps of the model.
static RUNTIME: LazyLock<(WorkspaceId, RuntimeId)> = LazyLock::new(|| {
    let workspace = "00000000-0000-4000-8000-00000000000a".parse();
    let workspace = workspace.unwrap_or_else(|_| unreachable!("it is a constant"));
    (workspace, RuntimeId::from_uuid(Uuid::from_u128(1)))
});

fn new_request(index: usize, now: Timestamp) -> Request {
    let (workspace, runtime) = *RUNTIME;
    let request = RequestId::from_uuid(Uuid::from_u128(index as u128));
    Request::new(Address { runtime, request, kind: Kind::MODEL_LIST }, workspace, now)
}

pub fn report_call(daemon: Daemon, request: usize) -> Call {
    Call::Report { from: Some(daemon), request, author: daemon }
}

impl Context<'_> {
    /// The work hint is written first, so that no request is without one.
    pub fn start_initiate(&mut self, request: usize) -> Call {
        let now = self.now;
        if self.has(Mutation::WorkHintAfterPut) {
            self.put(request, new_request(request, now));
        } else {
            self.write_work_hint(now);
        }
        self.state.trace.requests[request].initiation = Initiation::InProgress;
        Call::Initiate { request, now }
    }

    pub fn proceed_initiate(
        &mut self,
        request: usize,
        now: Timestamp,
        fault: Option<StepFault>,
    ) -> Option<Step> {
        let write = if self.has(Mutation::WorkHintAfterPut) {
            self.write_work_hint(now);
            ConditionalWrite::ConditionFailed
        } else {
            self.put(request, new_request(request, now))
        };
        self.state.trace.requests[request].initiation = match (fault, write) {
            (Some(StepFault::WriteResponseLost), ConditionalWrite::Applied) => {
                return Some(Step::InProgress(Call::Initiate { request, now }));
            }
            (Some(StepFault::WriteResponseLost | StepFault::Duplicated), _) => return None,
            (Some(StepFault::ResponseLost), _) => Initiation::Abandoned,
            // The id is unique, so a failed condition means that an earlier try was applied.
            (None, _) => Initiation::Accepted,
        };
        Some(Step::Done)
    }

    /// Only an expired request needs a second step: its timeout is stored before it is returned.
    pub fn start_poll(&mut self, request: usize, stale_read: bool) -> Option<Call> {
        let now = self.now;
        let table = &self.state.table;
        let read = if stale_read { &table.previous[request] } else { &table.requests[request] };
        let read = read.clone().filter(|read| read.is_readable(now));
        let timed_out = read.as_ref().and_then(|read| read.timed_out_if_expired(now));
        if timed_out.is_some() && !self.has(Mutation::PollWithoutStoringTimeout) {
            return read.map(|read| Call::Poll { request, read, now });
        }
        let stored = self.state.table.requests[request].as_ref();
        self.state.trace.record_poll(request, timed_out.or(read).as_ref(), stored, now);
        None
    }

    pub fn proceed_poll(
        &mut self,
        request: usize,
        read: Request,
        now: Timestamp,
        fault: Option<StepFault>,
    ) -> Option<Step> {
        let write = self.time_out(request, &read, now);
        match (fault, write) {
            (Some(StepFault::WriteResponseLost), ConditionalWrite::Applied) => {
                Some(Step::InProgress(Call::Poll { request, read, now }))
            }
            (Some(_), _) => None,
            // A retry needs no idempotency token: the response is the stored record.
            (None, _) => {
                let stored = self.state.table.requests[request].as_ref();
                self.state.trace.record_poll(request, stored, stored, now);
                Some(Step::Done)
            }
        }
    }

    pub fn proceed_report(
        &mut self,
        from: Option<Daemon>,
        request: usize,
        author: Daemon,
        fault: Option<StepFault>,
    ) -> Option<Step> {
        let write = self.report(request, &author.outcome());
        match (fault, write, from) {
            (Some(StepFault::WriteResponseLost), ConditionalWrite::Applied, _) => {
                return Some(Step::InProgress(Call::Report { from, request, author }));
            }
            (None | Some(StepFault::Duplicated), _, Some(daemon)) => {
                self.state.in_flight[daemon as usize][request] = false;
            }
            (None, _, None) | (Some(StepFault::ResponseLost), _, Some(_)) => {}
            _ => return None,
        }
        if fault == Some(StepFault::Duplicated) {
            self.state.calls.push(Call::Report { from: None, request, author });
        }
        self.acknowledge(request, author, write);
        Some(Step::Done)
    }

    /// The stored outcome is the idempotency token of a report.
    fn acknowledge(&mut self, request: usize, author: Daemon, write: ConditionalWrite) {
        let own = self.stored(request).is_some_and(|record| author.is_author_of(record));
        let readable = self.stored(request).is_some_and(|record| record.is_readable(self.now));
        let recognized = own && readable && !self.has(Mutation::ReportWithoutIdempotency);
        if write == ConditionalWrite::Applied || recognized {
            self.state.trace.record_report(request, author);
        } else if readable {
            self.state.trace.check(Invariant::StaleIsNotStored, !own);
        }
    }
}
