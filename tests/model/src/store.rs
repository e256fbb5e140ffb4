//! The table: one runtime's work hint and its requests. Each method is one access, and each write has its condition.
//! The conditions are the lifecycle's own; only a mutation bypasses them.

use doorbell_shared::id::ClaimId;
use doorbell_shared::limits::{ATTENTION, PENDING_DEADLINE};
use doorbell_shared::request::{Delivery, Outcome, Request, Run, State};
use doorbell_shared::time::Timestamp;

use crate::actors::RequestIndex;
use crate::design::{Design, Mutation};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionalWrite {
    Applied,
    ConditionFailed,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Store {
    work_hint_until: Option<Timestamp>,
    requests: [Option<Request>; 2],
    /// The versions that an eventually consistent read may return. Empty unless the design has such reads.
    previous: [Option<Request>; 2],
}

impl Store {
    pub fn get(&self, request: RequestIndex) -> Option<&Request> {
        self.requests[request as usize].as_ref()
    }

    pub fn get_eventually_consistent(&self, request: RequestIndex) -> Option<&Request> {
        self.previous[request as usize].as_ref()
    }

    pub fn lease_token(&self, request: RequestIndex) -> Option<ClaimId> {
        match self.get(request)?.state {
            State::Running(lease) => Some(lease.claim),
            _ => None,
        }
    }

    pub fn has_work_hint(&self, now: Timestamp) -> bool {
        self.work_hint_until.is_some_and(|until| until >= now)
    }

    /// The runtime is always online here, so the write has no condition that could fail.
    pub fn write_work_hint(&mut self, now: Timestamp, design: Design) {
        let short = design.has(Mutation::WorkHintWhilePendingOnly);
        self.work_hint_until = Some(now + if short { PENDING_DEADLINE } else { ATTENTION });
    }

    pub fn put(&mut self, index: RequestIndex, request: Request, design: Design) -> ConditionalWrite {
        let created = self.get(index).is_none().then_some(request);
        self.write(index, created, design)
    }

    pub fn claim(
        &mut self,
        index: RequestIndex,
        delivery: Delivery,
        token: ClaimId,
        now: Timestamp,
        design: Design,
    ) -> ConditionalWrite {
        let claimed = self.get(index).and_then(|request| claimed(request, delivery, token, now, design));
        self.write(index, claimed, design)
    }

    /// Writes the timeout of `read` if the stored request is still the same version.
    pub fn time_out(
        &mut self,
        index: RequestIndex,
        read: &Request,
        now: Timestamp,
        design: Design,
    ) -> ConditionalWrite {
        let unchanged = self.get(index).is_some_and(|request| {
            request.state.status() == read.state.status() && request.updated_at == read.updated_at
        });
        let writes = unchanged || design.has(Mutation::TimeoutWithoutCondition);
        let timed_out = read.timed_out_if_lapsed(now).filter(|_| writes);
        self.write(index, timed_out, design)
    }

    pub fn report(
        &mut self,
        index: RequestIndex,
        outcome: &Outcome,
        now: Timestamp,
        design: Design,
    ) -> ConditionalWrite {
        let reported = self.get(index).and_then(|request| {
            if design.has(Mutation::ReportWithoutCondition) {
                Some(Request { state: outcome.clone().into(), updated_at: now, ..request.clone() })
            } else {
                request.reported_if_open(outcome, now)
            }
        });
        self.write(index, reported, design)
    }

    fn write(&mut self, index: RequestIndex, changed: Option<Request>, design: Design) -> ConditionalWrite {
        let Some(changed) = changed else { return ConditionalWrite::ConditionFailed };
        let previous = self.requests[index as usize].replace(changed);
        if design.has(Mutation::EventuallyConsistentRead) {
            self.previous[index as usize] = previous;
        }
        ConditionalWrite::Applied
    }
}

fn claimed(
    request: &Request,
    delivery: Delivery,
    token: ClaimId,
    now: Timestamp,
    design: Design,
) -> Option<Request> {
    let first = Run { started_at: now, claim: token, attempt: 1 };
    let running = |lease| Some(Request { state: State::Running(lease), updated_at: now, ..request.clone() });
    match (design.0, delivery, &request.state) {
        (Some(Mutation::ClaimWithoutCondition), Delivery::First, _) => running(first),
        (Some(Mutation::ClaimIgnoresDeadline), Delivery::First, State::Pending) => running(first),
        (Some(Mutation::RedeliveryOfAnyLease), Delivery::Again { .. }, State::Running(lease)) => {
            request.redelivered_if_undelivered(lease.claim, token, now)
        }
        (Some(Mutation::RedeliveryRestartsClock), Delivery::Again { .. }, State::Running(lease)) => {
            request.claimed_if_deliverable(delivery, token, now)?;
            running(Run { attempt: lease.attempt + 1, ..first })
        }
        _ => request.claimed_if_deliverable(delivery, token, now),
    }
}
