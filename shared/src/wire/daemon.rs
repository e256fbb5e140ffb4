//! What daemons send and are answered.

use serde::{Deserialize, Serialize};

use super::object;
use crate::id::{RequestId, RuntimeId, WorkspaceId};
use crate::request::InFlight;
use crate::runtime::Runtime;
use crate::time::Timestamp;

/// `POST /api/daemon/register`. Fields that older daemons leave out, or send as `null`, read as empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegisterBody {
    /// Whose the runtimes are.
    #[serde(default)]
    pub workspace_id: Option<String>,
    /// The machine's daemon: the same at every start.
    #[serde(default)]
    pub daemon_id: Option<String>,
    /// What people call the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// The daemon's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cli_version: Option<String>,
    /// The agent programs that were found.
    #[serde(default, deserialize_with = "object::list")]
    pub runtimes: Option<Vec<RegisterRuntime>>,
    /// Profiles that could not be started: a daemon that has only these may still register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_profiles: Option<Vec<serde_json::Value>>,
}

/// One agent program in a registration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegisterRuntime {
    /// What people see.
    #[serde(default)]
    pub name: Option<String>,
    /// The kind of agent program.
    #[serde(default, rename = "type")]
    pub provider: Option<String>,
    /// The agent program's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `offline` registers a runtime that cannot be rung.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Tells several profiles of one agent program apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_id: Option<String>,
}

/// Whether a runtime can be rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeStatus {
    /// It was seen lately.
    Online,
    /// It was not, or its daemon signed it off.
    Offline,
}

impl RuntimeStatus {
    /// The name, as serde writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
        }
    }
}

/// A runtime as registrations and lists answer it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeRecord {
    /// What is rung.
    pub id: RuntimeId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The machine's daemon.
    pub daemon_id: String,
    /// What people see.
    pub name: String,
    /// The kind of agent program.
    pub provider: String,
    /// Whether it can be rung.
    pub status: RuntimeStatus,
    /// The last sign of life.
    pub last_seen_at: Timestamp,
    /// When it was first registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl RuntimeRecord {
    /// The record of `runtime` as it stands at `now`.
    pub fn new(runtime: &Runtime, now: Timestamp) -> Self {
        Self {
            id: runtime.id,
            workspace_id: runtime.workspace,
            daemon_id: runtime.daemon_id.to_string(),
            name: runtime.name.to_string(),
            provider: runtime.provider.to_string(),
            status: if runtime.is_online(now) { RuntimeStatus::Online } else { RuntimeStatus::Offline },
            last_seen_at: runtime.last_seen_at,
            created_at: runtime.registered_at,
            updated_at: runtime.updated_at(),
        }
    }
}

/// The answer to a registration. Daemons expect the last three; Doorbell has nothing to say in them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegisterAnswer {
    /// What was registered, in the order of the registration.
    pub runtimes: Vec<RuntimeRecord>,
    /// Always empty.
    #[serde(default)]
    pub repos: Vec<serde_json::Value>,
    /// Always empty.
    #[serde(default)]
    pub repos_version: String,
    /// Always empty.
    #[serde(default)]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// `POST /api/daemon/deregister`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeregisterBody {
    /// What goes offline.
    #[serde(default)]
    pub runtime_ids: Option<Vec<String>>,
}

/// `POST /api/daemon/heartbeat`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatBody {
    /// What is alive.
    #[serde(default)]
    pub runtime_id: Option<String>,
    /// All that the daemon has claimed of the runtime and not yet reported. Read with [`InFlightBody`].
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<InFlight>,
}

/// What a heartbeat's body says is in flight. Read by itself: no heartbeat is refused because of a hint, and a list that
/// cannot be read, in whole or in part, is not an empty one, after which everything would be handed out again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct InFlightBody {
    /// The whole list.
    pub in_flight: InFlight,
}

/// The answer to a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatAnswer {
    /// Always `ok`.
    pub status: String,
    /// The model list request that this heartbeat has claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_model_list: Option<PendingRequest>,
}

/// A request that was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRequest {
    /// What to report on.
    pub id: RequestId,
}

/// `{"status":"ok"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Always `ok`.
    pub status: String,
}

impl Default for Ack {
    fn default() -> Self {
        Self { status: "ok".to_owned() }
    }
}
