//! Getting to the store and back: every call takes time, so that others come in between and a crash can hit before and after
//! it; some fail, applied or not, and some are applied long after they have failed.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use doorbell_shared::access::Workspaces;
use doorbell_shared::request::LeaseToken;
use doorbell_protocol::{RequestId, RuntimeId, WorkspaceId};
use doorbell_shared::request::{Address, Delivery, ClaimFilter, RequestOutcome};
use doorbell_shared::runtime::{Registration, Runtime};
use doorbell_shared::store::{
    HeartbeatOutcome, Candidate, ClaimOutcome, Deregister, DeregisterOutcome, Heartbeat, Initiate, InitiateOutcome, Poll, PollOutcome, Register,
    Report, ReportOutcome, Result, Runtimes, Store, StoreError, TokenStore,
};
use doorbell_protocol::Timestamp;
use doorbell_shared::token::{TokenHash, TokenRecord};

use crate::faults::Fault;
use crate::history::{Moment, Step, StepKind, StepOutcome};
use crate::world::World;

/// The store as one invocation of a function reaches it.
pub(crate) struct Faulty<S> {
    world: Arc<World<S>>,
    call: usize,
}

impl<S: Store + Clone + 'static> Faulty<S> {
    pub(crate) fn new(world: Arc<World<S>>, call: usize) -> Self {
        Self { world, call }
    }

    /// Carries out `operation`, or what becomes of it.
    async fn reach<T, F>(&self, operation: impl FnOnce(S) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let world = &self.world;
        let operation = operation(world.store.clone());
        world.sleep(0..15).await;
        let rate = world.plan.rates.store;
        if world.befalls(Fault::StoreRefused, rate) {
            return Err(unavailable());
        }
        if world.befalls(Fault::StoreAppliedLate, rate / 4) {
            let late = world.chance.millis(50..8_000);
            tokio::spawn(apply_after(late, operation));
            return Err(unavailable());
        }
        if world.befalls(Fault::StoreSlow, rate / 2) {
            world.sleep(200..3_000).await;
        }
        let answer = operation.await;
        world.sleep(0..15).await;
        if world.befalls(Fault::StoreAnswerLost, rate) { Err(unavailable()) } else { answer }
    }

    /// [`reach`](Self::reach) for what bears on one request.
    async fn step<T, F>(
        &self,
        step: Step,
        operation: impl FnOnce(S) -> F,
        done: impl FnOnce(&T) -> bool,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let step = self.begin(step);
        let answer = self.reach(operation).await;
        if let Ok(answer) = &answer {
            let outcome = if done(answer) { StepOutcome::Done } else { StepOutcome::Refused };
            self.world.history().steps[step].outcome = outcome;
        }
        answer
    }

    fn begin(&self, step: Step) -> usize {
        let began = self.world.moment();
        let steps = &mut self.world.history().steps;
        steps.push(Step { began, ..step });
        steps.len() - 1
    }

    fn of(&self, kind: StepKind, request: RequestId, now: Timestamp) -> Step {
        let (began, outcome) = (Moment { millis: 0, order: 0 }, StepOutcome::Unclear);
        Step { call: self.call, kind, request, now, hand_out: None, began, outcome }
    }
}

async fn apply_after<T>(late: Duration, operation: impl Future<Output = Result<T>>) {
    tokio::time::sleep(late).await;
    let _ = operation.await;
}

fn unavailable() -> StoreError {
    StoreError { operation: "simulated", detail: "the store could not be reached".to_owned() }
}

impl<S: Store + Clone + 'static> Initiate for Faulty<S> {
    async fn initiate(&self, address: Address, allowed: &Workspaces, now: Timestamp) -> Result<InitiateOutcome> {
        let allowed = allowed.clone();
        let operation = |store: S| async move { store.initiate(address, &allowed, now).await };
        let step = self.of(StepKind::Initiate, address.request, now);
        self.step(step, operation, |initiated| matches!(initiated, InitiateOutcome::Enqueued(_))).await
    }
}

impl<S: Store + Clone + 'static> Poll for Faulty<S> {
    async fn poll(&self, address: Address, allowed: &Workspaces, now: Timestamp) -> Result<PollOutcome> {
        let allowed = allowed.clone();
        let operation = |store: S| async move { store.poll(address, &allowed, now).await };
        let step = self.of(StepKind::Poll, address.request, now);
        self.step(step, operation, |polled| *polled != PollOutcome::NotFound).await
    }
}

impl<S: Store + Clone + 'static> Heartbeat for Faulty<S> {
    async fn beat(&self, runtime: RuntimeId, allowed: &Workspaces, now: Timestamp) -> Result<HeartbeatOutcome> {
        let allowed = allowed.clone();
        self.reach(|store| async move { store.record_heartbeat(runtime, &allowed, now).await }).await
    }

    async fn look(&self, runtime: RuntimeId, looking: &ClaimFilter, now: Timestamp) -> Result<Vec<Candidate>> {
        let looking = looking.clone();
        self.reach(|store| async move { store.look(runtime, &looking, now).await }).await
    }

    async fn claim(
        &self,
        address: Address,
        delivery: Delivery,
        claim: LeaseToken,
        now: Timestamp,
    ) -> Result<ClaimOutcome> {
        let operation = |store: S| async move { store.claim(address, delivery, claim, now).await };
        let step = self.of(StepKind::ClaimOutcome, address.request, now);
        let step = Step { hand_out: Some((delivery, claim)), ..step };
        self.step(step, operation, |claim| matches!(claim, ClaimOutcome::Won(_))).await
    }
}

impl<S: Store + Clone + 'static> Report for Faulty<S> {
    async fn report(
        &self,
        address: Address,
        allowed: &Workspaces,
        outcome: &RequestOutcome,
        now: Timestamp,
    ) -> Result<ReportOutcome> {
        let (allowed, outcome) = (allowed.clone(), outcome.clone());
        let operation = |store: S| async move { store.report(address, &allowed, &outcome, now).await };
        let step = self.of(StepKind::Report, address.request, now);
        self.step(step, operation, |reported| {
            matches!(reported, ReportOutcome::Recorded { .. } | ReportOutcome::Duplicate)
        })
        .await
    }
}

impl<S: Store + Clone + 'static> Register for Faulty<S> {
    async fn register(&self, registration: Registration, now: Timestamp) -> Result<Runtime> {
        self.reach(|store| async move { store.register(registration, now).await }).await
    }
}

impl<S: Store + Clone + 'static> Deregister for Faulty<S> {
    async fn deregister(
        &self,
        runtime: RuntimeId,
        allowed: &Workspaces,
        now: Timestamp,
    ) -> Result<DeregisterOutcome> {
        let allowed = allowed.clone();
        self.reach(|store| async move { store.deregister(runtime, &allowed, now).await }).await
    }
}

impl<S: Store + Clone + 'static> Runtimes for Faulty<S> {
    async fn runtimes(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<Runtime>> {
        self.reach(|store| async move { store.runtimes(workspace, now).await }).await
    }
}

impl<S: Store + Clone + 'static> TokenStore for Faulty<S> {
    async fn token(&self, hash: TokenHash, now: Timestamp) -> Result<Option<TokenRecord>> {
        self.reach(|store| async move { store.token(hash, now).await }).await
    }
}
