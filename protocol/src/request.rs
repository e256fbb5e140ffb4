//! The request record that initiate and poll respond with.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::id::{RequestId, RuntimeId};
use crate::model::ModelEntry;
use crate::time::Timestamp;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// The models that a runtime can use.
    ModelList,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 1] = [Self::ModelList];

    /// The name in storage and on the wire. Permanent.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A request's status, on the wire and in storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Status {
    /// Waits for a heartbeat.
    Pending,
    /// Claimed by a heartbeat.
    Running,
    /// Reported with a result.
    Completed,
    /// Reported with an error.
    Failed,
    /// Not claimed or not reported in time.
    Timeout,
}

impl Status {
    /// The name on the wire and in storage.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the status is final.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// The record of a request. Clients use [`ModelEntry`]s as `M`; the server inserts the stored JSON text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestRecord<M = Vec<ModelEntry>> {
    /// The request's id.
    pub id: RequestId,
    /// The runtime that was rung.
    pub runtime_id: RuntimeId,
    /// The current status.
    pub status: Status,
    /// The models of a completed request, unless there are none.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub models: Option<M>,
    /// Whether the provider supports a model choice per agent. `true` until a report sets it to `false`.
    pub supported: bool,
    /// Why the request failed or timed out, unless the text is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When the client rang.
    pub created_at: Timestamp,
    /// When the status last changed.
    pub updated_at: Timestamp,
}
