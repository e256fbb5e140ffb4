//! Questions: kinds of requests that the owner of a machine declares.

use serde::{Deserialize, Serialize};

use crate::kind::Kind;
use crate::raw_json::Json;

/// A question in a registration and in a runtime's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The kind of its requests.
    pub name: Kind,
    /// What it answers, for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON schema of its args. The daemon checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args_schema: Option<Json>,
    /// The JSON schema of its results. The daemon checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_schema: Option<Json>,
    /// The running deadline of its requests: 1 to [`QUESTION_TIMEOUT_MAX_S`](crate::limits::QUESTION_TIMEOUT_MAX_S) seconds, by
    /// default [`QUESTION_TIMEOUT_DEFAULT_S`](crate::limits::QUESTION_TIMEOUT_DEFAULT_S).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u32>,
}
