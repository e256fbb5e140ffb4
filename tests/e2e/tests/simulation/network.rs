//! Between the parties and the functions: messages are lost, duplicated and late, and overtake each other; and function
//! instances, each with its clock, crash at any of their await points.
//!
//! A call that was sent goes on when its sender is gone, as a real one does.

use std::sync::Arc;
use std::time::Duration;

use doorbell_gateway;
use doorbell_client::TIMEOUT;
use doorbell_shared::http::AppState;
use doorbell_shared::store::Store;
use doorbell_test_support::Answer;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::asked::{Asked, Workspace};
use crate::crash::until_crash;
use crate::faults::Fault;
use crate::history::{Call, End};
use crate::storage::Faulty;
use doorbell_protocol::time::SkewedClock;
use crate::world::{SeededIds, World};

/// An instance that crashes does so within so many waits; a heartbeat with work has eight.
const WAITS: u64 = 12;

/// Somebody who calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) name: &'static str,
    pub(crate) workspace: Workspace,
}

impl Caller {
    /// Somebody in the workspace where everything happens.
    pub(crate) fn at_home(name: &'static str) -> Self {
        Self { name, workspace: Workspace::Home }
    }
}

impl<S: Store + Clone + 'static> World<S> {
    /// Asks, and waits for the first answer, as long as daemons and clients do.
    pub(crate) async fn call(self: &Arc<Self>, caller: Caller, asked: Asked) -> Option<Answer> {
        self.call_within(TIMEOUT, caller, asked).await
    }

    /// [`call`](Self::call), for an answer that is worth less time.
    pub(crate) async fn call_within(
        self: &Arc<Self>,
        time: Duration,
        caller: Caller,
        asked: Asked,
    ) -> Option<Answer> {
        let (answers, mut first) = unbounded_channel();
        let copies = if self.befalls(Fault::RequestDuplicated, self.plan.rates.duplicated) { 2 } else { 1 };
        for _ in 0..copies {
            tokio::spawn(Arc::clone(self).carry(caller, asked.clone(), answers.clone()));
        }
        drop(answers);
        tokio::time::timeout(time, first.recv()).await.ok().flatten()
    }

    /// Takes one copy of a request there, and its answer back.
    async fn carry(self: Arc<Self>, caller: Caller, asked: Asked, answers: UnboundedSender<Answer>) {
        self.travel().await;
        if self.befalls(Fault::RequestLost, self.plan.rates.request_lost) {
            return self.silence().await;
        }
        let Some(answer) = self.invoke(caller, asked).await else { return self.silence().await };
        self.travel().await;
        if self.befalls(Fault::ResponseLost, self.plan.rates.answer_lost) {
            return self.silence().await;
        }
        // Anonymous listens any more when another copy's answer was sooner, or the caller is gone.
        let _ = answers.send(answer);
    }

    async fn travel(&self) {
        if self.befalls(Fault::MessageDelayed, self.plan.rates.delayed) {
            self.sleep(200..12_000).await;
        } else {
            self.sleep(1..40).await;
        }
    }

    /// Some failures are known at once, others only by nothing coming.
    async fn silence(&self) {
        if self.chance.happens(500) {
            tokio::time::sleep(TIMEOUT).await;
        }
    }

    /// One invocation of a function on some instance. `None` when the instance crashed.
    pub(crate) async fn invoke(self: &Arc<Self>, caller: Caller, asked: Asked) -> Option<Answer> {
        let instance = usize::try_from(self.chance.number(0..self.instances.len() as u64)).unwrap();
        let event = self.event(caller.workspace, &asked);
        let function = asked.function();
        let call = self.begin(caller, asked, instance);
        let backend = AppState {
            store: Faulty::new(Arc::clone(self), call),
            clock: Arc::<SkewedClock>::clone(&self.instances[instance].clock),
            ids: Arc::<SeededIds>::clone(&self.instances[instance].ids),
        };
        let crashes = self.befalls(Fault::InstanceCrashed, self.plan.rates.instance_crash);
        let waits = crashes.then(|| self.chance.number(0..WAITS));
        let response = until_crash(invoke(function, &backend, &event), waits).await;
        let answer = response.map(|response| Answer {
            status: response.status().as_u16(),
            body: serde_json::from_slice(response.body()).unwrap(),
        });
        self.end(call, answer.clone());
        answer
    }

    fn begin(&self, caller: Caller, asked: Asked, instance: usize) -> usize {
        let began = self.moment();
        let skew = self.plan.skews[instance];
        let Caller { name: by, workspace } = caller;
        let calls = &mut self.history().calls;
        calls.push(RecordedCall { by, workspace, asked, instance, skew, began, end: End::Open });
        calls.len() - 1
    }

    fn end(&self, call: usize, answer: Option<Answer>) {
        let ended = self.moment();
        self.history().calls[call].end = match answer {
            Some(answer) => End::Answered(ended, answer),
            None => End::Crashed(ended),
        };
    }
}
