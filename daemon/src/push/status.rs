//! The state of the push channel for users.

use std::fmt;

use doorbell_mqtt::{Closed, ConnectError, Refusal};

use super::address::InvalidPushUrl;

/// What the push channel is good for at present.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PushStatus {
    /// Not used: the deployment has none, it is switched off, or the daemon has not connected for the first time.
    #[default]
    Off,
    /// Messages arrive, and heartbeats are as rare as the server asks.
    Proven,
    /// Heartbeats are as frequent as without the channel.
    FallingBack(FallbackReason),
}

impl fmt::Display for PushStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Proven => f.write_str("proven"),
            Self::FallingBack(reason) => write!(f, "falling back to 15 s heartbeats because {reason}"),
        }
    }
}

/// Why the push channel is not proven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FallbackReason {
    /// The server's URL is not used.
    #[error(transparent)]
    Unusable(InvalidPushUrl),
    /// The server answered, and does not accept the daemon.
    #[error("the connection was refused: {0}")]
    Refused(Refusal),
    /// No connection.
    #[error("the connection failed: {0}")]
    Failed(String),
    /// The connection ended.
    #[error("the connection was lost: {}", words(.0))]
    Lost(Closed),
    /// The server answered a heartbeat, and its message did not come.
    #[error("messages do not arrive")]
    Deaf,
    /// Messages arrive, but the server does not rely on them.
    #[error("the server asks for them")]
    Asked,
}

impl From<ConnectError> for FallbackReason {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Refused(refusal) => Self::Refused(refusal),
            ConnectError::Io(error) => Self::Failed(error.to_string()),
            ConnectError::Timeout | ConnectError::Protocol(_) => Self::Failed(error.to_string()),
        }
    }
}

fn words(closed: &Closed) -> String {
    match closed {
        Closed::Lost => "the server or the network closed it".to_owned(),
        Closed::Io(kind) => kind.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fallback_has_its_reason_in_words() {
        let url = "mqtt://push.example.com".parse::<super::super::PushAddress>().unwrap_err();
        for (reason, words) in [
            (FallbackReason::Refused(Refusal::NotAuthorized), "the connection was refused: not authorized"),
            (ConnectError::Timeout.into(), "the connection failed: the server did not answer within 10 s"),
            (
                FallbackReason::Lost(Closed::Lost),
                "the connection was lost: the server or the network closed it",
            ),
            (
                FallbackReason::Lost(Closed::PingTimeout),
                "the connection was lost: the server did not answer a ping in time",
            ),
            (FallbackReason::Deaf, "messages do not arrive"),
            (
                FallbackReason::Unusable(url),
                "the server names \"mqtt://push.example.com\", to which the token would be sent unencrypted",
            ),
        ] {
            let status = PushStatus::FallingBack(reason).to_string();
            assert_eq!(status, format!("falling back to 15 s heartbeats because {words}"));
        }
    }
}
