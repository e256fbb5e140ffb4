//! Enrolment: an administrator creates a code, and a machine redeems it for a token of its own.

use serde::{Deserialize, Serialize};

use crate::id::WorkspaceId;
use crate::time::Timestamp;

/// The body of `POST /api/enrolments`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentBody {
    /// The workspace that the machine joins. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    /// The subject of the machine's token, for lists and logs. The machine's daemon id if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The lifetime of the code in seconds:
    /// [`ENROLMENT_MIN_S`](crate::limits::ENROLMENT_MIN_S) to [`ENROLMENT_MAX_S`](crate::limits::ENROLMENT_MAX_S).
    /// [`ENROLMENT_DEFAULT_S`](crate::limits::ENROLMENT_DEFAULT_S) if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<i64>,
}

/// The response to `POST /api/enrolments`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentResponse {
    /// `XXXX-XXXX-XXXX-XXXX`, which works once. A secret.
    pub code: String,
    /// The workspace that the machine joins.
    pub workspace_id: WorkspaceId,
    /// The code is rejected from this time on.
    pub expires_at: Timestamp,
}

/// The body of `POST /api/enrolments/redeem`, which needs no token.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeemBody {
    /// The code, in any case, with or without hyphens. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The only daemon that may use the token. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon_id: Option<String>,
    /// The machine's name for display.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
}

/// The response to `POST /api/enrolments/redeem`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeemResponse {
    /// A token with scope `daemon` that is bound to `daemon_id`. Shown once.
    pub token: String,
    /// The workspace of the token.
    pub workspace_id: WorkspaceId,
    /// The daemon of the token.
    pub daemon_id: String,
}

/// A workspace of a daemon token, in the response to `GET /api/daemon/workspaces`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceRecord {
    /// The workspace.
    pub id: WorkspaceId,
    /// The name for display. The id, because Doorbell stores no names of workspaces.
    pub name: String,
}
