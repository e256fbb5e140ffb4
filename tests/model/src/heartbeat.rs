//! Heartbeat: record, list, and claim until a claim is won.

use doorbell_shared::id::ClaimId;
use doorbell_shared::request::{Delivery, InFlight, Looking, State};

use crate::actions::Fault;
use crate::actors::{Daemon, Instance, REQUESTS, RequestIndex, RequestSet};
use crate::design::{Invariant, Mutation};
use crate::handlers::Step;
use crate::state::{Call, Candidate, HeartbeatStep};
use crate::store::{ConditionalWrite, Context};

impl Context<'_> {
    /// Ends at once without a work hint or without candidates.
    pub fn start_heartbeat(&self, daemon: Daemon, instance: Instance) -> Option<Call> {
        let in_flight = self.state.in_flight[daemon as usize];
        let step = self.list(in_flight)?;
        Some(Call::Heartbeat { from: Some(daemon), instance, in_flight, step })
    }

    pub fn proceed_heartbeat(
        &mut self,
        from: Option<Daemon>,
        instance: Instance,
        in_flight: RequestSet,
        step: HeartbeatStep,
        fault: Option<Fault>,
    ) -> Option<Step> {
        let next = match step {
            HeartbeatStep::List if fault.is_none() => self.list(in_flight),
            HeartbeatStep::List => return None,
            HeartbeatStep::Claim { candidates, token } => {
                Attempt { from, in_flight, candidates, token }.run(self, fault)?
            }
        };
        let call = next.map(|step| Call::Heartbeat { from, instance, in_flight, step });
        Some(call.map_or(Step::Done, Step::InProgress))
    }

    fn list(&self, in_flight: RequestSet) -> Option<HeartbeatStep> {
        if !self.state.table.has_work_hint(self.now) {
            return None;
        }
        let filter = self.claim_filter(in_flight);
        let found = |request| self.candidate(request, &filter);
        let mut candidates: Vec<_> = REQUESTS.into_iter().filter_map(found).collect();
        if self.has(Mutation::NewestFirst) {
            candidates.reverse();
        }
        self.claim_first(candidates)
    }

    /// Each claim has a lease token of its own.
    fn claim_first(&self, candidates: Vec<Candidate>) -> Option<HeartbeatStep> {
        let token = self.state.next_lease_token();
        (!candidates.is_empty()).then_some(HeartbeatStep::Claim { candidates, token })
    }

    fn claim_filter(&self, in_flight: RequestSet) -> Looking {
        if self.has(Mutation::NoRedelivery) {
            return Looking::ForPending;
        }
        let ignored = self.has(Mutation::RedeliveryIgnoresInFlight);
        let listed = REQUESTS.into_iter().filter(|request| in_flight[*request] && !ignored);
        let ids: Vec<_> = listed.filter_map(|request| Some(self.stored(request)?.address.request)).collect();
        // Two requests are within the limit of the list.
        InFlight::try_from(ids).map_or(Looking::ForPending, Looking::ForPendingAndUndelivered)
    }

    fn candidate(&self, request: RequestIndex, filter: &Looking) -> Option<Candidate> {
        let stored = self.stored(request)?;
        let delivery = stored.delivery(filter, self.now)?;
        let attempts = match (delivery, &stored.state) {
            (Delivery::Again { .. }, State::Running(lease)) => lease.attempt,
            _ => 0,
        };
        Some(Candidate { request, delivery, attempts })
    }
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
        let applied = context.claim(request, delivery, self.token) == ConditionalWrite::Applied;
        context.state.trace.check(Invariant::FirstComeFirstServed, !(skipped && applied));
        let own = context.state.table.lease_token(request) == Some(self.token);
        let recognized = own && !context.has(Mutation::ClaimWithoutLeaseToken);
        match fault {
            // Heartbeats are duplicated as a whole, at their start.
            Some(Fault::Duplicated) => None,
            Some(Fault::WriteResponseLost) => applied
                .then_some(Some(HeartbeatStep::Claim { candidates: self.candidates, token: self.token })),
            _ if applied || recognized => self.win(context, fault),
            Some(Fault::ResponseLost) => None,
            None => {
                context.state.trace.check(Invariant::WinnerGetsRequest, !own);
                Some(context.claim_first(self.candidates[1..].to_vec()))
            }
        }
    }

    /// Whether an older request of the same list can still be claimed.
    fn skips_older(&self, context: &Context<'_>) -> bool {
        let first = self.candidates[0].request;
        self.candidates.iter().filter(|other| other.request < first).any(|other| {
            context.stored(other.request).is_some_and(|stored| {
                matches!(stored.state, State::Pending) && stored.lapse(context.now).is_none()
            })
        })
    }

    fn win(&self, context: &mut Context<'_>, fault: Option<Fault>) -> Option<Option<HeartbeatStep>> {
        let Candidate { request, attempts, .. } = *self.candidates.first()?;
        context.state.trace.record_delivery(request, attempts + 1);
        context.state.trace.check(Invariant::InFlightIsNotRedelivered, !self.in_flight[request]);
        match (fault, self.from) {
            (None, Some(daemon)) => context.state.in_flight[daemon as usize][request] = true,
            (None, None) | (Some(Fault::ResponseLost), Some(_)) => {}
            _ => return None,
        }
        Some(None)
    }
}
