//! The steps of a heartbeat: record, claim, and remove the ids of requests that have ended.

use std::cmp::Reverse;

use doorbell_protocol::Timestamp;
use doorbell_shared::request::{ClaimFilter, LeaseToken, State};

use crate::actions::StepFault;
use crate::actors::{CLOCK_DIFFERENCE, Daemon, REQUESTS, RequestSet};
use crate::design::{Invariant, Mutation};
use crate::handlers::Step;
use crate::state::HeartbeatStep;
use crate::store::{ConditionalWrite, Context};

impl Context<'_> {
    /// Records the heartbeat and reads the open set. Returns `None` if it has nothing to claim.
    pub fn start_heartbeat(&self, in_flight: RequestSet) -> Option<HeartbeatStep> {
        let ignored = self.has(Mutation::RedeliveryIgnoresInFlight);
        let open = &self.state.table.open;
        let is_listed = |index: &usize| open[*index].is_some() && (ignored || !in_flight[*index]);
        let mut candidates: Vec<_> = REQUESTS.into_iter().filter(is_listed).collect();
        if self.has(Mutation::NewestFirst) {
            candidates.sort_by_key(|index| Reverse(open[*index]));
        } else {
            candidates.sort_by_key(|index| open[*index]);
        }
        let token = self.state.next_lease_token();
        let none = RequestSet::default();
        if candidates.is_empty() {
            return None;
        }
        Some(HeartbeatStep::Claim { candidates, token, retry_of: None, won: none, ended: none })
    }

    pub fn proceed_heartbeat(
        &mut self,
        from: Option<Daemon>,
        in_flight: RequestSet,
        step: HeartbeatStep,
        fault: Option<StepFault>,
    ) -> Option<Step<HeartbeatStep>> {
        let next = match step {
            HeartbeatStep::Record if fault.is_none() => self.start_heartbeat(in_flight),
            HeartbeatStep::Record => return None,
            HeartbeatStep::Claim { candidates, token, retry_of, won, ended } => {
                // A retry is the same write.
                self.now = retry_of.unwrap_or(self.now);
                let claims = Claims { from, in_flight, candidates, won, ended };
                self.claim_step(claims, token, fault)?
            }
        };
        Some(next.map_or(Step::Done, Step::InProgress))
    }

    /// Claims the first candidate. Returns the next step, if there is one.
    fn claim_step(
        &mut self,
        mut claims: Claims,
        token: LeaseToken,
        fault: Option<StepFault>,
    ) -> Option<Option<HeartbeatStep>> {
        let request = claims.candidates[0];
        if fault == Some(StepFault::StoreError) {
            return self.fail_claim(claims);
        }
        let is_applied = self.claim_first(&claims, token) == ConditionalWrite::Applied;
        let lease = self.state.table.lease(request).filter(|lease| lease.token == token);
        if fault == Some(StepFault::WriteResponseLost) {
            return is_applied.then_some(Some(claims.step(token, Some(self.now))));
        }
        let is_recognized = is_applied || !self.has(Mutation::ClaimWithoutLeaseToken);
        claims.candidates.remove(0);
        if let Some(lease) = lease.filter(|_| is_recognized) {
            claims.won[request] = true;
            self.state.trace.record_delivery(request, lease.attempt);
            self.state.trace.check(Invariant::InFlightIsNotRedelivered, !claims.in_flight[request]);
            if self.has(Mutation::IdRemovedAtClaim) {
                self.state.table.open[request] = None;
            }
        } else {
            self.state.trace.check(Invariant::WinnerGetsRequest, lease.is_none());
            claims.ended[request] = self.finds_ended(request);
        }
        self.next_claim(claims, fault)
    }

    /// Writes the claim of the first candidate.
    fn claim_first(&mut self, claims: &Claims, token: LeaseToken) -> ConditionalWrite {
        let request = claims.candidates[0];
        let age = |index: &usize| self.state.table.open[*index];
        let mut older = claims.candidates[1..].iter().filter(|other| age(other) < age(&request));
        let skipped = older.any(|other| self.is_claimable(*other));
        let replaced = self.state.table.lease(request).map(|lease| self.now.since(lease.leased_at));
        let filter =
            if self.has(Mutation::NoRedelivery) { ClaimFilter::Pending } else { ClaimFilter::PendingOrLost };
        let write = self.claim(request, filter, token);
        if write == ConditionalWrite::Applied {
            self.state.trace.check(Invariant::FirstComeFirstServed, !skipped);
            // A lease of the same instant is at most this old.
            let is_kept = replaced.is_none_or(|age| age > CLOCK_DIFFERENCE);
            self.state.trace.check(Invariant::OneWinner, is_kept);
        }
        write
    }

    /// The claim was not applied, and the SDK's retries have failed. The heartbeat ends with what it has.
    fn fail_claim(&mut self, mut claims: Claims) -> Option<Option<HeartbeatStep>> {
        if self.has(Mutation::ClaimAfterError) {
            claims.candidates.rotate_left(1);
            return Some(Some(claims.step(self.state.next_lease_token(), None)));
        }
        let is_crash = !claims.won.contains(&true) && !claims.ended.contains(&true);
        if is_crash {
            return None;
        }
        self.end_heartbeat(&claims, None)
    }

    /// Each claim has a lease token of its own.
    fn next_claim(&mut self, claims: Claims, fault: Option<StepFault>) -> Option<Option<HeartbeatStep>> {
        let is_full = claims.won.iter().filter(|won| **won).count() >= self.scope.claims;
        if claims.candidates.is_empty() || is_full {
            self.end_heartbeat(&claims, fault)
        } else {
            fault.is_none().then(|| Some(claims.step(self.state.next_lease_token(), None)))
        }
    }

    /// The daemon receives what was won. The removal stays in progress.
    fn end_heartbeat(&mut self, claims: &Claims, fault: Option<StepFault>) -> Option<Option<HeartbeatStep>> {
        match (fault, claims.from) {
            (None, Some(daemon)) => {
                for index in REQUESTS.into_iter().filter(|index| claims.won[*index]) {
                    self.state.in_flight[daemon as usize][index] = true;
                }
            }
            (None, None) => {}
            (Some(StepFault::ResponseLost), Some(_)) if claims.won.contains(&true) => {}
            // Heartbeats are duplicated as a whole, at their start.
            _ => return None,
        }
        self.remove_later(claims.ended);
        Some(None)
    }

    fn finds_ended(&self, request: usize) -> bool {
        let id = self.state.table.open[request];
        !self.has(Mutation::NoRemovalByHeartbeat) && id.is_some_and(|id| self.may_remove(request, id))
    }

    fn is_claimable(&self, request: usize) -> bool {
        let stored = self.stored(request);
        stored.is_some_and(|stored| stored.state == State::Pending && stored.is_open(self.now))
    }
}

/// The claims of a heartbeat that has recorded.
struct Claims {
    from: Option<Daemon>,
    in_flight: RequestSet,
    candidates: Vec<usize>,
    won: RequestSet,
    ended: RequestSet,
}

impl Claims {
    fn step(self, token: LeaseToken, retry_of: Option<Timestamp>) -> HeartbeatStep {
        let Self { candidates, won, ended, .. } = self;
        HeartbeatStep::Claim { candidates, token, retry_of, won, ended }
    }
}
