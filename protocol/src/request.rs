//! The request record that initiate and poll respond with, and the report of a daemon.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use strum::IntoStaticStr;

use crate::id::{RequestId, RuntimeId};
use crate::model::{InvalidModel, ModelEntry};
use crate::time::Timestamp;

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
    /// Whether the models stand in for those that the daemon could not get.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fallback: bool,
    /// Why the request failed or timed out, unless the text is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether the catalog has answered the ring. Then the id cannot be polled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// When the daemon has reported the cached result. Only with [`cached`](Self::cached).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_at: Option<Timestamp>,
    /// When the client rang. Of a cached result, the same as `cached_at`.
    pub created_at: Timestamp,
    /// When the status last changed. Of a cached result, the same as `cached_at`.
    pub updated_at: Timestamp,
}

/// Body of `POST /api/daemon/runtimes/{runtimeId}/models/{requestId}/result`. Any `status` but `completed` is a failure.
///
/// Daemons use [`ModelEntry`]s as `M`. The server reads [`RawReport`]s, because a malformed model fails the request, and the
/// rest of its report must be readable for that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelListReport<M = ModelEntry> {
    /// `completed` or `failed`.
    pub status: String,
    /// The models of a completed report.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<M>>,
    /// Whether the provider supports a model choice per agent. Older daemons omit it, which means `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supported: Option<bool>,
    /// Whether the models replace a list that could not be obtained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<bool>,
    /// The error text of a failed report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A report whose models have not been checked.
pub type RawReport = ModelListReport<Box<RawValue>>;

/// The result of a completed report. The server stores its JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelListResult {
    /// The models, in the agent program's order.
    pub models: Vec<ModelEntry>,
    /// Whether the provider supports a model choice per agent.
    pub supported: bool,
    /// Whether the models replace a list that could not be obtained.
    #[serde(default)]
    pub fallback: bool,
}

impl ModelListReport {
    /// The status of a report with a result.
    pub const COMPLETED: &str = "completed";

    /// The report of a result.
    pub fn completed(result: ModelListResult) -> Self {
        Self {
            status: Self::COMPLETED.to_owned(),
            models: Some(result.models),
            supported: Some(result.supported),
            fallback: Some(result.fallback),
            error: None,
        }
    }

    /// The report of a failure.
    pub fn failed(error: impl Into<String>) -> Self {
        let status = "failed".to_owned();
        Self { status, models: None, supported: None, fallback: None, error: Some(error.into()) }
    }
}

/// Why a report has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoResult {
    /// The daemon reported a failure, with this error text, which may be empty.
    Failed(String),
    /// One of the models is malformed.
    InvalidModel(InvalidModel),
}

impl RawReport {
    /// The result of a completed report. The models of a failed one are not read.
    ///
    /// # Errors
    /// The daemon's failure, or a malformed model.
    pub fn into_result(self) -> Result<ModelListResult, NoResult> {
        if self.status != ModelListReport::COMPLETED {
            return Err(NoResult::Failed(self.error.unwrap_or_default()));
        }
        let models = self.models.unwrap_or_default().into_iter().map(ModelEntry::try_from);
        Ok(ModelListResult {
            models: models.collect::<Result<_, _>>().map_err(NoResult::InvalidModel)?,
            supported: self.supported.unwrap_or(true),
            fallback: self.fallback.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(body: &str) -> Result<ModelListResult, NoResult> {
        serde_json::from_str::<RawReport>(body).unwrap().into_result()
    }

    #[test]
    fn supported_defaults_to_true_and_fallback_to_false() {
        let result = result(r#"{"status":"completed"}"#).unwrap();
        assert!(result.supported && !result.fallback && result.models.is_empty());
    }

    #[test]
    fn keeps_supported_false() {
        assert!(!result(r#"{"status":"completed","supported":false}"#).unwrap().supported);
    }

    #[test]
    fn any_status_but_completed_is_a_failure() {
        for status in ["failed", "error", ""] {
            let failed = result(&format!(r#"{{"status":"{status}","error":"not logged in"}}"#));
            assert_eq!(failed, Err(NoResult::Failed("not logged in".to_owned())));
        }
    }

    #[test]
    fn malformed_model_is_not_a_result() {
        for (model, invalid) in [
            (r#"{"label":"A"}"#, InvalidModel::NoId),
            (r#""gpt-6""#, InvalidModel::NotAnObject),
            ("null", InvalidModel::NotAnObject),
        ] {
            let malformed = result(&format!(r#"{{"status":"completed","models":[{{"id":"a"}},{model}]}}"#));
            assert_eq!(malformed, Err(NoResult::InvalidModel(invalid)), "{model}");
        }
    }

    #[test]
    fn models_of_failure_are_not_read() {
        let failed = result(r#"{"status":"failed","error":"no","models":[{"label":"A"}]}"#);
        assert_eq!(failed, Err(NoResult::Failed("no".to_owned())));
    }
}
