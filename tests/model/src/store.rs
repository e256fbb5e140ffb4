//! Conditional writes to the table. The conditions are the lifecycle's own; only a mutation bypasses them.

use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::PENDING_DEADLINE;
use doorbell_shared::limits::WORK_HINT_LIFETIME;
use doorbell_shared::request::{Delivery, Lease, LeaseToken, Request, RequestOutcome, State};

use crate::design::Mutation;
use crate::state::ModelState;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionalWrite {
    Applied,
    ConditionFailed,
}

/// The state, the mutation and the instance's time, for a handler.
pub struct Context<'a> {
    pub state: &'a mut ModelState,
    pub mutation: Option<Mutation>,
    pub now: Timestamp,
}

impl Context<'_> {
    pub fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub fn stored(&self, index: usize) -> Option<&Request> {
        self.state.table.requests[index].as_ref()
    }

    /// Without a condition, because the runtime is always online in the model.
    pub fn write_work_hint(&mut self, now: Timestamp) {
        let short = self.has(Mutation::WorkHintWhilePendingOnly);
        self.state.table.work_hint_until =
            Some(now + if short { PENDING_DEADLINE } else { WORK_HINT_LIFETIME });
    }

    pub fn put(&mut self, index: usize, request: Request) -> ConditionalWrite {
        let created = self.stored(index).is_none().then_some(request);
        self.write(index, created)
    }

    pub fn claim(&mut self, index: usize, delivery: Delivery, token: LeaseToken) -> ConditionalWrite {
        let claimed = self.stored(index).and_then(|request| self.claimed(request, delivery, token));
        self.write(index, claimed)
    }

    /// Writes the timeout of `read` if the stored request has not changed.
    pub fn time_out(&mut self, index: usize, read: &Request, now: Timestamp) -> ConditionalWrite {
        let version = |request: &Request| (request.state.status(), request.updated_at);
        let unchanged = self.stored(index).is_some_and(|request| version(request) == version(read));
        let writes = unchanged || self.has(Mutation::TimeoutWithoutCondition);
        self.write(index, read.timed_out_if_expired(now).filter(|_| writes))
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
        let previous = self.state.table.requests[index].replace(changed);
        if self.has(Mutation::EventuallyConsistentRead) {
            self.state.table.previous[index] = previous;
        }
        ConditionalWrite::Applied
    }

    fn claimed(&self, request: &Request, delivery: Delivery, token: LeaseToken) -> Option<Request> {
        let now = self.now;
        let first = Lease { claimed_at: now, token, attempt: 1 };
        let running =
            |lease| Some(Request { state: State::Running(lease), updated_at: now, ..request.clone() });
        match (self.mutation, delivery, &request.state) {
            (Some(Mutation::ClaimWithoutCondition), Delivery::First, _) => running(first),
            (Some(Mutation::ClaimIgnoresDeadline), Delivery::First, State::Pending) => running(first),
            (Some(Mutation::RedeliveryOfAnyLease), Delivery::Redelivery { .. }, State::Running(lease)) => {
                request.redelivered_if_lost(lease.token, token, now)
            }
            (Some(Mutation::RedeliveryRestartsClock), Delivery::Redelivery { .. }, State::Running(lease)) => {
                request.claimed_if_claimable(delivery, token, now)?;
                running(Lease { attempt: lease.attempt + 1, ..first })
            }
            _ => request.claimed_if_claimable(delivery, token, now),
        }
    }
}
