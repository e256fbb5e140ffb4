//! Whether the server rejects the token for certain. One rejection may be a server's bad minute: an authorizer whose table is
//! unreachable, a token that is being replaced.

use std::time::Duration;

use tokio::time::Instant;

/// How long rejections must last.
const CONFIRMED_AFTER: Duration = Duration::from_secs(2 * 60);

/// How many calls in this time must have been rejected.
const CONFIRMING_CALLS: u32 = 5;

/// The rejections of the token since the last call that the server accepted. Calls that fail otherwise say nothing about the token.
#[derive(Debug, Default)]
pub(crate) struct Authorization {
    since: Option<Instant>,
    calls: u32,
    is_rejected: bool,
}

impl Authorization {
    /// The server took the token: it answered, with success or with an error about something else.
    pub(crate) fn accepted(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn rejected(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        self.calls = self.calls.saturating_add(1);
        self.is_rejected |= self.calls >= CONFIRMING_CALLS && now - since >= CONFIRMED_AFTER;
    }

    /// Whether the rejection is certain.
    pub(crate) fn is_rejected(&self) -> bool {
        self.is_rejected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    /// After rejections at these seconds.
    fn is_rejected(seconds: &[u64]) -> bool {
        let start = now();
        let mut authorization = Authorization::default();
        for second in seconds {
            authorization.rejected(start + Duration::from_secs(*second));
        }
        authorization.is_rejected()
    }

    #[test]
    fn rejection_takes_two_minutes() {
        assert!(!is_rejected(&[0, 15, 30, 45, 60, 75, 90, 105, 119]));
        assert!(is_rejected(&[0, 30, 60, 90, 120]));
    }

    #[test]
    fn rejection_takes_five_calls() {
        assert!(!is_rejected(&[0, 40, 80, 600]));
        assert!(is_rejected(&[0, 40, 80, 600, 601]));
    }

    #[test]
    fn accepted_call_starts_over() {
        let start = now();
        let mut authorization = Authorization::default();
        for second in [0, 30, 60, 90, 120] {
            authorization.rejected(start + Duration::from_secs(second));
        }
        authorization.accepted();
        assert!(!authorization.is_rejected());
        authorization.rejected(start + Duration::from_secs(240));
        assert!(!authorization.is_rejected());
    }
}
