//! The store with faults: accesses are slow, fail, or are applied after they have failed. Also the interceptor between the
//! SDK and the embedded engine, and the deliberate bugs.

use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::{RequestId, RuntimeId, Timestamp, WorkspaceId};
use doorbell_shared::access::Principal;
use doorbell_shared::rate_limit::Charge;
use doorbell_shared::request::{Address, ClaimFilter, Delivery, LeaseToken, RequestOutcome};
use doorbell_shared::runtime::{Registration, RuntimeIdNamespace};
use doorbell_shared::store::dynamodb::embedded::{Fault, Interceptor, ServiceError};
use doorbell_shared::store::{
    Candidate, ChargeOutcome, ClaimOutcome, DeregisterOutcome, ForgetOutcome, HeartbeatOutcome,
    InitiateOutcome, PollOutcome, RegisterOutcome, ReportOutcome, Result, RuntimePage, Store, StoreError,
    StoreErrorKind,
};

use crate::context::{Bug, Context, Environment, SharedStore};
use crate::history::{Access, AccessKind, AccessOutcome, FaultKind};

/// The store of one call.
pub(crate) struct FaultyStore<S> {
    pub(crate) context: Arc<Context<S>>,
    pub(crate) call: usize,
}

impl<S: SharedStore> FaultyStore<S> {
    /// The sleeps before and after let other calls and crashes interleave.
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

    /// Records the outcome of an access. After an error it stays unknown.
    fn finish<T>(&self, access: usize, response: &Result<T>, is_done: impl FnOnce(&T) -> bool) {
        if let Ok(response) = response {
            let outcome = if is_done(response) { AccessOutcome::Done } else { AccessOutcome::Refused };
            self.context.environment.history().accesses[access].outcome = outcome;
        }
    }
}

fn unreachable_store() -> StoreError {
    StoreError::new("simulated", StoreErrorKind::Unreachable)
}

