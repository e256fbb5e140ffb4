//! Registering, listing and deregistering runtimes.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::id::{RuntimeId, WorkspaceId};
use crate::json;
use crate::push::ServerSettings;
use crate::question::Question;
use crate::raw_json::Json;
use crate::time::Timestamp;

/// Body of `POST /api/daemon/register`. Absent and `null` fields become `None`; the server checks required fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegisterBody {
    /// The workspace that the runtimes belong to. Required.
    #[serde(default)]
    pub workspace_id: Option<String>,
    /// The daemon's id, stable across restarts. Required.
    #[serde(default)]
    pub daemon_id: Option<String>,
    /// The machine's display name. The server drops control characters and cuts it to
    /// [`TEXT_CHARS`](crate::limits::TEXT_CHARS); anything but a string is absent.
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// The daemon's version. Cleaned as [`device_name`](Self::device_name).
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub cli_version: Option<String>,
    /// The agent programs of the machine.
    #[serde(default, deserialize_with = "json::list")]
    pub runtimes: Option<Vec<RegisterRuntime>>,
    /// Profiles that could not be started. A daemon that has only these may still register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_profiles: Option<Vec<serde_json::Value>>,
    /// Whether the daemon can use the push channel. A value of another shape is read as absent.
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub push: Option<bool>,
}

/// One agent program in a registration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegisterRuntime {
    /// The display name. Without it, `<type> (<device_name>)`.
    #[serde(default)]
    pub name: Option<String>,
    /// The type of agent program, such as `codex`. Without it, `unknown`.
    #[serde(default, rename = "type")]
    pub provider: Option<String>,
    /// The agent program's version. Cleaned as [`RegisterBody::device_name`].
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `offline` registers an offline runtime, any other value an online one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Distinguishes several profiles of one agent program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_id: Option<String>,
    /// The questions that it answers. The server checks each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub questions: Option<Vec<Json>>,
}

/// Whether a runtime can be rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum RuntimeStatus {
    /// Its last heartbeat is within [`ONLINE_WINDOW`](crate::limits::ONLINE_WINDOW), or its daemon is connected to the push channel.
    Online,
    /// Its last heartbeat is older, or its daemon has deregistered it.
    Offline,
}

impl RuntimeStatus {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The versions of a runtime's programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeMetadata {
    /// The agent program's version.
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The daemon's version.
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub cli_version: Option<String>,
}

/// A runtime in the responses to a registration and a list. Optional fields of another shape, as other servers may send, are
/// read as absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeRecord {
    /// The same for every registration of this workspace, daemon, type and profile.
    pub id: RuntimeId,
    /// The workspace that it belongs to.
    pub workspace_id: WorkspaceId,
    /// The daemon's id.
    pub daemon_id: String,
    /// The display name.
    pub name: String,
    /// The type of agent program.
    pub provider: String,
    /// The profile of the agent program, if it is not the default one.
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub profile_id: Option<String>,
    /// The registration's `device_name`.
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub device_info: Option<String>,
    /// Where the agent program runs. Doorbell's server always answers [`LOCAL`](Self::LOCAL).
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub runtime_mode: Option<String>,
    /// Who in the workspace may use it. Doorbell's server always answers [`PUBLIC`](Self::PUBLIC).
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// The subject of the token that registered it.
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<String>,
    /// Left out when no version is known.
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub metadata: Option<RuntimeMetadata>,
    /// The questions that it answers.
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub questions: Option<Vec<Question>>,
    /// Whether it can be rung.
    pub status: RuntimeStatus,
    /// The last registration or heartbeat.
    pub last_seen_at: Timestamp,
    /// The first registration.
    pub created_at: Timestamp,
    /// The last change of this record.
    pub updated_at: Timestamp,
}

impl RuntimeRecord {
    /// A [`runtime_mode`](Self::runtime_mode): on the daemon's machine.
    pub const LOCAL: &str = "local";
    /// A [`visibility`](Self::visibility): every user of the workspace.
    pub const PUBLIC: &str = "public";
}

/// The response to a registration. Daemons of the reference server expect the last three fields; Doorbell leaves two of them empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegisterResponse {
    /// The registered runtimes, in the order of the registration.
    pub runtimes: Vec<RuntimeRecord>,
    /// Always empty.
    #[serde(default)]
    pub repos: Vec<serde_json::Value>,
    /// Always empty.
    #[serde(default)]
    pub repos_version: String,
    /// Empty without a push channel.
    #[serde(default, deserialize_with = "json::or_default")]
    pub settings: ServerSettings,
}

/// Body of `POST /api/daemon/deregister`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeregisterBody {
    /// The runtimes to take offline. Unknown and malformed ids are skipped.
    #[serde(default)]
    pub runtime_ids: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A daemon must not fail because another server's optional field has another shape.
    #[test]
    fn reads_optional_fields_of_any_shape() {
        let required = json!({
            "id": "11111111-2222-4333-8444-555555555555", "workspace_id": "00000000-0000-4000-8000-00000000000a",
            "daemon_id": "d", "name": "Codex", "provider": "codex", "status": "online",
            "last_seen_at": "2026-11-22T03:41:07.123Z", "created_at": "2026-11-22T03:41:07.123Z",
            "updated_at": "2026-11-22T03:41:07.123Z",
        });
        let plain: RuntimeRecord = serde_json::from_value(required.clone()).unwrap();
        for other in [json!(null), json!(7), json!(true)] {
            let mut record = required.clone();
            for field in ["profile_id", "device_info", "runtime_mode", "visibility", "owner_id", "metadata"] {
                record[field] = other.clone();
            }
            assert_eq!(serde_json::from_value::<RuntimeRecord>(record).unwrap(), plain, "{other}");
        }
        let metadata = json!({"version": 7, "cli_version": "1", "more": true});
        let metadata: RuntimeMetadata = serde_json::from_value(metadata).unwrap();
        assert_eq!(metadata, RuntimeMetadata { version: None, cli_version: Some("1".to_owned()) });
        assert_eq!(serde_json::to_value(plain).unwrap(), required);
    }

    #[test]
    fn versions_and_device_name_may_be_anything() {
        let body = r#"{"device_name": {"a": 1e999}, "cli_version": -1, "runtimes": [{"version": [null]}]}"#;
        let body: RegisterBody = serde_json::from_str(body).unwrap();
        assert_eq!((body.device_name, body.cli_version), (None, None));
        assert_eq!(body.runtimes, Some(vec![RegisterRuntime::default()]));
    }
}
