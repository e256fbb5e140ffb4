//! The item of a runtime.

use doorbell_protocol::limits::OPEN_REQUESTS_PER_RUNTIME;
use doorbell_protocol::{RuntimeId, Timestamp, WorkspaceId};
use serde::Deserialize;

use super::time;
use crate::presence::Presence;
use crate::questions::Questions;
use crate::request::OpenRequest;
use crate::runtime::{Runtime, ShortText};
use crate::store::dynamodb::error::corrupt;
use crate::store::outcome::Result;

/// A runtime without its key.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(in crate::store::dynamodb) struct RuntimeItem {
    pub(in crate::store::dynamodb) workspace_id: WorkspaceId,
    daemon_id: String,
    provider: String,
    profile_id: Option<String>,
    name: String,
    device_name: Option<String>,
    version: Option<String>,
    cli_version: Option<String>,
    owner_id: Option<String>,
    registered_at: i64,
    last_seen_at: i64,
    #[serde(default)]
    online_until: i64,
    /// With a push lease.
    push_client_id: Option<String>,
    /// Entries of [`OpenRequest`]. A set without elements is no attribute.
    #[serde(default)]
    open: Vec<String>,
    rate_limit_tat: Option<i64>,
    /// Whether the runtime has an item of questions.
    #[serde(default)]
    pub(in crate::store::dynamodb) has_questions: bool,
    /// When listing and questions expire. Heartbeats renew them.
    pub(in crate::store::dynamodb) listed_until: i64,
}

impl RuntimeItem {
    pub(in crate::store::dynamodb) fn rate_limit_tat(&self) -> Result<Option<Timestamp>> {
        self.rate_limit_tat.map(time).transpose()
    }

    /// The open set, the oldest ring first, without its unreadable entries.
    pub(in crate::store::dynamodb) fn open(&self) -> Vec<OpenRequest> {
        let mut open: Vec<OpenRequest> = self.open.iter().filter_map(|entry| entry.parse().ok()).collect();
        open.sort_unstable();
        open
    }

    /// Entries of the open set that do not parse: damaged, or written by another version. They take up room, and a full open set
    /// loses them. Until then they stay, because the version that wrote them may still answer their requests.
    pub(in crate::store::dynamodb) fn unreadable_open(&self) -> Vec<String> {
        self.open.iter().filter(|entry| entry.parse::<OpenRequest>().is_err()).cloned().collect()
    }

    pub(in crate::store::dynamodb) fn presence(&self) -> Result<Presence> {
        let client = self.push_client_id.as_deref().map(str::parse).transpose();
        let client = client.map_err(|error| corrupt("a client id").with_source(error))?;
        Ok(Presence { online_until: time(self.online_until)?, client })
    }

    /// Whether the open set has no room.
    pub(in crate::store::dynamodb) fn is_full(&self) -> bool {
        self.open.len() >= OPEN_REQUESTS_PER_RUNTIME
    }

    /// The runtime without its questions, with the id of the key that was read.
    pub(in crate::store::dynamodb) fn runtime(self, id: RuntimeId) -> Result<Runtime> {
        let text = |text: String| ShortText::from_stored(&text);
        let presence = self.presence()?;
        Ok(Runtime {
            id,
            workspace: self.workspace_id,
            daemon_id: text(self.daemon_id),
            provider: text(self.provider),
            profile_id: self.profile_id.map(text),
            name: text(self.name),
            device_name: self.device_name.map(text),
            version: self.version.map(text),
            cli_version: self.cli_version.map(text),
            owner_id: self.owner_id.map(text),
            registered_at: time(self.registered_at)?,
            last_seen_at: time(self.last_seen_at)?,
            presence,
            questions: Questions::default(),
        })
    }
}
