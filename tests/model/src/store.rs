//! Conditional writes to the table. The conditions are the lifecycle's own; only a mutation bypasses them.

use doorbell_protocol::{Kind, RequestId, Timestamp};
use doorbell_shared::limits::CLOCK_SKEW;
use doorbell_shared::request::{ClaimFilter, Lease, LeaseToken, OpenRequest, Request, RequestOutcome, State};

use crate::actors::{REQUESTS, RequestSet};
use crate::design::{Mutation, Scope};
use crate::state::{Call, ModelState};
use crate::stored::Stored;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionalWrite {
    Applied,
    ConditionFailed,
}

/// The state, the design and the instance's time, for a handler.
pub struct Context<'a> {
    pub state: &'a mut ModelState,
    pub scope: &'a Scope,
    pub mutation: Option<Mutation>,
    pub now: Timestamp,
}

impl Context<'_> {
    pub fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub fn stored(&self, index: usize) -> Option<&Request> {
        self.state.table.get(index)
    }

    /// The runtime is always online in the model, so room is the only condition.
    pub fn add_id(&mut self, index: usize, id: RequestId) -> ConditionalWrite {
        let open = &mut self.state.table.open;
        if open.iter().flatten().count() >= self.scope.capacity {
            return ConditionalWrite::ConditionFailed;
        }
        open[index] = Some(id);
        ConditionalWrite::Applied
    }

    pub fn remove_ids(&mut self, ids: RequestSet) {
        for index in REQUESTS.into_iter().filter(|index| ids[*index]) {
            self.state.table.open[index] = None;
        }
    }

    /// Leaves the removal of `ids` in progress. A removal that would change nothing is left out: no id is added twice.
    pub fn remove_later(&mut self, ids: RequestSet) {
        if REQUESTS.iter().any(|index| ids[*index] && self.state.table.open[*index].is_some()) {
            self.state.calls.push(Call::Removal { ids });
        }
    }

    /// Whether a call that finds `id` in the open set, and cannot claim its request, removes it.
    pub fn may_remove(&self, index: usize, id: RequestId) -> bool {
        match (self.stored(index), self.mutation) {
            (Some(request), Some(Mutation::IdRemovedAtDeadline)) => !request.is_open(self.now),
            (Some(request), _) => request.has_ended(self.now),
            (None, Some(Mutation::OrphanRemovedAtOnce | Mutation::OrphanJudgedAtRemoval)) => true,
            (None, Some(Mutation::OrphanAgeWithoutSkew)) => is_orphan(id, self.now + CLOCK_SKEW),
            (None, _) => is_orphan(id, self.now),
        }
    }

    pub fn put(&mut self, index: usize, request: Request) -> ConditionalWrite {
        let created = self.stored(index).is_none().then_some(request);
        self.write(index, created)
    }

    pub fn claim(&mut self, index: usize, filter: ClaimFilter, token: LeaseToken) -> ConditionalWrite {
        let claimed = self.stored(index).and_then(|request| self.claimed(request, filter, token));
        self.write(index, claimed)
    }

    /// Writes the timeout of `read` if the stored request has not changed.
    pub fn time_out(&mut self, index: usize, read: &Request, now: Timestamp) -> ConditionalWrite {
        let version = |request: &Request| (request.state.status(), request.updated_at);
        let unchanged = self.stored(index).is_some_and(|request| version(request) == version(read));
        let writes = unchanged || self.has(Mutation::TimeoutWithoutCondition);
        self.write(index, read.timed_out_if_expired(now).filter(|_| writes))
    }

    pub fn cancel(&mut self, index: usize, now: Timestamp) -> ConditionalWrite {
        let cancelled = self.stored(index).and_then(|request| {
            if self.has(Mutation::CancelWithoutCondition) {
                Some(Request { state: State::Cancelled, updated_at: now, ..request.clone() })
            } else {
                request.cancelled_if_open(now)
            }
        });
        self.write(index, cancelled)
    }

    pub fn report(&mut self, index: usize, outcome: &RequestOutcome) -> ConditionalWrite {
        let reported = self.stored(index).and_then(|request| {
            if self.has(Mutation::ReportWithoutCondition) {
                Some(Request { state: outcome.clone().into(), updated_at: self.now, ..request.clone() })
            } else {
                request.reported_if_open(outcome, self.now)
            }
        });
        self.write(index, reported)
    }

    fn write(&mut self, index: usize, changed: Option<Request>) -> ConditionalWrite {
        let Some(changed) = changed else { return ConditionalWrite::ConditionFailed };
        let previous = self.state.table.requests[index].replace(Stored::from(changed));
        if self.has(Mutation::EventuallyConsistentRead) {
            self.state.table.previous[index] = previous;
        }
        ConditionalWrite::Applied
    }

    fn claimed(&self, request: &Request, filter: ClaimFilter, token: LeaseToken) -> Option<Request> {
        let now = self.now;
        let first = Lease { claimed_at: now, leased_at: now, token, attempt: 1 };
        let running =
            |lease| Some(Request { state: State::Running(lease), updated_at: now, ..request.clone() });
        match (self.mutation, &request.state) {
            (Some(Mutation::ClaimWithoutCondition), _) => running(first),
            (Some(Mutation::ClaimIgnoresDeadline), State::Pending) => running(first),
            (Some(Mutation::RedeliveryWithoutLeaseAge), State::Running(lease))
                if lease.token != token && request.is_open(now) =>
            {
                running(Lease { claimed_at: lease.claimed_at, attempt: lease.attempt + 1, ..first })
            }
            (Some(Mutation::RedeliveryRestartsClock), State::Running(lease)) => {
                request.claimed_if_claimable(filter, token, now)?;
                running(Lease { attempt: lease.attempt + 1, ..first })
            }
            _ => request.claimed_if_claimable(filter, token, now),
        }
    }
}

pub fn is_orphan(request: RequestId, now: Timestamp) -> bool {
    OpenRequest { request, kind: Kind::MODEL_LIST }.is_orphan(now)
}
