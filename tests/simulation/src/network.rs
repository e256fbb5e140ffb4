//! Between the actors and the functions: messages are lost, duplicated, delayed and reordered, and function instances crash
//! at any await point. A sent call continues after its sender has crashed.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use doorbell_client::TIMEOUT;
use doorbell_gateway::invoke;
use doorbell_shared::http::AppState;
use doorbell_shared::http::token_rates::TokenRates;
use doorbell_shared::push::PushChannel;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::access::FaultyStore;
use crate::broker::Broker;
use crate::context::{Context, Instance, SharedStore};
use crate::events::deployment;
use crate::history::{Call, End, FaultKind, FunctionResponse};
use crate::operation::{Caller, Operation};
use crate::seeded::{SeededIds, SkewedClock};

/// A crashing instance stops after fewer await points than this. A heartbeat with two claims, a removal and a proof has
/// more than twelve.
const AWAIT_POINTS: u64 = 20;

impl<S: SharedStore> Context<S> {
    /// Sends a request and returns the first response, if one arrives in time.
    pub(crate) async fn call(
        self: &Arc<Self>,
        caller: Caller,
        timeout: Duration,
        operation: Operation,
    ) -> Option<FunctionResponse> {
        let (sender, mut receiver) = unbounded_channel();
        let environment = &self.environment;
        let duplicated = environment.injects(FaultKind::RequestDuplicated, environment.plan.rates.duplicated);
        for _ in 0..if duplicated { 2 } else { 1 } {
            tokio::spawn(Arc::clone(self).carry(caller, operation.clone(), sender.clone()));
        }
        drop(sender);
        tokio::time::timeout(timeout, receiver.recv()).await.ok().flatten()
    }

    /// Carries one copy of a request to a function, and its response back.
    async fn carry(
        self: Arc<Self>,
        caller: Caller,
        operation: Operation,
        sender: UnboundedSender<FunctionResponse>,
    ) {
        let rates = &self.environment.plan.rates;
        self.travel().await;
        let now = self.environment.clock.elapsed_ms();
        if operation.is_of_daemon() && self.environment.plan.is_cut_off_at(now) {
            self.environment.record_fault(FaultKind::DaemonCutOff);
            return self.fail().await;
        }
        if self.environment.injects(FaultKind::RequestLost, rates.request_lost) {
            return self.fail().await;
        }
        let Some(response) = self.invoke(caller, operation).await else { return self.fail().await };
        self.travel().await;
        if self.environment.injects(FaultKind::ResponseLost, rates.response_lost) {
            return self.fail().await;
        }
        // The receiver is dropped after the response to another copy, or with its actor.
        sender.send(response).ok();
    }

    async fn travel(&self) {
        let environment = &self.environment;
        let delayed = environment.injects(FaultKind::MessageDelayed, environment.plan.rates.delayed);
        environment.sleep(if delayed { 200..12_000 } else { 1..40 }).await;
    }

    /// Half of the failures are immediate; the others time out.
    async fn fail(&self) {
        if self.environment.rng.happens(500) {
            tokio::time::sleep(TIMEOUT).await;
        }
    }

    pub(crate) fn any_instance(&self) -> usize {
        usize::try_from(self.environment.rng.number(0..self.instances.len() as u64)).unwrap()
    }

    pub(crate) fn faulty_store(self: &Arc<Self>, call: Option<usize>) -> FaultyStore<S> {
        FaultyStore { context: Arc::clone(self), call }
    }

    /// What the functions of an instance use, with this store.
    pub(crate) fn state<T>(&self, instance: usize, store: T) -> AppState<T> {
        let Instance { clock, ids } = &self.instances[instance];
        let channel = self.broker.as_ref().zip(self.environment.plan.push.as_ref());
        AppState {
            store,
            clock: Arc::<SkewedClock>::clone(clock),
            id_gen: Arc::<SeededIds>::clone(ids),
            rates: TokenRates::unlimited(),
            push: channel.map(|(broker, plan)| PushChannel {
                push: Arc::<Broker>::clone(broker),
                deployment: deployment(),
                url: "mqtts://push.invalid:443".to_owned(),
                username: "doorbell".to_owned(),
                interval: plan.interval,
            }),
        }
    }

    /// The await points after which an instance crashes, if it does.
    pub(crate) fn crash(&self, await_points: u64) -> Option<u64> {
        let environment = &self.environment;
        let crashes = environment.injects(FaultKind::InstanceCrashed, environment.plan.rates.instance_crash);
        crashes.then(|| environment.rng.number(0..await_points))
    }

    /// Calls a function on some instance, without a network. Returns `None` when the instance crashes.
    pub(crate) async fn invoke(
        self: &Arc<Self>,
        caller: Caller,
        operation: Operation,
    ) -> Option<FunctionResponse> {
        let environment = &self.environment;
        let index = self.any_instance();
        let event = self.event(caller.identity, &operation);
        let call = environment.history().calls.len();
        let began = environment.moment();
        let skew = environment.plan.skews[index];
        environment.history().calls.push(Call::new(caller, operation, index, skew, began));
        let state = self.state(index, self.faulty_store(Some(call)));
        let tokens = self.state(index, self.store.clone());
        let awaits = self.crash(AWAIT_POINTS);
        // Boxed, because it is too large for the stack of a test thread.
        let handler = Box::pin(invoke(event.0, &state, &tokens, &event.1));
        let response = until_crash(handler, awaits).await;
        let response = response.map(|response| FunctionResponse {
            status: response.status().as_u16(),
            body: serde_json::from_slice(response.body()).unwrap(),
        });
        let ended = environment.moment();
        environment.history().calls[call].end = match &response {
            Some(response) => End::Responded(ended, response.clone()),
            None => End::Crashed(ended),
        };
        response
    }
}

/// Runs a handler to its end, or drops it after `awaits` await points.
pub(crate) async fn until_crash<F: Future>(
    mut handler: Pin<Box<F>>,
    mut awaits: Option<u64>,
) -> Option<F::Output> {
    poll_fn(|context| match handler.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if awaits == Some(0) => Poll::Ready(None),
        Poll::Pending => {
            awaits = awaits.map(|awaits| awaits - 1);
            Poll::Pending
        }
    })
    .await
}
