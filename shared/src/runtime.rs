//! A runtime: one agent program on one machine. Its daemon's heartbeats keep it registered and online.

use std::fmt;

use doorbell_protocol::limits::TEXT_CHARS;
use doorbell_protocol::{RuntimeId, RuntimeMetadata, RuntimeRecord, RuntimeStatus, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::RUNTIME_RETENTION;
use crate::presence::{Presence, PushLease};
use crate::questions::Questions;

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

    /// A stored text, without control characters and cut to [`TEXT_CHARS`]. A version without these limits may have stored it, and a
    /// text must not make its item unreadable. A short text is unchanged.
    pub fn from_stored(text: &str) -> Self {
        Self(text.chars().filter(|char| !char.is_control()).take(TEXT_CHARS).collect())
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

/// A random secret of a workspace, from which the ids of its runtimes are derived.
///
/// A heartbeat's response distinguishes another workspace's runtime from an unknown one. Without the secret, ids could be
/// computed from workspace, daemon and type, which can be guessed, so any daemon's token would reveal which runtimes exist.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuntimeIdNamespace(#[serde(with = "uuid::serde::hyphenated")] Uuid);

impl RuntimeIdNamespace {
    /// For id generators, and for tests with fixed ids.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The id of a runtime. It depends only on the namespace and these three parts, so a repeated registration is an upsert.
    pub fn runtime_id(self, daemon_id: &str, provider: &str, profile_id: &str) -> RuntimeId {
        // A JSON array distinguishes ("a", "bc") from ("ab", "c") for all characters.
        let name = serde_json::json!([daemon_id, provider, profile_id]).to_string();
        RuntimeId::from_uuid(Uuid::new_v5(&self.0, name.as_bytes()))
    }
}

/// Without the secret.
impl fmt::Debug for RuntimeIdNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeIdNamespace").finish_non_exhaustive()
    }
}

/// The runtimes that a daemon registers in one workspace with one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub workspace: WorkspaceId,
    pub daemon_id: ShortText,
    /// The machine's display name: `device_info` in a record.
    pub device_name: Option<ShortText>,
    /// The daemon's version.
    pub cli_version: Option<ShortText>,
    /// The subject of the caller's token.
    pub owner_id: Option<ShortText>,
    /// At most [`RUNTIMES_PER_REGISTRATION`](doorbell_protocol::limits::RUNTIMES_PER_REGISTRATION). Of two with the same
    /// type and profile the last counts.
    pub runtimes: Vec<RuntimeDescription>,
}

/// A daemon's description of a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeDescription {
    /// The type of agent program: `type` in a registration, `provider` in a record.
    pub provider: ShortText,
    /// `None` for the default profile.
    pub profile_id: Option<ShortText>,
    pub name: ShortText,
    /// The agent program's version.
    pub version: Option<ShortText>,
    /// Whether it can be rung.
    pub online: bool,
    pub questions: Questions,
}

impl Registration {
    /// The runtimes of a first registration at `now`, in order.
    pub fn runtimes(&self, namespace: RuntimeIdNamespace, now: Timestamp) -> Vec<Runtime> {
        self.runtimes.iter().map(|description| self.runtime(description, namespace, now)).collect()
    }

    fn runtime(
        &self,
        description: &RuntimeDescription,
        namespace: RuntimeIdNamespace,
        now: Timestamp,
    ) -> Runtime {
        let RuntimeDescription { provider, profile_id, name, version, online, questions } =
            description.clone();
        let profile = profile_id.as_ref().map_or("", ShortText::as_str);
        Runtime {
            id: namespace.runtime_id(self.daemon_id.as_str(), provider.as_str(), profile),
            workspace: self.workspace,
            daemon_id: self.daemon_id.clone(),
            provider,
            profile_id,
            name,
            device_name: self.device_name.clone(),
            version,
            cli_version: self.cli_version.clone(),
            owner_id: self.owner_id.clone(),
            registered_at: now,
            last_seen_at: now,
            presence: if online { Presence::plain(now) } else { Presence::offline(now) },
            questions,
        }
    }
}

