//! The table: one runtime's hint and its requests. Each method is one access, and each write has its condition.
//!
//! The conditions are the lifecycle's own, called literally; only a mutation goes past them.

use doorbell_shared::id::ClaimId;
use doorbell_shared::limits::{ATTENTION, PENDING_DEADLINE};
use doorbell_shared::request::{Delivery, Outcome, Request, Run, State};
use doorbell_shared::time::Timestamp;

use crate::design::{Design, Mutation};
use crate::party::Question;

/// What a conditional write came to. A refused one shows what stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// The condition held.
    Applied,
    /// It did not.
    Refused,
}

/// What is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Store {
    attention_until: Option<Timestamp>,
    requests: [Option<Request>; 2],
    /// What an eventually consistent read may still see; kept only where there are such reads.
    before: [Option<Request>; 2],
}

impl Store {
    /// The request as it stands.
    pub fn get(&self, question: Question) -> Option<&Request> {
        self.requests[question as usize].as_ref()
    }

    /// The request before its last change.
    pub fn get_eventually(&self, question: Question) -> Option<&Request> {
        self.before[question as usize].as_ref()
    }

    /// The mark of whoever holds the request.
    pub fn claim_of(&self, question: Question) -> Option<ClaimId> {
        match self.get(question)?.state {
            State::Running(run) => Some(run.claim),
            _ => None,
        }
    }

    /// Whether the request runs by `claim`.
    pub fn holds(&self, question: Question, claim: ClaimId) -> bool {
        self.claim_of(question) == Some(claim)
    }

    /// Whether heartbeats go and look for work.
    pub fn has_attention(&self, now: Timestamp) -> bool {
        self.attention_until.is_some_and(|until| until >= now)
    }

    /// Makes them do so. No condition that could fail: the runtime is there and online.
    pub fn draw_attention(&mut self, now: Timestamp, design: Design) {
        let short = design.has(Mutation::AttentionWhilePendingOnly);
        self.attention_until = Some(now + if short { PENDING_DEADLINE } else { ATTENTION });
    }

    /// Makes the request, if it is not there.
    pub fn put(&mut self, question: Question, request: Request, design: Design) -> Write {
        let made = self.get(question).is_none().then_some(request);
        self.write(question, made, design)
    }

    /// Hands the request out, if that is still possible in this way.
    pub fn claim(
        &mut self,
        question: Question,
        delivery: Delivery,
        claim: ClaimId,
        now: Timestamp,
        design: Design,
    ) -> Write {
        let claimed = self.get(question).and_then(|request| claimed(request, delivery, claim, now, design));
        self.write(question, claimed, design)
    }

    /// Times the request out, if it is still what was read.
    pub fn time_out(&mut self, question: Question, read: &Request, now: Timestamp, design: Design) -> Write {
        let unchanged = self.get(question).is_some_and(|request| {
            request.state.status() == read.state.status() && request.updated_at == read.updated_at
        });
        let timed_out = read
            .timed_out_if_lapsed(now)
            .filter(|_| unchanged || design.has(Mutation::TimeOutWithoutCondition));
        self.write(question, timed_out, design)
    }

    /// Stores the outcome, if the request is open.
    pub fn report(&mut self, question: Question, outcome: &Outcome, now: Timestamp, design: Design) -> Write {
        let reported = self.get(question).and_then(|request| match design {
            Design::Mutated(Mutation::ReportWithoutCondition) => {
                Some(Request { state: outcome.clone().into(), updated_at: now, ..request.clone() })
            }
            _ => request.reported_if_open(outcome, now),
        });
        self.write(question, reported, design)
    }

    fn write(&mut self, question: Question, changed: Option<Request>, design: Design) -> Write {
        let Some(changed) = changed else { return Write::Refused };
        let before = self.requests[question as usize].replace(changed);
        if design.has(Mutation::EventualRead) {
            self.before[question as usize] = before;
        }
        Write::Applied
    }
}

fn claimed(
    request: &Request,
    delivery: Delivery,
    claim: ClaimId,
    now: Timestamp,
    design: Design,
) -> Option<Request> {
    let first = Run { started_at: now, claim, attempt: 1 };
    let running = |run| Some(Request { state: State::Running(run), updated_at: now, ..request.clone() });
    match (design, delivery, &request.state) {
        (Design::Mutated(Mutation::ClaimWithoutCondition), Delivery::First, _) => running(first),
        (Design::Mutated(Mutation::ClaimOfWhatHasLapsed), Delivery::First, State::Pending) => running(first),
        (Design::Mutated(Mutation::RedeliveryOfAnyClaim), Delivery::Again { .. }, State::Running(run)) => {
            request.redelivered_if_undelivered(run.claim, claim, now)
        }
        (Design::Mutated(Mutation::RedeliveryRestartsClock), Delivery::Again { .. }, State::Running(run)) => {
            request.claimed_if_deliverable(delivery, claim, now)?;
            running(Run { started_at: now, claim, attempt: run.attempt + 1 })
        }
        _ => request.claimed_if_deliverable(delivery, claim, now),
    }
}
