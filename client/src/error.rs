//! Errors of calls, sorted by remedy.

use std::time::Duration;

use doorbell_protocol::error_text;

use crate::api::RESPONSE_BYTES;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Doorbell responded with an error.
    #[error("{error}")]
    Api {
        /// The HTTP status.
        status: u16,
        /// The text, often one of [`error_text`](doorbell_protocol::error_text). One line of at most 200 characters without control
        /// characters.
        error: String,
    },
    /// No response arrived.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// The base URL without secrets.
        url: String,
        /// The cause in a few words.
        reason: &'static str,
    },
    /// The body is not Doorbell's. API Gateway has bodies of its own for a rejected token and for overload.
    #[error("{url} answered {status} {}", describe(*status))]
    UnexpectedResponse {
        /// The base URL without secrets.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The body is longer than [`RESPONSE_BYTES`].
    #[error("{url} answered with more than {} MiB, which is not Doorbell's", RESPONSE_BYTES >> 20)]
    ResponseTooLarge {
        /// The base URL without secrets.
        url: String,
    },
    /// The next page of a list is on another host, which must not get the token, or the list does not end.
    #[error("{url} answered with a list that cannot be read to its end: {reason}")]
    UnusableList {
        /// The base URL without secrets.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl ClientError {
    /// Whether a retry may succeed: anything but Doorbell's own 4xx, apart from 408 and 429. A page of another server, such as that of a
    /// captive portal or a firewall, says nothing about the call.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Api { status, .. } => *status >= 500 || *status == 408 || *status == 429,
            Self::Unreachable { .. } | Self::UnexpectedResponse { .. } | Self::ResponseTooLarge { .. } => {
                true
            }
            Self::UnusableList { .. } => false,
        }
    }

    /// Whether a rate limit rejected the call (429), Doorbell's or API Gateway's.
    pub fn is_rate_limit(&self) -> bool {
        matches!(self, Self::Api { status: 429, .. } | Self::UnexpectedResponse { status: 429, .. })
    }

    /// Whether the network or the server failed (any 5xx), and not the request.
    pub(crate) fn is_fault(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Api { status, .. } | Self::UnexpectedResponse { status, .. } => *status >= 500,
            Self::ResponseTooLarge { .. } | Self::UnusableList { .. } => false,
        }
    }

    /// Whether a repeated ring may succeed: after a fault of the network or of the server. An offline runtime is none, although its
    /// status is a 503.
    pub(crate) fn may_succeed_later(&self) -> bool {
        let is_offline = matches!(self, Self::Api { error, .. } if error == error_text::RUNTIME_OFFLINE);
        self.is_fault() && !is_offline
    }

    /// Whether Doorbell rejected the token (401 or 403). The body is Doorbell's: a 401 or 403 of a proxy, a captive portal or a firewall
    /// is an [unexpected response](Self::UnexpectedResponse).
    pub fn is_auth_error(&self) -> bool {
        matches!(self, Self::Api { status: 401 | 403, .. })
    }
}

/// Why a call failed, and when it may be repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct CallError {
    /// Why it failed.
    pub error: ClientError,
    /// The time of the response's `Retry-After`, in whole seconds, as long as the server says.
    pub retry_after: Option<Duration>,
}

impl From<ClientError> for CallError {
    fn from(error: ClientError) -> Self {
        Self { error, retry_after: None }
    }
}

impl From<CallError> for ClientError {
    fn from(CallError { error, .. }: CallError) -> Self {
        error
    }
}

fn describe(status: u16) -> &'static str {
    match status {
        401 | 403 => {
            "in other words than Doorbell's (a proxy, a captive portal or a firewall may be in between)"
        }
        429 | 500.. => "without saying why",
        _ => "with something that is not Doorbell's",
    }
}