/// A registered runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    pub id: RuntimeId,
    pub workspace: WorkspaceId,
    pub daemon_id: ShortText,
    pub provider: ShortText,
    /// `None` for the default profile.
    pub profile_id: Option<ShortText>,
    pub name: ShortText,
    /// The machine's display name.
    pub device_name: Option<ShortText>,
    /// The agent program's version.
    pub version: Option<ShortText>,
    /// The daemon's version.
    pub cli_version: Option<ShortText>,
    /// The subject of the token that registered it.
    pub owner_id: Option<ShortText>,
    /// The first registration.
    pub registered_at: Timestamp,
    /// The last registration or heartbeat.
    pub last_seen_at: Timestamp,
    pub presence: Presence,
    /// Empty where questions are not read.
    pub questions: Questions,
}

impl Runtime {
    /// Whether it can be rung.
    pub fn is_online(&self, now: Timestamp) -> bool {
        self.presence.is_online(now)
    }

    /// Whether it is within retention. TTL deletes later.
    pub fn is_registered(&self, now: Timestamp) -> bool {
        is_registered(self.last_seen_at, now)
    }

    /// The push lease, if it has one at `now`.
    pub fn push_lease(&self, now: Timestamp) -> Option<PushLease> {
        let Presence { online_until: until, client } = self.presence.clone();
        let client = client.filter(|_| now < until)?;
        Some(PushLease { client, until, last_seen_at: self.last_seen_at })
    }

    /// The record of the wire contract, at `now`.
    pub fn record(&self, now: Timestamp) -> RuntimeRecord {
        RuntimeRecord {
            id: self.id,
            workspace_id: self.workspace,
            daemon_id: self.daemon_id.to_string(),
            name: self.name.to_string(),
            provider: self.provider.to_string(),
            profile_id: owned(self.profile_id.as_ref()),
            device_info: owned(self.device_name.as_ref()),
            runtime_mode: Some(RuntimeRecord::LOCAL.to_owned()),
            visibility: Some(RuntimeRecord::PUBLIC.to_owned()),
            owner_id: owned(self.owner_id.as_ref()),
            metadata: self.metadata(),
            questions: (!self.questions.is_empty()).then(|| self.questions.iter().cloned().collect()),
            status: if self.is_online(now) { RuntimeStatus::Online } else { RuntimeStatus::Offline },
            last_seen_at: self.last_seen_at,
            created_at: self.registered_at,
            updated_at: self.presence.changed_at(self.last_seen_at, now),
        }
    }

    fn metadata(&self) -> Option<RuntimeMetadata> {
        let metadata = RuntimeMetadata {
            version: owned(self.version.as_ref()),
            cli_version: owned(self.cli_version.as_ref()),
        };
        (metadata != RuntimeMetadata::default()).then_some(metadata)
    }
}

/// Whether a runtime that was seen last at `last_seen_at` is within retention.
pub(crate) fn is_registered(last_seen_at: Timestamp, now: Timestamp) -> bool {
    now.since(last_seen_at) <= RUNTIME_RETENTION
}

fn owned(text: Option<&ShortText>) -> Option<String> {
    text.map(ShortText::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMESPACE: RuntimeIdNamespace = RuntimeIdNamespace(Uuid::from_u128(1));

    #[test]
    fn runtime_id_depends_on_each_part() {
        let other = RuntimeIdNamespace(Uuid::from_u128(2));
        let id = NAMESPACE.runtime_id("a", "b", "c");
        assert_eq!(id, NAMESPACE.runtime_id("a", "b", "c"));
        for different in [
            other.runtime_id("a", "b", "c"),
            NAMESPACE.runtime_id("ab", "", "c"),
            NAMESPACE.runtime_id("a", "bc", ""),
            NAMESPACE.runtime_id("a", "b", ""),
        ] {
            assert_ne!(id, different);
        }
    }

    #[test]
    fn debug_text_hides_namespace() {
        assert_eq!(format!("{NAMESPACE:?}"), "RuntimeIdNamespace { .. }");
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
    fn stored_text_is_a_short_text() {
        let long = "ü".repeat(TEXT_CHARS);
        for (stored, read) in
            [("", ""), ("\t", ""), (" a ", " a "), ("a\n\u{9b}b", "ab"), (&format!("\0{long}b"), &long)]
        {
            let text = ShortText::from_stored(stored);
            assert_eq!(text.as_str(), read);
            assert_eq!(ShortText::try_from(text.to_string()), Ok(text));
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
