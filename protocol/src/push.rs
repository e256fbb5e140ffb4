//! The push channel: what a registration and a heartbeat say of it, and the messages that it carries.

use serde::{Deserialize, Serialize};

use crate::id::RuntimeId;

/// The topic of every message.
pub const PUSH_TOPIC: &str = "doorbell/wake";

/// What the server answers to a registration about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSettings {
    /// How to connect to the push channel. Only if the registration has asked for it and the deployment has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<PushSettings>,
}

/// How a daemon connects to the push channel: with MQTT 3.1.1, and its token as the password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushSettings {
    /// `mqtts://host:port`. `mqtt://host:port` for a channel on this machine.
    pub url: String,
    /// The only client id that the token may use. One connection serves all runtimes of a daemon.
    pub client_id: String,
    /// For IoT Core, it names the authorizer.
    pub username: String,
    /// The topic of the messages. No subscription is needed.
    pub topic: String,
}

/// The state of the push channel, as a daemon sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonPush {
    /// Whether the daemon is connected. After it has lost a connection, only if a heartbeat that said so was answered.
    pub connected: bool,
}

/// A message to a daemon. It carries no work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PushMessage {
    /// The runtime was asked. The daemon sends a heartbeat of it.
    Hint {
        /// The runtime.
        runtime_id: RuntimeId,
    },
    /// Proves that messages arrive. Sent after a heartbeat that says that the daemon is connected.
    Hello {
        /// Always `true`.
        hello: bool,
    },
}

impl PushMessage {
    /// The message that proves the channel.
    pub const HELLO: Self = Self::Hello { hello: true };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_wire_form() {
        let runtime_id = "11111111-2222-4333-8444-555555555555".parse().unwrap();
        let hint = r#"{"runtime_id":"11111111-2222-4333-8444-555555555555"}"#;
        for (message, text) in
            [(PushMessage::Hint { runtime_id }, hint), (PushMessage::HELLO, r#"{"hello":true}"#)]
        {
            assert_eq!(serde_json::to_string(&message).unwrap(), text);
            assert_eq!(serde_json::from_str::<PushMessage>(text).unwrap(), message);
        }
    }

    #[test]
    fn settings_without_push_are_empty() {
        assert_eq!(serde_json::to_string(&ServerSettings::default()).unwrap(), "{}");
    }
}
