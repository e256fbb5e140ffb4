//! Administration of tokens over HTTP.

use serde::{Deserialize, Serialize};

use crate::id::WorkspaceId;
use crate::scope::Scope;
use crate::time::Timestamp;

/// The body of `POST /api/tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBody {
    /// The only workspace of the token. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_id: Option<String>,
    /// The name of a [`Scope`]. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The owner of the token, for lists and logs. Required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The lifetime in seconds, 1 to [`TOKEN_EXPIRY_MAX_S`](crate::limits::TOKEN_EXPIRY_MAX_S). The token does not expire if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<i64>,
    /// The only daemon that may use the token. For the scope `daemon` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon_id: Option<String>,
}

/// A token as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// 12 hex digits.
    pub id: String,
    /// The owner.
    pub subject: String,
    /// What the token may call.
    pub scopes: Vec<Scope>,
    /// The workspaces of the token that the caller is in.
    pub workspaces: Vec<WorkspaceId>,
    /// The only daemon that may use the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon_id: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The token is rejected from this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The last four characters, by which users recognize a token.
    pub last_four: String,
    /// A recent use, at most a day before the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// The response to `POST /api/tokens`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// The stored record.
    #[serde(flatten)]
    pub info: TokenInfo,
    /// The token, shown once.
    pub token: String,
}
