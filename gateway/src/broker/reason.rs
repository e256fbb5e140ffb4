use doorbell_mqtt::Closed;

/// The reasons that occur here (AWS, "Lifecycle events").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    ApiInitiated,
    ClientError,
    ClientInitiated,
    ConnectionLost,
    CustomAuthTtlExpiration,
    DuplicateClientId,
    KeepAliveTimeout,
    ServerInitiated,
}

impl DisconnectReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiInitiated => "API_INITIATED_DISCONNECT",
            Self::ClientError => "CLIENT_ERROR",
            Self::ClientInitiated => "CLIENT_INITIATED_DISCONNECT",
            Self::ConnectionLost => "CONNECTION_LOST",
            Self::CustomAuthTtlExpiration => "CUSTOMAUTH_TTL_EXPIRATION",
            Self::DuplicateClientId => "DUPLICATE_CLIENTID",
            Self::KeepAliveTimeout => "MQTT_KEEP_ALIVE_TIMEOUT",
            Self::ServerInitiated => "SERVER_INITIATED_DISCONNECT",
        }
    }
}

impl From<Closed> for DisconnectReason {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Disconnect => Self::ClientInitiated,
            Closed::KeepAliveTimeout => Self::KeepAliveTimeout,
            Closed::Protocol(_) => Self::ClientError,
            Closed::Lost | Closed::Io(_) => Self::ConnectionLost,
            Closed::Local | Closed::PingTimeout => Self::ServerInitiated,
        }
    }
}
