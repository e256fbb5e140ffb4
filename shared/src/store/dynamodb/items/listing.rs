//! The items besides a runtime's own: its questions, its listing, and its workspace.

use doorbell_protocol::{Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::runtime_expiry;
use crate::questions::Questions;
use crate::runtime::{Runtime, RuntimeIdNamespace};
use crate::store::dynamodb::error::corrupt;
use crate::store::dynamodb::keys::Key;
use crate::store::outcome::Result;

/// The questions of a runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store::dynamodb) struct QuestionsItem {
    #[serde(flatten)]
    key: Key,
    workspace_id: WorkspaceId,
    /// JSON text: schemas are stored as they were declared.
    questions: String,
    expires_at: i64,
}

impl QuestionsItem {
    /// Expires as a runtime that was last seen at `now`.
    pub(in crate::store::dynamodb) fn new(runtime: &Runtime, now: Timestamp) -> Result<Self> {
        let questions = serde_json::to_string(&runtime.questions)
            .map_err(|error| corrupt("questions are not encodable").with_source(error))?;
        Ok(Self {
            key: Key::questions(runtime.id),
            workspace_id: runtime.workspace,
            questions,
            expires_at: runtime_expiry(now),
        })
    }

    pub(in crate::store::dynamodb) fn questions(&self) -> Result<Questions> {
        serde_json::from_str(&self.questions).map_err(|error| corrupt("stored questions").with_source(error))
    }
}

/// Lists a runtime in its workspace, so that one query finds all ids. Other attributes are read from the runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store::dynamodb) struct ListingItem {
    #[serde(flatten)]
    key: Key,
    expires_at: i64,
}

impl ListingItem {
    /// Expires as a runtime that was last seen at `now`.
    pub(in crate::store::dynamodb) fn new(runtime: &Runtime, now: Timestamp) -> Self {
        Self { key: Key::listing(runtime.workspace, runtime.id), expires_at: runtime_expiry(now) }
    }

    /// Whether it is within retention at `now`, in seconds. TTL deletes later.
    pub(in crate::store::dynamodb) fn is_unexpired(&self, now: i64) -> bool {
        self.expires_at > now
    }
}

/// The namespace of a workspace's runtime ids. It does not expire.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(in crate::store::dynamodb) struct WorkspaceItem {
    pub(in crate::store::dynamodb) runtime_id_namespace: Option<RuntimeIdNamespace>,
}
