//! Requests of any kind: asking, the record, and the report of a daemon.

use serde::{Deserialize, Serialize};

use crate::id::{RequestId, RuntimeId};
use crate::kind::Kind;
use crate::raw_json::Json;
use crate::request::Status;
use crate::time::Timestamp;

/// Body of `POST /api/runtimes/{runtimeId}/requests`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskBody {
    /// What to ask.
    pub kind: Kind,
    /// The arguments, at most [`ARGS_BYTES`](crate::limits::ARGS_BYTES). The daemon checks them against the question's schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Json>,
    /// How long the request may wait for an offline runtime, in seconds: 0 to [`QUEUE_MAX_S`](crate::limits::QUEUE_MAX_S). 0 asks
    /// online runtimes only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_s: Option<u32>,
}

/// The record of a request of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnyRequestRecord {
    /// The request's id.
    pub id: RequestId,
    /// The runtime that was asked.
    pub runtime_id: RuntimeId,
    /// What was asked.
    pub kind: Kind,
    /// The current status.
    pub status: Status,
    /// The arguments, if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Json>,
    /// The last progress of a running request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Json>,
    /// The result of a completed request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Json>,
    /// Why the request failed or timed out, unless the text is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether the catalog has answered the ring. Then the id cannot be polled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// When the daemon has reported the cached result. Only with [`cached`](Self::cached).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_at: Option<Timestamp>,
    /// When the client asked. Of a cached result, the same as `cached_at`.
    pub created_at: Timestamp,
    /// The last change of the record. Of a cached result, the same as `cached_at`.
    pub updated_at: Timestamp,
    /// The number of deliveries to the daemon, once there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

/// Body of `POST /api/daemon/runtimes/{runtimeId}/requests/{requestId}/result`. A `status` that is neither `completed` nor `running`
/// is a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// `completed`, `failed` or `running`.
    pub status: String,
    /// The result of a completed request: any JSON value. `null` is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Json>,
    /// The error text of a failed request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The progress of a running request: any JSON value up to [`PROGRESS_BYTES`](crate::limits::PROGRESS_BYTES).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Json>,
}

impl Report {
    /// The status of a report with a result.
    pub const COMPLETED: &str = "completed";
    /// The status of a report of progress.
    pub const RUNNING: &str = "running";

    /// The report of a result.
    pub fn completed(result: Json) -> Self {
        Self { status: Self::COMPLETED.to_owned(), result: Some(result), error: None, progress: None }
    }

    /// The report of a failure, with a text for users.
    pub fn failed(error: impl Into<String>) -> Self {
        Self { status: "failed".to_owned(), result: None, error: Some(error.into()), progress: None }
    }

    /// The report of progress, as often as once a second.
    pub fn running(progress: Json) -> Self {
        Self { status: Self::RUNNING.to_owned(), result: None, error: None, progress: Some(progress) }
    }
}

/// The response to a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportResponse {
    /// Always `ok`.
    pub status: String,
    /// Whether the request was cancelled. The daemon ends its work.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
}