impl<S: SharedStore> Store for FaultyStore<S> {
    async fn initiate(
        &self,
        address: Address,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<InitiateOutcome> {
        let caller = caller.clone();
        let access = self.start(AccessKind::Initiate, address.request, now);
        let response = self.access(|store| async move { store.initiate(address, &caller, now).await }).await;
        self.finish(access, &response, |initiated| matches!(initiated, InitiateOutcome::Enqueued(_)));
        response
    }

    async fn poll(&self, address: Address, caller: &Principal, now: Timestamp) -> Result<PollOutcome> {
        let caller = caller.clone();
        let bug = self.context.bug;
        let access = self.start(AccessKind::Poll, address.request, now);
        let poll = |store| async move { poll_with_bug(bug, store, address, &caller, now).await };
        let response = self.access(poll).await;
        self.finish(access, &response, |polled| *polled != PollOutcome::NotFound);
        response
    }

    async fn record_heartbeat(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<HeartbeatOutcome> {
        let caller = caller.clone();
        self.access(|store| async move { store.record_heartbeat(runtime, &caller, now).await }).await
    }

    async fn renew_listing(&self, workspace: WorkspaceId, runtime: RuntimeId, now: Timestamp) -> Result<()> {
        self.access(|store| async move { store.renew_listing(workspace, runtime, now).await }).await
    }

    async fn list_claimable(
        &self,
        runtime: RuntimeId,
        filter: &ClaimFilter,
        now: Timestamp,
    ) -> Result<Vec<Candidate>> {
        let pending_only = self.context.bug == Some(Bug::NoRedelivery);
        let filter = if pending_only { ClaimFilter::Pending } else { filter.clone() };
        self.access(|store| async move { store.list_claimable(runtime, &filter, now).await }).await
    }

    async fn claim(
        &self,
        address: Address,
        caller: &Principal,
        delivery: Delivery,
        token: LeaseToken,
        now: Timestamp,
    ) -> Result<ClaimOutcome> {
        let access = self.start(AccessKind::Claim, address.request, now);
        self.context.environment.history().accesses[access].lease = Some((delivery, token));
        let caller = caller.clone();
        let claim = |store: S| async move { store.claim(address, &caller, delivery, token, now).await };
        let response = self.access(claim).await;
        self.finish(access, &response, |claim| matches!(claim, ClaimOutcome::Won(_)));
        response
    }

    async fn report(
        &self,
        address: Address,
        caller: &Principal,
        outcome: &RequestOutcome,
        now: Timestamp,
    ) -> Result<ReportOutcome> {
        let caller = caller.clone();
        let outcome = outcome.clone();
        let access = self.start(AccessKind::Report, address.request, now);
        let report = |store: S| async move { store.report(address, &caller, &outcome, now).await };
        let response = self.access(report).await;
        self.finish(access, &response, |reported| {
            matches!(reported, ReportOutcome::Recorded { .. } | ReportOutcome::Duplicate)
        });
        response
    }

    async fn register(
        &self,
        registration: Registration,
        namespace: RuntimeIdNamespace,
        now: Timestamp,
    ) -> Result<RegisterOutcome> {
        self.access(|store| async move { store.register(registration, namespace, now).await }).await
    }

    async fn deregister(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<DeregisterOutcome> {
        let caller = caller.clone();
        self.access(|store| async move { store.deregister(runtime, &caller, now).await }).await
    }

    async fn forget_runtime(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<ForgetOutcome> {
        let caller = caller.clone();
        self.access(|store| async move { store.forget_runtime(runtime, &caller, now).await }).await
    }

    async fn list_runtimes(
        &self,
        workspace: WorkspaceId,
        after: Option<RuntimeId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<RuntimePage> {
        self.access(|store| async move { store.list_runtimes(workspace, after, limit, now).await }).await
    }

    async fn charge(&self, charge: &Charge, now: Timestamp) -> Result<ChargeOutcome> {
        let charge = *charge;
        self.access(|store| async move { store.charge(&charge, now).await }).await
    }
}

/// The delay of a stale read.
const STALENESS: Duration = Duration::from_millis(600);

async fn poll_with_bug(
    bug: Option<Bug>,
    store: impl Store,
    address: Address,
    caller: &Principal,
    now: Timestamp,
) -> Result<PollOutcome> {
    // No deadline has passed at the epoch, so this poll only reads.
    let epoch = Timestamp::from_millis(0).unwrap();
    if bug.is_some()
        && let PollOutcome::Found(request) = store.poll(address, caller, epoch).await?
        && request.is_readable(now)
    {
        match (bug, request.timed_out_if_expired(now)) {
            (Some(Bug::StalePolls), _) if now.since(request.created_at) < STALENESS => {
                return Ok(PollOutcome::NotFound);
            }
            (Some(Bug::TimeoutsNotStored), Some(timed_out)) => return Ok(PollOutcome::Found(timed_out)),
            _ => {}
        }
    }
    store.poll(address, caller, now).await
}

/// Faults between the SDK and the embedded engine: the SDK retries, and the store has to recognize its first try.
#[derive(Debug)]
pub(crate) struct SeededInterceptor(pub(crate) Arc<Environment>);

impl Interceptor for SeededInterceptor {
    fn fault(&self, _operation: &str) -> Fault {
        let Environment { plan, rng, clock, .. } = &*self.0;
        if !plan.allows_faults_at(clock.elapsed_ms()) || !rng.happens(plan.rates.sdk) {
            return Fault::None;
        }
        let delay = Duration::from_millis(rng.number(1..3_000));
        let error = rng.one_of(&[ServiceError::Throttled, ServiceError::Internal]);
        let (kind, fault) = rng.one_of(&[
            (FaultKind::SdkUnreachable, Fault::Unreachable),
            (FaultKind::SdkRefused, Fault::Rejected(error)),
            (FaultKind::SdkDelayed, Fault::Delayed(delay)),
            (FaultKind::SdkDelayed, Fault::ResponseDelayed(delay)),
            (FaultKind::SdkResponseLost, Fault::ResponseLost),
            (FaultKind::SdkResponseLost, Fault::ResponseCut),
            (FaultKind::SdkResponseLost, Fault::ResponseReplaced(error)),
        ]);
        self.0.record_fault(kind);
        fault
    }
}
