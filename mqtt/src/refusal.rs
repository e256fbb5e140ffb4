use mqtt_protocol_core::mqtt::result_code::ConnectReturnCode;

/// The return codes of CONNACK other than success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("protocol version not supported")]
    ProtocolVersion,
    #[error("client id rejected")]
    ClientId,
    #[error("server unavailable")]
    ServerUnavailable,
    #[error("bad user name or password")]
    BadCredentials,
    #[error("not authorized")]
    NotAuthorized,
}

impl From<ConnectReturnCode> for Refusal {
    fn from(code: ConnectReturnCode) -> Self {
        match code {
            ConnectReturnCode::UnacceptableProtocolVersion => Self::ProtocolVersion,
            ConnectReturnCode::IdentifierRejected => Self::ClientId,
            ConnectReturnCode::ServerUnavailable => Self::ServerUnavailable,
            ConnectReturnCode::BadUserNameOrPassword => Self::BadCredentials,
            ConnectReturnCode::Accepted | ConnectReturnCode::NotAuthorized => Self::NotAuthorized,
        }
    }
}

impl From<Refusal> for ConnectReturnCode {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::ProtocolVersion => Self::UnacceptableProtocolVersion,
            Refusal::ClientId => Self::IdentifierRejected,
            Refusal::ServerUnavailable => Self::ServerUnavailable,
            Refusal::BadCredentials => Self::BadUserNameOrPassword,
            Refusal::NotAuthorized => Self::NotAuthorized,
        }
    }
}
