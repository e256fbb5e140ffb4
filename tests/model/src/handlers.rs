//! The steps of poll, cancel and report. Each ends the request first; the removal of its id stays in progress.

use doorbell_protocol::Timestamp;

use crate::actions::StepFault;
use crate::actors::{Daemon, REQUESTS, RequestSet};
use crate::design::{Invariant, Mutation};
use crate::state::Call;
use crate::store::{ConditionalWrite, Context, is_orphan};
use crate::stored::Stored;

/// A step leaves a call in progress or ends it. A handler returns `None` if the fault is impossible in the step.
pub enum Step<T = Call> {
    InProgress(T),
    Done,
}

pub fn report_call(daemon: Daemon, request: usize) -> Call {
    Call::Report { from: Some(daemon), request, author: daemon }
}

pub fn only(request: usize) -> RequestSet {
    REQUESTS.map(|index| index == request)
}

impl Context<'_> {
    /// Only an expired request needs a second step: its timeout is stored before it is returned.
    pub fn start_poll(&mut self, request: usize, stale_read: bool) -> Option<Call> {
        let now = self.now;
        let table = &self.state.table;
        let read = if stale_read { &table.previous[request] } else { &table.requests[request] };
        let read = read.clone().filter(|read| read.0.is_readable(now));
        let timed_out = read.as_ref().and_then(|read| read.0.timed_out_if_expired(now));
        if timed_out.is_some() && !self.has(Mutation::PollWithoutStoringTimeout) {
            return read.map(|read| Call::Poll { request, read, now });
        }
        let shown = timed_out.as_ref().or(read.as_ref().map(|read| &*read.0));
        self.state.trace.record_poll(request, shown, self.state.table.get(request), now);
        None
    }

    pub fn proceed_poll(
        &mut self,
        request: usize,
        read: Stored,
        now: Timestamp,
        fault: Option<StepFault>,
    ) -> Option<Step> {
        let write = self.time_out(request, &read.0, now);
        match (fault, write) {
            (Some(StepFault::WriteResponseLost), ConditionalWrite::Applied) => {
                Some(Step::InProgress(Call::Poll { request, read, now }))
            }
            (Some(_), _) => None,
            // A retry needs no idempotency token: the response is the stored record.
            (None, _) => {
                self.show(request, now);
                self.remove_ended_later(request, now);
                Some(Step::Done)
            }
        }
    }

    /// An expired request becomes a timeout, as in a poll.
    pub fn proceed_cancel(
        &mut self,
        request: usize,
        now: Timestamp,
        fault: Option<StepFault>,
    ) -> Option<Step> {
        let write = self.cancel(request, now);
        match (fault, write) {
            (Some(StepFault::WriteResponseLost), ConditionalWrite::Applied) => {
                return Some(Step::InProgress(Call::Cancel { request, now }));
            }
            (Some(StepFault::ResponseLost), ConditionalWrite::Applied) => {}
            (None, _) => {
                let stored = self.state.table.requests[request].as_ref();
                let expired = stored.filter(|read| read.0.timeout_reason(now).is_some());
                if let Some(read) = expired.filter(|read| read.0.is_readable(now)).cloned() {
                    return Some(Step::InProgress(Call::Poll { request, read, now }));
                }
                self.show(request, now);
            }
            _ => return None,
        }
        self.remove_ended_later(request, now);
        Some(Step::Done)
    }

    /// The write may have failed because of a report, or because of a claim on another clock: then the request is open.
    fn remove_ended_later(&mut self, request: usize, now: Timestamp) {
        let has_ended = self.stored(request).is_some_and(|stored| stored.has_ended(now));
        if has_ended || self.has(Mutation::PollRemovesAnyId) {
            self.remove_later(only(request));
        }
    }

    fn show(&mut self, request: usize, now: Timestamp) {
        let stored = self.state.table.get(request);
        let shown = stored.filter(|stored| stored.is_readable(now));
        self.state.trace.record_poll(request, shown, stored, now);
    }

    pub fn proceed_report(
        &mut self,
        from: Option<Daemon>,
        request: usize,
        author: Daemon,
        fault: Option<StepFault>,
    ) -> Option<Step> {
        if self.has(Mutation::ReportRemovesIdFirst) && self.state.table.open[request].is_some() {
            self.remove_ids(only(request));
            return fault.is_none().then_some(Step::InProgress(Call::Report { from, request, author }));
        }
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

    /// The stored outcome is the idempotency token of a report. The id is removed after the outcome was stored, by this report or
    /// an earlier one; heartbeats remove what other calls have ended.
    fn acknowledge(&mut self, request: usize, author: Daemon, write: ConditionalWrite) {
        let own = self.stored(request).is_some_and(|record| author.is_author_of(record));
        let readable = self.stored(request).is_some_and(|record| record.is_readable(self.now));
        let recognized = own && readable && !self.has(Mutation::ReportWithoutIdempotency);
        if write == ConditionalWrite::Applied || recognized {
            self.state.trace.record_report(request, author);
            self.remove_later(only(request));
        } else if readable {
            self.state.trace.check(Invariant::StaleIsNotStored, !own);
        }
    }

    pub fn proceed_removal(&mut self, mut ids: RequestSet) {
        if self.has(Mutation::OrphanJudgedAtRemoval) {
            for index in REQUESTS {
                let ended = self.stored(index).is_some_and(|stored| stored.has_ended(self.now));
                let old = self.state.table.open[index].is_some_and(|id| is_orphan(id, self.now));
                ids[index] &= ended || old;
            }
        }
        self.remove_ids(ids);
    }
}
