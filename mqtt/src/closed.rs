use std::io;

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// End of the stream without a DISCONNECT.
    #[error("the connection was lost")]
    Lost,
    #[error("the connection failed: {0}")]
    Io(io::ErrorKind),
    /// The client's DISCONNECT. Only clients send one in MQTT 3.1.1.
    #[error("the client disconnected")]
    Disconnect,
    #[error("the server did not answer a ping in time")]
    PingTimeout,
    #[error("the client was silent for 1.5 keep-alive intervals")]
    KeepAliveTimeout,
    #[error("the peer violated the protocol: {0}")]
    Protocol(String),
    /// This side closed.
    #[error("closed")]
    Local,
}

impl From<&io::Error> for Closed {
    fn from(error: &io::Error) -> Self {
        Self::Io(error.kind())
    }
}
