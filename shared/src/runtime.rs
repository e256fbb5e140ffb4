//! A runtime: one agent program on one machine, kept known by its daemon's heartbeats.
//!
//! The daemon is authoritative for what a runtime is called; the time of its last heartbeat decides whether it is
//! online. Pure functions of (record, now).

use std::fmt;

use crate::id::{RuntimeId, WorkspaceId};
use crate::limits::{ONLINE_WINDOW, RUNTIME_RETENTION, TEXT_CHARS};
use crate::time::Timestamp;

/// A text that a daemon chose (a name, a type, its own id), no longer than [`TEXT_CHARS`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(String);

/// The text is longer than [`TEXT_CHARS`] characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("longer than {TEXT_CHARS} characters")]
pub struct TextTooLong;

impl Text {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Text {
    type Error = TextTooLong;
    fn try_from(text: String) -> Result<Self, TextTooLong> {
        if text.chars().count() <= TEXT_CHARS { Ok(Self(text)) } else { Err(TextTooLong) }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a daemon says of a runtime when it registers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Derived from the workspace, the daemon, the provider and the profile.
    pub id: RuntimeId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The machine's daemon.
    pub daemon_id: Text,
    /// The kind of agent program: `type` in a registration, `provider` in a record.
    pub provider: Text,
    /// What people see.
    pub name: Text,
    /// Whether the daemon says that it can be rung.
    pub online: bool,
}

/// What is known of a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// Derived from the workspace, the daemon, the provider and the profile.
    pub id: RuntimeId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The machine's daemon.
    pub daemon_id: Text,
    /// The kind of agent program.
    pub provider: Text,
    /// What people see.
    pub name: Text,
    /// When it was first registered.
    pub registered_at: Timestamp,
    /// The last sign of life: registration or heartbeat.
    pub last_seen_at: Timestamp,
    /// Set while its daemon has signed it off; the next heartbeat clears it.
    pub deregistered_at: Option<Timestamp>,
}

impl Runtime {
    /// The record after `registration` at `now`, which keeps the date of the first one.
    pub fn registered(registration: Registration, known: Option<&Self>, now: Timestamp) -> Self {
        Self {
            registered_at: known.map_or(now, |known| known.registered_at),
            last_seen_at: now,
            deregistered_at: (!registration.online).then_some(now),
            id: registration.id,
            workspace: registration.workspace,
            daemon_id: registration.daemon_id,
            provider: registration.provider,
            name: registration.name,
        }
    }

    /// Whether it can be rung: seen within [`ONLINE_WINDOW`] and not signed off.
    pub fn is_online(&self, now: Timestamp) -> bool {
        self.deregistered_at.is_none() && now.since(self.last_seen_at) <= ONLINE_WINDOW
    }

    /// Whether it is still known, whether or not the store has deleted it yet.
    pub fn is_known(&self, now: Timestamp) -> bool {
        now.since(self.last_seen_at) <= RUNTIME_RETENTION
    }

    /// The last change of the record.
    pub fn updated_at(&self) -> Timestamp {
        self.deregistered_at.map_or(self.last_seen_at, |at| at.max(self.last_seen_at))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn registration() -> Registration {
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let text = |text: &str| Text::try_from(text.to_owned()).unwrap();
        Registration {
            id: RuntimeId::derive(workspace, "laptop", "codex", ""),
            workspace,
            daemon_id: text("laptop"),
            provider: text("codex"),
            name: text("Codex"),
            online: true,
        }
    }

    #[test]
    fn is_online_up_to_and_including_the_window() {
        let seen = Timestamp::from_millis(1_000_000).unwrap();
        let runtime = Runtime::registered(registration(), None, seen);
        assert!(runtime.is_online(seen + ONLINE_WINDOW));
        assert!(!runtime.is_online(seen + ONLINE_WINDOW + Duration::from_millis(1)));
    }

    #[test]
    fn registering_again_keeps_the_first_date() {
        let first = Timestamp::from_millis(1_000_000).unwrap();
        let again = first + Duration::from_secs(60);
        let known = Runtime::registered(registration(), None, first);
        let runtime = Runtime::registered(registration(), Some(&known), again);
        assert_eq!((runtime.registered_at, runtime.last_seen_at), (first, again));
    }

    #[test]
    fn a_text_may_be_as_long_as_the_limit_in_characters_not_bytes() {
        assert!(Text::try_from("ü".repeat(TEXT_CHARS)).is_ok());
        assert_eq!(Text::try_from("ü".repeat(TEXT_CHARS + 1)), Err(TextTooLong));
    }
}
