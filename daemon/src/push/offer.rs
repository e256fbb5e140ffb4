//! The push channel that a registration offers.

use doorbell_protocol::PushSettings;

use super::address::{InvalidPushUrl, PushAddress};

/// What the server's last registration has offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Offer {
    #[default]
    None,
    Unusable(InvalidPushUrl),
    Channel(Channel),
}

/// How to connect, apart from the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Channel {
    pub(crate) address: PushAddress,
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) topic: String,
}

impl From<Option<PushSettings>> for Offer {
    fn from(settings: Option<PushSettings>) -> Self {
        let Some(PushSettings { url, client_id, username, topic }) = settings else { return Self::None };
        match url.parse() {
            Ok(address) => Self::Channel(Channel { address, client_id, username, topic }),
            Err(invalid) => Self::Unusable(invalid),
        }
    }
}
