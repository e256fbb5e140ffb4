//! The steps of a heartbeat: record, list, and claim until a claim is won.

use doorbell_protocol::InFlight;
use doorbell_shared::request::{ClaimFilter, Delivery, LeaseToken, State};

use crate::actions::StepFault;
use crate::actors::{Daemon, Instance, REQUESTS, RequestSet};
use crate::design::{Invariant, Mutation};
use crate::handlers::Step;
use crate::state::{Call, Candidate, HeartbeatStep};
use crate::store::{ConditionalWrite, Context};

impl Context<'_> {
    /// Returns `None` if there is no work hint or no candidate.
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
        fault: Option<StepFault>,
    ) -> Option<Step> {
        let next = match step {
            HeartbeatStep::List if fault.is_none() => self.list(in_flight),
            HeartbeatStep::List => return None,
            HeartbeatStep::Claim { candidates, token } => {
                self.claim_step(from, in_flight, candidates, token, fault)?
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

    fn claim_filter(&self, in_flight: RequestSet) -> ClaimFilter {
        if self.has(Mutation::NoRedelivery) {
            return ClaimFilter::Pending;
        }
        let ignored = self.has(Mutation::RedeliveryIgnoresInFlight);
        let listed = REQUESTS.into_iter().filter(|request| in_flight[*request] && !ignored);
        let ids: Vec<_> = listed.filter_map(|request| Some(self.stored(request)?.address.request)).collect();
        // Two requests are within the limit of the list.
        InFlight::try_from(ids).map_or(ClaimFilter::Pending, ClaimFilter::PendingOrLost)
    }

    fn candidate(&self, request: usize, filter: &ClaimFilter) -> Option<Candidate> {
        let stored = self.stored(request)?;
        let delivery = stored.delivery(filter, self.now)?;
        let attempts = match (delivery, &stored.state) {
            (Delivery::Redelivery { .. }, State::Running(lease)) => lease.attempt,
            _ => 0,
        };
        Some(Candidate { request, delivery, attempts })
    }

    /// Claims the first candidate. Returns the next step, if there is one.
    fn claim_step(
        &mut self,
        from: Option<Daemon>,
        in_flight: RequestSet,
        candidates: Vec<Candidate>,
        token: LeaseToken,
        fault: Option<StepFault>,
    ) -> Option<Option<HeartbeatStep>> {
        let Candidate { request, delivery, attempts } = candidates[0];
        let skipped =
            candidates.iter().any(|other| other.request < request && self.is_claimable(other.request));
        let applied = self.claim(request, delivery, token) == ConditionalWrite::Applied;
        self.state.trace.check(Invariant::FirstComeFirstServed, !(skipped && applied));
        let own = self.state.table.lease_token(request) == Some(token);
        let won = applied || (own && !self.has(Mutation::ClaimWithoutLeaseToken));
        match (fault, from) {
            (Some(StepFault::WriteResponseLost), _) if applied => {
                return Some(Some(HeartbeatStep::Claim { candidates, token }));
            }
            (None, _) if !won => {
                self.state.trace.check(Invariant::WinnerGetsRequest, !own);
                return Some(self.claim_first(candidates[1..].to_vec()));
            }
            (None, Some(daemon)) => self.state.in_flight[daemon as usize][request] = true,
            (None, None) => {}
            (Some(StepFault::ResponseLost), Some(_)) if won => {}
            // Heartbeats are duplicated as a whole, at their start.
            _ => return None,
        }
        self.state.trace.record_delivery(request, attempts + 1);
        self.state.trace.check(Invariant::InFlightIsNotRedelivered, !in_flight[request]);
        Some(None)
    }

    fn is_claimable(&self, request: usize) -> bool {
        let stored = self.stored(request);
        stored.is_some_and(|stored| {
            matches!(stored.state, State::Pending) && stored.timeout_reason(self.now).is_none()
        })
    }
}
