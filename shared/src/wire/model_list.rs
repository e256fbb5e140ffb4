//! What a daemon reports of kind `model_list`, and what of it is stored.

use serde::{Deserialize, Serialize};

use super::model::ModelEntry;
use crate::limits::{MODEL_TEXT_CHARS, MODELS_PER_REPORT};
use crate::request::{ErrorText, Outcome, ResultBody, ResultTooLarge};

/// The body of a report. Any `status` but `completed` is a failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelListReport {
    /// `completed` or `failed`.
    pub status: String,
    /// The models, of a completed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<ModelEntry>>,
    /// Whether an agent may be given a model of its own. Older daemons leave it out; they mean `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supported: Option<bool>,
    /// Whether these are sample models because the real ones could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<bool>,
    /// Why there are none, of a failed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What is stored of a completed report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelListResult {
    /// The models.
    pub models: Vec<ModelEntry>,
    /// Whether an agent may be given a model of its own.
    pub supported: bool,
    /// Whether these are sample models because the real ones could not be had.
    #[serde(default)]
    pub fallback: bool,
}

/// Why a report cannot be stored. The request has to fail with this: its client would wait for the result in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportTooLarge {
    /// Its result has too many bytes.
    #[error("the daemon's report is too large to store: {0}")]
    Bytes(#[from] ResultTooLarge),
    /// It lists too many models.
    #[error(
        "the daemon's report is too large to store: {0} models are over the {MODELS_PER_REPORT} that a report may list"
    )]
    Models(usize),
    /// A model's `id` or `label` has too many characters.
    #[error(
        "the daemon's report is too large to store: a model's id or label has more than {MODEL_TEXT_CHARS} characters"
    )]
    Text,
}

impl From<ReportTooLarge> for ErrorText {
    fn from(error: ReportTooLarge) -> Self {
        Self::from(error.to_string())
    }
}

impl ModelListReport {
    const COMPLETED: &str = "completed";

    /// The report of an answer.
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

    /// What the report comes to, unless its result is too large to store.
    pub fn outcome(self) -> Result<Outcome, ReportTooLarge> {
        if self.status != Self::COMPLETED {
            return Ok(Outcome::Failed(ErrorText::from(self.error.unwrap_or_default())));
        }
        let result = ModelListResult {
            models: self.models.unwrap_or_default(),
            supported: self.supported.unwrap_or(true),
            fallback: self.fallback.unwrap_or_default(),
        };
        if result.models.len() > MODELS_PER_REPORT {
            return Err(ReportTooLarge::Models(result.models.len()));
        }
        if result.models.iter().any(ModelEntry::is_wordy) {
            return Err(ReportTooLarge::Text);
        }
        Ok(Outcome::Completed(ResultBody::try_from(super::json(&result))?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn outcome(body: Value) -> Outcome {
        serde_json::from_value::<ModelListReport>(body).unwrap().outcome().unwrap()
    }

    fn result(body: Value) -> Value {
        let Outcome::Completed(result) = outcome(body) else { panic!("not completed") };
        serde_json::from_str(result.as_str()).unwrap()
    }

    #[test]
    fn missing_supported_means_true_and_missing_fallback_false() {
        let stored = result(json!({"status": "completed", "models": [{"id": "a", "label": "A"}]}));
        assert_eq!((&stored["supported"], &stored["fallback"]), (&json!(true), &json!(false)));
    }

    #[test]
    fn supported_false_is_kept() {
        assert_eq!(result(json!({"status": "completed", "supported": false}))["supported"], false);
    }

    #[test]
    fn a_report_may_list_as_many_models_as_the_limit_and_no_more() {
        let outcome = |count: usize| {
            let models = vec![json!({"id": "a", "label": "A"}); count];
            let body = json!({"status": "completed", "models": models});
            serde_json::from_value::<ModelListReport>(body).unwrap().outcome()
        };
        assert!(outcome(MODELS_PER_REPORT - 1).is_ok() && outcome(MODELS_PER_REPORT).is_ok());
        assert_eq!(outcome(MODELS_PER_REPORT + 1), Err(ReportTooLarge::Models(MODELS_PER_REPORT + 1)));
    }

    #[test]
    fn any_status_but_completed_is_a_failure() {
        for status in ["failed", "error", ""] {
            let failed = outcome(json!({"status": status, "error": "not logged in"}));
            assert_eq!(failed, Outcome::Failed(ErrorText::from("not logged in".to_owned())));
        }
    }
}
