//! Notices that another process uses the client id: the broker closes a connection when another one has its client id, and MQTT 3.1.1
//! has no reason for it.

use std::time::Duration;

/// Connections in a row that ended early. A network that is unwell ends some, too.
const SUSPICIOUS: u32 = 3;

/// How long a connection lives that no other process has taken over. Two daemons with one client id end each other's connections much
/// earlier.
pub(super) const STABLE_AFTER: Duration = Duration::from_secs(60);

/// The connections that were accepted and ended early, without a stable one in between.
#[derive(Debug, Default)]
pub(super) struct Takeovers(u32);

impl Takeovers {
    /// Counts a connection that the other side ended after `lived`. Returns whether to warn, which is once in a row.
    pub(super) fn ended(&mut self, lived: Duration) -> bool {
        self.0 = if lived < STABLE_AFTER { self.0.saturating_add(1) } else { 0 };
        self.0 == SUSPICIOUS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_once_of_connections_that_end_early() {
        let early = Duration::from_secs(59);
        let mut takeovers = Takeovers::default();
        assert_eq!([(); 5].map(|()| takeovers.ended(early)), [false, false, true, false, false]);
        assert!(!takeovers.ended(STABLE_AFTER));
        assert_eq!([(); 3].map(|()| takeovers.ended(early)), [false, false, true]);
    }
}
