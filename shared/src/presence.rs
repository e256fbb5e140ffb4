//! Whether a runtime is online: until when, and whether it has a push lease.
//!
//! A plain heartbeat keeps a runtime online for [`ONLINE_WINDOW`]. A runtime whose daemon has proven the push channel has a lease instead,
//! which is as long as the interval of its heartbeats, and which the end of the connection ends.

use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::ONLINE_WINDOW;

use crate::push::ClientId;

/// The presence of a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// It is online before this time. A deregistration sets it to its own time.
    pub online_until: Timestamp,
    /// Who receives hints, with a push lease.
    pub client: Option<ClientId>,
}

impl Presence {
    /// After a registration or a plain heartbeat at `now`.
    pub fn plain(now: Timestamp) -> Self {
        Self { online_until: end_of_window(now), client: None }
    }

    /// After a deregistration at `now`.
    pub fn offline(now: Timestamp) -> Self {
        Self { online_until: now, client: None }
    }

    pub fn is_online(&self, now: Timestamp) -> bool {
        now < self.online_until
    }

    /// When the record of a runtime that was last seen at `last_seen_at` changed last: with that heartbeat, unless something else than the
    /// lack of a next one took it offline.
    pub fn changed_at(&self, last_seen_at: Timestamp, now: Timestamp) -> Timestamp {
        if self.is_online(now) || self.online_until == end_of_window(last_seen_at) {
            last_seen_at
        } else {
            last_seen_at.max(self.online_until)
        }
    }
}

/// The end of [`ONLINE_WINDOW`], in which the last millisecond counts: existing clients see a runtime online 45 s after its heartbeat.
fn end_of_window(seen_at: Timestamp) -> Timestamp {
    seen_at + ONLINE_WINDOW + Duration::from_millis(1)
}

/// How the daemon that sends a heartbeat can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeartbeatChannel {
    /// By heartbeats only.
    Plain,
    /// It is connected to the push channel.
    Connected,
}

/// The push lease of a runtime, as it was read. While the runtime has the same `online_until`, it is the same lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushLease {
    pub client: ClientId,
    /// The end of the lease: the runtime's `online_until`.
    pub until: Timestamp,
    pub last_seen_at: Timestamp,
}

impl PushLease {
    /// What is left when it is unknown at `now` whether the client is connected. It keeps its client, so that polls go on to remind it.
    pub fn shortened(&self, now: Timestamp) -> Presence {
        Presence { online_until: self.until.min(end_of_window(now)), client: Some(self.client.clone()) }
    }

    /// What is left when the lease ends at `now`: what a plain heartbeat would have given.
    pub fn ended(&self, now: Timestamp) -> Presence {
        Presence { online_until: now.max(end_of_window(self.last_seen_at)), client: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(last_seen_at: Timestamp) -> PushLease {
        let client =
            "local.00000000-0000-4000-8000-00000000000a.00000000000000000000000000000000".parse().unwrap();
        PushLease { client, until: last_seen_at + Duration::from_secs(27_000), last_seen_at }
    }

    #[test]
    fn runtime_is_online_within_window() {
        let seen = Timestamp::from_millis(1_000_000).unwrap();
        let presence = Presence::plain(seen);
        assert!(presence.is_online(seen + ONLINE_WINDOW));
        assert!(!presence.is_online(seen + ONLINE_WINDOW + Duration::from_millis(1)));
        assert!(!Presence::offline(seen).is_online(seen));
    }

    #[test]
    fn record_changes_when_runtime_is_taken_offline() {
        let seen = Timestamp::from_millis(1_000_000).unwrap();
        let later = seen + Duration::from_secs(60);
        assert_eq!(Presence::plain(seen).changed_at(seen, later), seen);
        let deregistered = seen + Duration::from_secs(1);
        assert_eq!(Presence::offline(deregistered).changed_at(seen, later), deregistered);
    }

    #[test]
    fn ended_lease_leaves_window_of_last_heartbeat() {
        let seen = Timestamp::from_millis(1_000_000).unwrap();
        assert_eq!(lease(seen).ended(seen + Duration::from_secs(5)), Presence::plain(seen));
        let later = seen + Duration::from_secs(3_600);
        assert_eq!(lease(seen).ended(later), Presence::offline(later));
    }
}
