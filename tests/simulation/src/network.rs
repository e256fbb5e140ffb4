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
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::access::FaultyStore;
use crate::context::{Context, Instance, SharedStore};
use crate::history::{Call, End, FaultKind, FunctionResponse};
use crate::operation::{Caller, Operation};
use crate::seeded::{SeededIds, SkewedClock};

/// A crashing instance stops after fewer await points than this. A heartbeat with two claims and a removal has twelve.
const AWAIT_POINTS: u64 = 16;

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

    /// Calls a function on some instance, without a network. Returns `None` when the instance crashes.
    pub(crate) async fn invoke(
        self: &Arc<Self>,
        caller: Caller,
        operation: Operation,
    ) -> Option<FunctionResponse> {
        let environment = &self.environment;
        let index = usize::try_from(environment.rng.number(0..self.instances.len() as u64)).unwrap();
        let Instance { clock, ids } = &self.instances[index];
        let event = self.event(caller.workspace, &operation);
        let call = environment.history().calls.len();
        let began = environment.moment();
        let skew = environment.plan.skews[index];
        let end = End::Open;
        environment.history().calls.push(Call { caller, operation, instance: index, skew, began, end });
        let state = AppState {
            store: FaultyStore { context: Arc::clone(self), call },
            clock: Arc::<SkewedClock>::clone(clock),
            id_gen: Arc::<SeededIds>::clone(ids),
            rates: TokenRates::unlimited(),
            push: None,
        };
        let crashes = environment.injects(FaultKind::InstanceCrashed, environment.plan.rates.instance_crash);
        let awaits = crashes.then(|| environment.rng.number(0..AWAIT_POINTS));
        // Boxed, because it is too large for the stack of a test thread.
        let handler = Box::pin(invoke(event.0, &state, &event.1));
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
async fn until_crash<F: Future>(mut handler: Pin<Box<F>>, mut awaits: Option<u64>) -> Option<F::Output> {
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
