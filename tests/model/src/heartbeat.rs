//! Heartbeat: record, list, and claim until a claim is won.

use doorbell_shared::id::ClaimId;
use doorbell_shared::request::{Delivery, InFlight, Looking, State};

use crate::actions::Fault;
use crate::actors::{Daemon, Instance, RequestIndex, RequestSet};
use crate::design::{Invariant, Mutation};
use crate::handlers::Step;
use crate::state::{Call, Candidate, Context, HeartbeatStep};
use crate::store::ConditionalWrite;

/// Ends at once without a work hint or without candidates.
pub fn start_heartbeat(context: &Context<'_>, daemon: Daemon, instance: Instance) -> Option<Call> {
    let in_flight = context.state.in_flight(daemon);
    let step = list(context, in_flight)?;
    Some(Call::Heartbeat { from: Some(daemon), instance, in_flight, step })
}

/// A duplicate of the same heartbeat, which has not arrived yet.
pub fn duplicate_heartbeat(context: &Context<'_>, daemon: Daemon, instance: Instance) -> Call {
    let in_flight = context.state.in_flight(daemon);
    Call::Heartbeat { from: None, instance, in_flight, step: HeartbeatStep::List }
}

pub fn proceed_heartbeat(
    context: &mut Context<'_>,
    from: Option<Daemon>,
    instance: Instance,
    in_flight: RequestSet,
    step: HeartbeatStep,
    fault: Option<Fault>,
) -> Option<Step> {
    let next = match step {
        HeartbeatStep::List if fault.is_none() => list(context, in_flight),
        HeartbeatStep::List => return None,
        HeartbeatStep::Claim { candidates, token } => {
            Attempt { from, in_flight, candidates, token }.run(context, fault)?
        }
    };
    Some(match next {
        Some(step) => Step::InProgress(Call::Heartbeat { from, instance, in_flight, step }),
        None => Step::Done,
    })
}

fn list(context: &Context<'_>, in_flight: RequestSet) -> Option<HeartbeatStep> {
    if !context.state.store.has_work_hint(context.now) {
        return None;
    }
    let filter = claim_filter(context, in_flight);
    let found = |request| candidate(context, request, &filter);
    let mut candidates: Vec<_> = RequestIndex::ALL.into_iter().filter_map(found).collect();
    if context.design.has(Mutation::NewestFirst) {
        candidates.reverse();
    }
    claim_first(context, candidates)
}

/// Each claim has a lease token of its own.
fn claim_first(context: &Context<'_>, candidates: Vec<Candidate>) -> Option<HeartbeatStep> {
    (!candidates.is_empty())
        .then(|| HeartbeatStep::Claim { candidates, token: context.state.next_lease_token() })
}

fn claim_filter(context: &Context<'_>, in_flight: RequestSet) -> Looking {
    if context.design.has(Mutation::NoRedelivery) {
        return Looking::ForPending;
    }
    let id = |request| Some(context.state.store.get(request)?.address.request);
    let in_flight: Vec<_> = if context.design.has(Mutation::RedeliveryIgnoresInFlight) {
        Vec::new()
    } else {
        in_flight.iter().filter_map(id).collect()
    };
    // Two requests are within the limit of the list.
    InFlight::try_from(in_flight).map_or(Looking::ForPending, Looking::ForPendingAndUndelivered)
}

fn candidate(context: &Context<'_>, request: RequestIndex, filter: &Looking) -> Option<Candidate> {
    let stored = context.state.store.get(request)?;
    let delivery = stored.delivery(filter, context.now)?;
    let attempts = match (delivery, &stored.state) {
        (Delivery::Again { .. }, State::Running(lease)) => lease.attempt,
        _ => 0,
    };
    Some(Candidate { request, delivery, attempts })
}

/// One claim of the first candidate.
struct Attempt {
    from: Option<Daemon>,
    in_flight: RequestSet,
    candidates: Vec<Candidate>,
    token: ClaimId,
}

impl Attempt {
    /// The step after the claim, if there is one.
    fn run(self, context: &mut Context<'_>, fault: Option<Fault>) -> Option<Option<HeartbeatStep>> {
        let Candidate { request, delivery, .. } = *self.candidates.first()?;
        let skipped = self.skips_older(context);
        let write = context.state.store.claim(request, delivery, self.token, context.now, context.design);
        let applied = write == ConditionalWrite::Applied;
        context.state.trace.check(Invariant::FirstComeFirstServed, !(skipped && applied));
        match fault {
            // Heartbeats are duplicated as a whole, at their start.
            Some(Fault::Duplicated) => None,
            Some(Fault::WriteResponseLost) => applied
                .then_some(Some(HeartbeatStep::Claim { candidates: self.candidates, token: self.token })),
            _ if applied || self.recognizes_lease(context, request) => self.win(context, fault),
            Some(Fault::ResponseLost) => None,
            None => Some(self.lose(context, request)),
        }
    }

    /// Whether an older request of the same list can still be claimed.
    fn skips_older(&self, context: &Context<'_>) -> bool {
        let Some((first, others)) = self.candidates.split_first() else { return false };
        others.iter().filter(|other| other.request < first.request).any(|other| {
            let stored = context.state.store.get(other.request);
            stored.is_some_and(|stored| {
                matches!(stored.state, State::Pending) && stored.lapse(context.now).is_none()
            })
        })
    }

    fn recognizes_lease(&self, context: &Context<'_>, request: RequestIndex) -> bool {
        let own = context.state.store.lease_token(request) == Some(self.token);
        own && !context.design.has(Mutation::ClaimWithoutLeaseToken)
    }

    fn win(&self, context: &mut Context<'_>, fault: Option<Fault>) -> Option<Option<HeartbeatStep>> {
        let Candidate { request, attempts, .. } = *self.candidates.first()?;
        context.state.trace.record_delivery(request, attempts + 1);
        context.state.trace.check(Invariant::InFlightIsNotRedelivered, !self.in_flight[request]);
        match (fault, self.from) {
            (None, Some(daemon)) => context.state.in_flight_mut(daemon)[request] = true,
            (None, None) | (Some(Fault::ResponseLost), Some(_)) => {}
            _ => return None,
        }
        Some(None)
    }

    fn lose(mut self, context: &mut Context<'_>, request: RequestIndex) -> Option<HeartbeatStep> {
        let won = context.state.store.lease_token(request) == Some(self.token);
        context.state.trace.check(Invariant::WinnerGetsRequest, !won);
        self.candidates.remove(0);
        claim_first(context, self.candidates)
    }
}
