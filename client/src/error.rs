//! Errors of calls, sorted by remedy.

use std::time::Duration;

use crate::api::RESPONSE_BYTES;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Doorbell responded with an error.
    #[error("{error}")]
    Api {
        /// The HTTP status.
        status: u16,
        /// The text, often one of [`error_text`](doorbell_protocol::error_text).
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
    /// Whether a retry may succeed: network faults, 408, 429 and every 5xx.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Api { status, .. } | Self::UnexpectedResponse { status, .. } => {
                *status >= 500 || *status == 408 || *status == 429
            }
            Self::ResponseTooLarge { .. } | Self::UnusableList { .. } => false,
        }
    }

    /// Whether the server asks to come back later (503).
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Api { status: 503, .. })
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

    /// Whether the token was rejected (401 or 403), so that no retry can succeed.
    pub fn is_auth_error(&self) -> bool {
        matches!(
            self,
            Self::Api { status: 401 | 403, .. } | Self::UnexpectedResponse { status: 401 | 403, .. }
        )
    }
}

/// Why a call failed, and when it may be repeated.
#[derive(Debug)]
pub(crate) struct CallError {
    pub(crate) error: ClientError,
    /// The time of the response's `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
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
        401 | 403 => "and refuses the token",
        429 | 500.. => "without saying why",
        _ => "with something that is not Doorbell's",
    }
}
