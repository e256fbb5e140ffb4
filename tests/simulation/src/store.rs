//! The store with faults: accesses are slow, fail, or are applied long after they have failed. Also the interceptor between
//! the SDK and the embedded engine, and the deliberate bugs.

use std::sync::Arc;
use std::time::Duration;

use doorbell_shared::access::Workspaces;
use doorbell_shared::id::{ClaimId, RequestId, RuntimeId, WorkspaceId};
use doorbell_shared::request::{Address, Delivery, Looking, Outcome};
use doorbell_shared::runtime::{Registration, Runtime};
use doorbell_shared::store::dynamodb::embedded::{Failure, Passage, Tap};
use doorbell_shared::store::{
    Beat, Candidate, Claim, Deregister, Deregistered, Heartbeat, Initiate, Initiated, Poll, Polled, Register,
    Report, Reported, Result, Runtimes, Store, StoreError, Tokens,
};
use doorbell_shared::time::Timestamp;
use doorbell_shared::token::{TokenHash, TokenRecord};

use crate::context::{Bug, Context, Environment, SharedStore};
use crate::history::{Access, AccessKind, AccessOutcome, FaultKind};

/// The store as one call of a function reaches it.
pub(crate) struct FaultyStore<S> {
    pub(crate) context: Arc<Context<S>>,
    pub(crate) call: usize,
}

impl<S: SharedStore> FaultyStore<S> {
    /// The sleeps before and after let other calls and crashes come in between.
    async fn access<T, F>(&self, operation: impl FnOnce(S) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let environment = &self.context.environment;
        let rate = environment.plan.rates.store;
        let operation = operation(self.context.store.clone());
        environment.sleep(0..15).await;
        if environment.injects(FaultKind::StoreFailed, rate) {
            return Err(unreachable_store());
        }
        if environment.injects(FaultKind::StoreAppliedLate, rate / 4) {
            let delay = Duration::from_millis(environment.rng.number(50..8_000));
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                operation.await.ok();
            });
            return Err(unreachable_store());
        }
        if environment.injects(FaultKind::StoreSlow, rate / 2) {
            environment.sleep(200..3_000).await;
        }
        let response = operation.await;
        environment.sleep(0..15).await;
        if environment.injects(FaultKind::StoreResponseLost, rate) {
            Err(unreachable_store())
        } else {
            response
        }
    }

    /// Records the start of an access that concerns one request.
    fn start(&self, kind: AccessKind, request: RequestId, now: Timestamp) -> usize {
        let began = self.context.environment.moment();
        let outcome = AccessOutcome::Unknown;
        let access = Access { call: self.call, kind, request, now, lease: None, began, outcome };
        let accesses = &mut self.context.environment.history().accesses;
        accesses.push(access);
        accesses.len() - 1
    }

    /// Records its outcome. After an error the outcome is unknown.
    fn finish<T>(&self, access: usize, response: &Result<T>, is_done: impl FnOnce(&T) -> bool) {
        if let Ok(response) = response {
            let outcome = if is_done(response) { AccessOutcome::Done } else { AccessOutcome::Refused };
            self.context.environment.history().accesses[access].outcome = outcome;
        }
    }
}

fn unreachable_store() -> StoreError {
    StoreError { operation: "simulated", detail: "the store could not be reached".to_owned() }
}

impl<S: SharedStore> Initiate for FaultyStore<S> {
    async fn initiate(&self, address: Address, allowed: &Workspaces, now: Timestamp) -> Result<Initiated> {
        let allowed = allowed.clone();
        let access = self.start(AccessKind::Initiate, address.request, now);
        let response = self.access(|store| async move { store.initiate(address, &allowed, now).await }).await;
        self.finish(access, &response, |initiated| matches!(initiated, Initiated::Enqueued(_)));
        response
    }
}

impl<S: SharedStore> Poll for FaultyStore<S> {
    async fn poll(&self, address: Address, allowed: &Workspaces, now: Timestamp) -> Result<Polled> {
        let allowed = allowed.clone();
        let bug = self.context.bug;
        let access = self.start(AccessKind::Poll, address.request, now);
        let poll = |store| async move { poll_with_bug(bug, store, address, &allowed, now).await };
        let response = self.access(poll).await;
        self.finish(access, &response, |polled| *polled != Polled::Unknown);
        response
    }
}

impl<S: SharedStore> Heartbeat for FaultyStore<S> {
    async fn beat(&self, runtime: RuntimeId, allowed: &Workspaces, now: Timestamp) -> Result<Beat> {
        let allowed = allowed.clone();
        self.access(|store| async move { store.beat(runtime, &allowed, now).await }).await
    }

