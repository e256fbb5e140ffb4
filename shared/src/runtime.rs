//! A runtime: one agent program on one machine. Its daemon's heartbeats keep it registered and online.

use std::fmt;

use doorbell_protocol::limits::{ONLINE_WINDOW, TEXT_CHARS};
use doorbell_protocol::{RuntimeId, RuntimeRecord, RuntimeStatus, Timestamp, WorkspaceId};

use crate::limits::RUNTIME_RETENTION;

/// A text from a caller (a name, a type, a daemon id): at most [`TEXT_CHARS`] characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortText(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShortText {
    #[error("longer than {TEXT_CHARS} characters")]
    TooLong,
    #[error("has control characters")]
    ControlCharacter,
}

impl ShortText {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `text` without control characters and outer white space, cut to [`TEXT_CHARS`]; `None` if nothing is left. For texts
    /// that are only displayed, where a rejection would do more harm.
    pub fn cleaned(text: &str) -> Option<Self> {
        let printable = text.chars().filter(|char| !char.is_control());
        let cut: String = printable.skip_while(|char| char.is_whitespace()).take(TEXT_CHARS).collect();
        let cleaned = cut.trim_end();
        (!cleaned.is_empty()).then(|| Self(cleaned.to_owned()))
    }
}

impl TryFrom<String> for ShortText {
    type Error = InvalidShortText;
    fn try_from(text: String) -> Result<Self, InvalidShortText> {
        if text.chars().any(char::is_control) {
            return Err(InvalidShortText::ControlCharacter);
        }
        if text.chars().count() <= TEXT_CHARS { Ok(Self(text)) } else { Err(InvalidShortText::TooLong) }
    }
}

impl fmt::Display for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A daemon's description of a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Derived from workspace, daemon, provider and profile.
    pub id: RuntimeId,
    pub workspace: WorkspaceId,
    pub daemon_id: ShortText,
    /// The type of agent program: `type` in a registration, `provider` in a record.
    pub provider: ShortText,
    pub name: ShortText,
    /// Whether it can be rung.
    pub online: bool,
}

/// A registered runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    pub id: RuntimeId,
    pub workspace: WorkspaceId,
    pub daemon_id: ShortText,
    pub provider: ShortText,
    pub name: ShortText,
    /// The first registration.
    pub registered_at: Timestamp,
    /// The last registration or heartbeat.
    pub last_seen_at: Timestamp,
    /// Set by a deregistration or a registration as offline; the next heartbeat clears it.
    pub deregistered_at: Option<Timestamp>,
}

impl Runtime {
    /// The runtime after `registration` at `now`. It keeps the time of the first registration.
    pub fn registered(registration: Registration, previous: Option<&Self>, now: Timestamp) -> Self {
        Self {
            registered_at: previous.map_or(now, |previous| previous.registered_at),
            last_seen_at: now,
            deregistered_at: (!registration.online).then_some(now),
            id: registration.id,
            workspace: registration.workspace,
            daemon_id: registration.daemon_id,
            provider: registration.provider,
            name: registration.name,
        }
    }

    /// Whether it can be rung: seen within [`ONLINE_WINDOW`] and not deregistered.
    pub fn is_online(&self, now: Timestamp) -> bool {
        self.deregistered_at.is_none() && now.since(self.last_seen_at) <= ONLINE_WINDOW
    }

    /// Whether it is within retention. TTL deletes later.
    pub fn is_registered(&self, now: Timestamp) -> bool {
        now.since(self.last_seen_at) <= RUNTIME_RETENTION
    }

    pub fn updated_at(&self) -> Timestamp {
        self.deregistered_at.map_or(self.last_seen_at, |at| at.max(self.last_seen_at))
    }

    /// The record of the wire contract, at `now`.
    pub fn record(&self, now: Timestamp) -> RuntimeRecord {
        RuntimeRecord {
            id: self.id,
            workspace_id: self.workspace,
            daemon_id: self.daemon_id.to_string(),
            name: self.name.to_string(),
            provider: self.provider.to_string(),
            status: if self.is_online(now) { RuntimeStatus::Online } else { RuntimeStatus::Offline },
            last_seen_at: self.last_seen_at,
            created_at: self.registered_at,
            updated_at: self.updated_at(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn registration() -> Registration {
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let text = |text: &str| ShortText::try_from(text.to_owned()).unwrap();
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
    fn is_online_within_window() {
        let seen = Timestamp::from_millis(1_000_000).unwrap();
        let runtime = Runtime::registered(registration(), None, seen);
        assert!(runtime.is_online(seen + ONLINE_WINDOW));
        assert!(!runtime.is_online(seen + ONLINE_WINDOW + Duration::from_millis(1)));
    }

    #[test]
    fn registering_again_keeps_registered_at() {
        let first = Timestamp::from_millis(1_000_000).unwrap();
        let again = first + Duration::from_secs(60);
        let known = Runtime::registered(registration(), None, first);
        let runtime = Runtime::registered(registration(), Some(&known), again);
        assert_eq!((runtime.registered_at, runtime.last_seen_at), (first, again));
    }

    #[test]
    fn text_is_bounded_in_characters() {
        assert!(ShortText::try_from("ü".repeat(TEXT_CHARS)).is_ok());
        assert_eq!(ShortText::try_from("ü".repeat(TEXT_CHARS + 1)), Err(InvalidShortText::TooLong));
    }

    #[test]
    fn text_has_no_control_characters() {
        for control in ['\0', '\n', '\u{1b}', '\u{7f}', '\u{9b}'] {
            let text = format!("a{control}b");
            assert_eq!(ShortText::try_from(text.clone()), Err(InvalidShortText::ControlCharacter));
            assert_eq!(ShortText::cleaned(&text).unwrap().as_str(), "ab");
        }
    }

    #[test]
    fn cleaned_text_is_a_short_text() {
        for text in ["", " \0 ", "\n"] {
            assert_eq!(ShortText::cleaned(text), None);
        }
        // White space at the cut.
        let long = format!(" {}  b", "ü".repeat(TEXT_CHARS - 1));
        let cleaned = ShortText::cleaned(&long).unwrap();
        assert_eq!(cleaned.as_str(), "ü".repeat(TEXT_CHARS - 1));
        assert_eq!(ShortText::try_from(cleaned.to_string()), Ok(cleaned));
    }
}
