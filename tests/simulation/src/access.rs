//! The store of one call: its accesses are slow, fail, or are applied after they have failed, and are recorded.

use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::{RequestId, Timestamp};
use doorbell_shared::access::Principal;
use doorbell_shared::request::{Address, KindFilter, OpenRequest, Request};
use doorbell_shared::store::{PollOutcome, Result, StoreError, StoreErrorKind};

use crate::context::{Context, SharedStore};
use crate::history::{Access, AccessKind, AccessOutcome, FaultKind};
use crate::plan::Storage;

/// The store of one call.
pub(crate) struct FaultyStore<S> {
    pub(crate) context: Arc<Context<S>>,
    /// `None` if the rule calls presence.
    pub(crate) call: Option<usize>,
}

impl<S: SharedStore> FaultyStore<S> {
    /// The sleeps before and after let other calls and crashes interleave.
    pub(crate) async fn access<T, F>(&self, operation: impl FnOnce(S) -> F) -> Result<T>
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
    pub(crate) fn start(&self, kind: AccessKind, request: RequestId, now: Timestamp) -> usize {
        let began = self.context.environment.moment();
        let outcome = AccessOutcome::Unknown;
        let call = self.call.unwrap();
        let access = Access { call, kind, request, now, lease: None, attempt: None, began, outcome };
        let accesses = &mut self.context.environment.history().accesses;
        accesses.push(access);
        accesses.len() - 1
    }

    /// Records the outcome of an access. After an error it stays unknown.
    pub(crate) fn finish<T>(&self, access: usize, response: &Result<T>, is_done: impl FnOnce(&T) -> bool) {
        if let Ok(response) = response {
            let outcome = if is_done(response) { AccessOutcome::Done } else { AccessOutcome::Refused };
            self.context.environment.history().accesses[access].outcome = outcome;
        }
    }

    /// The second write of what has ended `request` may fail.
    pub(crate) fn end(&self, request: &Request) {
        let runtime = request.address.runtime;
        let entry = OpenRequest::of(request);
        self.context.leaves_stray(FaultKind::RemovalLost, runtime, entry);
    }

    /// As [`end`](Self::end), for a request of which only the address is known.
    pub(crate) async fn end_at(&self, address: Address, caller: &Principal, now: Timestamp) {
        if self.context.environment.plan.storage != Storage::Memory {
            return;
        }
        let found = self.context.store.poll(address, KindFilter::Any, caller, now).await;
        if let Ok(PollOutcome::Found(request)) = found {
            self.end(&request);
        }
    }
}

pub(crate) fn unreachable_store() -> StoreError {
    StoreError::new("simulated", StoreErrorKind::Unreachable)
}