    async fn look(&self, runtime: RuntimeId, looking: &Looking, now: Timestamp) -> Result<Vec<Candidate>> {
        let pending_only = self.context.bug == Some(Bug::NoRedelivery);
        let filter = if pending_only { Looking::ForPending } else { looking.clone() };
        self.access(|store| async move { store.look(runtime, &filter, now).await }).await
    }

    async fn claim(
        &self,
        address: Address,
        delivery: Delivery,
        claim: ClaimId,
        now: Timestamp,
    ) -> Result<Claim> {
        let access = self.start(AccessKind::Claim, address.request, now);
        self.context.environment.history().accesses[access].lease = Some((delivery, claim));
        let response =
            self.access(|store| async move { store.claim(address, delivery, claim, now).await }).await;
        self.finish(access, &response, |claim| matches!(claim, Claim::Won(_)));
        response
    }
}

impl<S: SharedStore> Report for FaultyStore<S> {
    async fn report(
        &self,
        address: Address,
        allowed: &Workspaces,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Reported> {
        let allowed = allowed.clone();
        let outcome = outcome.clone();
        let access = self.start(AccessKind::Report, address.request, now);
        let response =
            self.access(|store| async move { store.report(address, &allowed, &outcome, now).await }).await;
        self.finish(access, &response, |reported| {
            matches!(reported, Reported::Recorded { .. } | Reported::Repeated)
        });
        response
    }
}

impl<S: SharedStore> Register for FaultyStore<S> {
    async fn register(&self, registration: Registration, now: Timestamp) -> Result<Runtime> {
        self.access(|store| async move { store.register(registration, now).await }).await
    }
}

impl<S: SharedStore> Deregister for FaultyStore<S> {
    async fn deregister(
        &self,
        runtime: RuntimeId,
        allowed: &Workspaces,
        now: Timestamp,
    ) -> Result<Deregistered> {
        let allowed = allowed.clone();
        self.access(|store| async move { store.deregister(runtime, &allowed, now).await }).await
    }
}

impl<S: SharedStore> Runtimes for FaultyStore<S> {
    async fn runtimes(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<Runtime>> {
        self.access(|store| async move { store.runtimes(workspace, now).await }).await
    }
}

impl<S: SharedStore> Tokens for FaultyStore<S> {
    async fn token(&self, hash: TokenHash, now: Timestamp) -> Result<Option<TokenRecord>> {
        self.access(|store| async move { store.token(hash, now).await }).await
    }
}

/// The delay of a stale read.
const STALENESS: Duration = Duration::from_millis(600);

async fn poll_with_bug(
    bug: Option<Bug>,
    store: impl Store,
    address: Address,
    allowed: &Workspaces,
    now: Timestamp,
) -> Result<Polled> {
    // No deadline has passed at the epoch, so this poll only reads.
    let epoch = Timestamp::from_millis(0).unwrap();
    if bug.is_some()
        && let Polled::Found(request) = store.poll(address, allowed, epoch).await?
        && request.is_readable(now)
    {
        match (bug, request.timed_out_if_lapsed(now)) {
            (Some(Bug::StalePolls), _) if now.since(request.created_at) < STALENESS => {
                return Ok(Polled::Unknown);
            }
            (Some(Bug::TimeoutsNotStored), Some(timed_out)) => return Ok(Polled::Found(timed_out)),
            _ => {}
        }
    }
    store.poll(address, allowed, now).await
}

/// Faults between the SDK and the embedded engine: the SDK retries, and the store has to recognise its own first try.
#[derive(Debug)]
pub(crate) struct SeededInterceptor(pub(crate) Arc<Environment>);

impl Tap for SeededInterceptor {
    fn pass(&self, _operation: &str) -> Passage {
        let Environment { plan, rng, clock, .. } = &*self.0;
        if !plan.allows_faults_at(clock.elapsed_ms()) || !rng.happens(plan.rates.sdk) {
            return Passage::Through;
        }
        let delay = Duration::from_millis(rng.number(1..3_000));
        let failure = rng.one_of(&[Failure::Throttled, Failure::Internal]);
        let (fault, passage) = rng.one_of(&[
            (FaultKind::SdkUnreachable, Passage::Unreachable),
            (FaultKind::SdkRefused, Passage::Refused(failure)),
            (FaultKind::SdkDelayed, Passage::Delayed(delay)),
            (FaultKind::SdkDelayed, Passage::AnswerDelayed(delay)),
            (FaultKind::SdkResponseLost, Passage::AnswerLost),
            (FaultKind::SdkResponseLost, Passage::AnswerCut),
            (FaultKind::SdkResponseLost, Passage::AnswerReplaced(failure)),
        ]);
        self.0.record_fault(fault);
        passage
    }
}
