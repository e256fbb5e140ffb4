//! A push channel without a network: it records each call and answers what the test has scripted.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use doorbell_protocol::PushMessage;
use doorbell_shared::push::{ClientId, Delivery, Push, PushChannel, PushError};

/// The deployment of [`ScriptedPush::channel`]. As long as in the cloud, so that items have their usual size.
pub const DEPLOYMENT: &str = "5c1d2b7e-8f43-4a0e-9d26-3b7f1e0a4c58";

/// The interval of the heartbeats of a daemon with proven push: that of a deployment.
pub const INTERVAL: Duration = Duration::from_secs(6 * 3600);

/// A call of the push channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushCall {
    Send(ClientId, PushMessage),
    IsConnected(ClientId),
    Disconnect(ClientId),
}

/// The answer to a message, as [`Delivery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Delivered,
    NotConnected,
    Unacknowledged,
    /// The channel fails.
    Unknown,
}

/// Delivers every message to clients that are all connected, until a test scripts something else. Answers at once.
#[derive(Debug, Default)]
pub struct ScriptedPush(Mutex<Script>);

#[derive(Debug, Default)]
struct Script {
    calls: Vec<PushCall>,
    next: VecDeque<Answer>,
    /// The answer after those of `next`.
    then: Option<Answer>,
    disconnected: BTreeSet<ClientId>,
    is_down: bool,
}

impl ScriptedPush {
    /// The channel of the deployment [`DEPLOYMENT`], with this push.
    pub fn channel(self: &Arc<Self>) -> PushChannel {
        PushChannel {
            push: Arc::<Self>::clone(self),
            deployment: DEPLOYMENT.parse().unwrap(),
            url: "mqtt://127.0.0.1:1883".to_owned(),
            username: "doorbell".to_owned(),
            interval: INTERVAL,
        }
    }

    /// Answers `answer` to all messages from now on.
    pub fn answer(&self, answer: Answer) {
        let mut script = self.script();
        script.next.clear();
        script.then = Some(answer);
    }

    /// Answers `answers` to the next messages, one each. Then as before.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script().next.extend(answers);
    }

    /// Whether `client` is connected. Does not change the answers to messages.
    pub fn set_connected(&self, client: &ClientId, connected: bool) {
        let disconnected = &mut self.script().disconnected;
        if connected {
            disconnected.remove(client);
        } else {
            disconnected.insert(client.clone());
        }
    }

    /// Whether all calls fail, for messages with [`Answer::Unknown`].
    pub fn set_down(&self, down: bool) {
        self.script().is_down = down;
    }

    /// The calls since the last time, in order.
    pub fn take(&self) -> Vec<PushCall> {
        std::mem::take(&mut self.script().calls)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }

    /// Records `call`, and fails if the channel is down.
    fn record(&self, operation: &'static str, call: PushCall) -> Result<MutexGuard<'_, Script>, PushError> {
        let mut script = self.script();
        script.calls.push(call);
        if script.is_down { Err(PushError::new(operation, "scripted")) } else { Ok(script) }
    }
}

#[async_trait]
impl Push for ScriptedPush {
    async fn send(&self, client: &ClientId, message: &PushMessage) -> Delivery {
        let mut script = match self.record("send", PushCall::Send(client.clone(), *message)) {
            Ok(script) => script,
            Err(error) => return Delivery::Unknown(error),
        };
        let next = script.next.pop_front().or(script.then);
        match next.unwrap_or(Answer::Delivered) {
            Answer::Delivered => Delivery::Delivered,
            Answer::NotConnected => Delivery::NotConnected,
            Answer::Unacknowledged => Delivery::Unacknowledged,
            Answer::Unknown => Delivery::Unknown(PushError::new("send", "scripted")),
        }
    }

    async fn is_connected(&self, client: &ClientId) -> Result<bool, PushError> {
        let script = self.record("get connection", PushCall::IsConnected(client.clone()))?;
        Ok(!script.disconnected.contains(client))
    }

    async fn disconnect(&self, client: &ClientId) -> Result<(), PushError> {
        let mut script = self.record("disconnect", PushCall::Disconnect(client.clone()))?;
        script.disconnected.insert(client.clone());
        Ok(())
    }
}
