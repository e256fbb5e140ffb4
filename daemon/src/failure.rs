//! What a failed call means for the next one.

use std::time::Duration;

use doorbell_client::{CallError, ClientError};
use doorbell_protocol::error_text;
use rand::RngExt as _;

/// The longest `Retry-After` that is honoured.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// The time between two tries with a token that the server rejects.
const REJECTED_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// The meaning of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The network, a server's fault, or the page of another server: it passes.
    Transient,
    /// Doorbell rejects what the daemon asks for: it passes when a user changes something.
    Refused,
    /// Doorbell rejects the token.
    Unauthorized,
}

impl Failure {
    pub(crate) fn of(error: &ClientError) -> Self {
        match error {
            error if error.is_auth_error() => Self::Unauthorized,
            ClientError::Api { .. } if !error.is_transient() => Self::Refused,
            _ => Self::Transient,
        }
    }
}

/// The server's `Retry-After`, up to an hour.
pub(crate) fn retry_after(error: &CallError) -> Option<Duration> {
    error.retry_after.map(|time| time.min(LONGEST_RETRY_AFTER))
}

/// The wait before the next try with a rejected token. Random in its last tenth, so that a fleet with one token does not stay in step.
pub(crate) fn rejected_wait() -> Duration {
    REJECTED_INTERVAL.mul_f64(1.0 - rand::rng().random::<f64>() / 10.0)
}

/// The error and its remedy in words. Without secrets and control characters: the client cleans the texts of servers.
pub(crate) fn reason(error: &ClientError) -> String {
    let text = error.to_string();
    let remedy = match error {
        ClientError::Api { status: 401, .. } => "check the token",
        ClientError::Api { status: 403, .. } => "use a token with the scope daemon",
        ClientError::Api { .. } if text == error_text::WORKSPACE_NOT_FOUND => {
            "check the workspace, the daemon id and whose the token is"
        }
        ClientError::Api { .. } if text == error_text::TOO_MANY_RUNTIMES => {
            "\"doorbell forget\" removes runtimes that are gone"
        }
        _ => return text,
    };
    format!("{text} ({remedy})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(status: u16, text: &str) -> ClientError {
        ClientError::Api { status, error: text.to_owned() }
    }

    #[test]
    fn only_own_rejections_are_about_the_token() {
        let page = |status| ClientError::UnexpectedResponse { url: "http://a".to_owned(), status };
        for status in [200, 302, 401, 403, 404, 500] {
            assert_eq!(Failure::of(&page(status)), Failure::Transient, "{status}");
        }
        assert_eq!([401, 403].map(|status| Failure::of(&api(status, ""))), [Failure::Unauthorized; 2]);
    }

    #[test]
    fn own_client_errors_are_refusals() {
        assert_eq!([400, 404, 409].map(|status| Failure::of(&api(status, ""))), [Failure::Refused; 3]);
        assert_eq!([408, 429, 500, 503].map(|status| Failure::of(&api(status, ""))), [Failure::Transient; 4]);
    }

    #[test]
    fn retry_after_is_at_most_an_hour() {
        let after = |seconds| {
            let retry_after = Some(Duration::from_secs(seconds));
            retry_after_of(&CallError { error: api(503, "server is busy"), retry_after })
        };
        assert_eq!((after(7), after(u64::MAX)), (Some(7), Some(3_600)));
    }

    fn retry_after_of(error: &CallError) -> Option<u64> {
        retry_after(error).map(|time| time.as_secs())
    }

    #[test]
    fn refusals_have_a_remedy() {
        assert_eq!(reason(&api(404, "request not found")), "request not found");
        assert_eq!(
            reason(&api(404, error_text::WORKSPACE_NOT_FOUND)),
            "workspace not found (check the workspace, the daemon id and whose the token is)"
        );
    }
}
