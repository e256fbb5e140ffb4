//! The push channel under a function's policy.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use doorbell_protocol::PushMessage;
use doorbell_shared::push::{ClientId, Delivery, Push, PushChannel, PushError};
use doorbell_test_support::push::ScriptedPush;

/// Denies what is not one of `actions`, as IAM does.
pub(crate) fn channel(push: &Arc<ScriptedPush>, actions: &BTreeSet<String>) -> PushChannel {
    let channel = push.channel();
    let push = Arc::new(AllowedPush { push: Arc::clone(&channel.push), actions: actions.clone() });
    PushChannel { push, ..channel }
}

#[derive(Debug)]
struct AllowedPush {
    push: Arc<dyn Push>,
    actions: BTreeSet<String>,
}

impl AllowedPush {
    fn check(&self, action: &'static str) -> Result<(), PushError> {
        if self.actions.contains(action) { Ok(()) } else { Err(PushError::new(action, "ForbiddenException")) }
    }
}

#[async_trait]
impl Push for AllowedPush {
    async fn send(&self, client: &ClientId, message: &PushMessage) -> Delivery {
        match self.check("iot:SendDirectMessage") {
            Ok(()) => self.push.send(client, message).await,
            Err(error) => Delivery::Unknown(error),
        }
    }

    async fn is_connected(&self, client: &ClientId) -> Result<bool, PushError> {
        self.check("iot:GetConnection")?;
        self.push.is_connected(client).await
    }

    async fn disconnect(&self, client: &ClientId) -> Result<(), PushError> {
        self.check("iot:DeleteConnection")?;
        self.push.disconnect(client).await
    }
}
