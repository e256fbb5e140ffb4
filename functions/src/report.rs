//! Report: a daemon reports the outcome of a request.
//! `POST /api/daemon/runtimes/{runtimeId}/models/{requestId}/result`.
//!
//! Daemons stop at any 4xx and retry a 5xx, so a store failure is always a 500. A report on a request that has ended is ignored
//! and answered 200. A report whose result cannot be stored is a 4xx and fails its request, so that the client gets the reason
//! instead of a timeout. A body that is not a report is a 400 and changes nothing.

use doorbell_protocol::limits::{MODEL_TEXT_CHARS, MODELS_PER_REPORT};
use doorbell_protocol::{Ack, InvalidModel, Kind, ModelListResult, NoResult, RawReport, Scope};
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, metrics, respond};
use doorbell_shared::request::{ErrorText, KindFilter, Payload, PayloadTooLarge, RequestOutcome};
use doorbell_shared::store::{ReportOutcome, Store};

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("report", operation, request, report(state, request)).await
}

/// The operation of a report that does not end in time.
fn operation(request: &HttpRequest) -> Operation {
    match input::body(request).map(outcome) {
        Ok(Ok(RequestOutcome::Completed(_))) => Operation::Complete,
        _ => Operation::Fail,
    }
}

async fn report<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Result<Ack, ApiError> {
    let caller = caller(request, Scope::Daemon)?;
    input::limit_body(request)?;
    let address = input::address(request)?;
    let body: RawReport = input::body(request)?;
    let (outcome, response) = match outcome(body) {
        Ok(outcome) => (outcome, Ok(Ack::default())),
        Err(unstorable) => {
            (RequestOutcome::Failed(ErrorText::from(unstorable.to_string())), Err(unstorable.into()))
        }
    };
    let operation = match outcome {
        RequestOutcome::Completed(_) => Operation::Complete,
        RequestOutcome::Failed(_) => Operation::Fail,
    };

    let now = state.clock.now();
    let reported =
        state.store.report(address, KindFilter::Only(Kind::MODEL_LIST), &caller, &outcome, now).await;
    match reported.map_err(operation.failed())? {
        ReportOutcome::Recorded { created_at } => {
            metrics::request_reported(&outcome, now.since(created_at));
            response
        }
        ReportOutcome::Duplicate => response,
        // A malformed body stays malformed, whatever the state of its request.
        ReportOutcome::Stale if matches!(response, Err(ApiError::InvalidBody)) => response,
        ReportOutcome::Stale | ReportOutcome::Cancelled => Ok(Ack::default()),
        ReportOutcome::NotFound => Err(ApiError::RequestNotFound),
    }
}

/// Why a result cannot be stored: the error text of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Unstorable {
    #[error("the daemon's report has {0}")]
    Model(InvalidModel),
    #[error("the daemon's report is too large to store: {0}")]
    Bytes(#[from] PayloadTooLarge),
    #[error(
        "the daemon's report is too large to store: {0} models are over the {MODELS_PER_REPORT} that a report may list"
    )]
    Models(usize),
    #[error(
        "the daemon's report is too large to store: a model's id or label has more than {MODEL_TEXT_CHARS} characters"
    )]
    Text,
}

impl From<Unstorable> for ApiError {
    fn from(unstorable: Unstorable) -> Self {
        match unstorable {
            Unstorable::Model(_) => Self::InvalidBody,
            Unstorable::Bytes(_) | Unstorable::Models(_) | Unstorable::Text => Self::ReportTooLarge,
        }
    }
}

fn outcome(report: RawReport) -> Result<RequestOutcome, Unstorable> {
    match report.into_result() {
        Ok(result) => Ok(RequestOutcome::Completed(payload(&result)?)),
        Err(NoResult::Failed(error)) => Ok(RequestOutcome::Failed(ErrorText::from(error))),
        Err(NoResult::InvalidModel(invalid)) => Err(Unstorable::Model(invalid)),
    }
}

fn payload(result: &ModelListResult) -> Result<Payload, Unstorable> {
    if result.models.len() > MODELS_PER_REPORT {
        return Err(Unstorable::Models(result.models.len()));
    }
    if result.models.iter().any(|model| model.longest_text() > MODEL_TEXT_CHARS) {
        return Err(Unstorable::Text);
    }
    Ok(Payload::try_from(json(result))?)
}

/// # Panics
/// Never: the result consists of JSON texts and booleans.
#[expect(clippy::expect_used, reason = "the result consists of JSON texts and booleans")]
fn json(result: &ModelListResult) -> String {
    serde_json::to_string(result).expect("a result is JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn outcome_of(body: Value) -> Result<RequestOutcome, Unstorable> {
        outcome(serde_json::from_value(body).unwrap())
    }

    #[test]
    fn stores_models_supported_and_fallback() {
        let body = json!({"status": "completed", "models": [{"id": "a", "label": "A", "n": 1}], "other": 1});
        let RequestOutcome::Completed(payload) = outcome_of(body).unwrap() else { panic!("not completed") };
        let expected = r#"{"models":[{"id":"a","label":"A","n":1}],"supported":true,"fallback":false}"#;
        assert_eq!(payload.as_str(), expected);
    }

    #[test]
    fn stores_error_of_failed_report() {
        let failed = outcome_of(json!({"status": "failed", "error": "not logged in"}));
        assert_eq!(failed, Ok(RequestOutcome::Failed(ErrorText::from("not logged in".to_owned()))));
    }

    #[test]
    fn malformed_model_is_not_stored() {
        let body = json!({"status": "completed", "models": [{"id": "a"}, {"label": "A"}]});
        let unstorable = outcome_of(body).unwrap_err();
        assert_eq!(unstorable.to_string(), "the daemon's report has a model without an id");
    }

    #[test]
    fn models_per_report_are_bounded() {
        let listing = |count: usize| {
            outcome_of(
                json!({"status": "completed", "models": vec![json!({"id": "a", "label": "A"}); count]}),
            )
        };
        assert!(listing(MODELS_PER_REPORT).is_ok());
        assert_eq!(listing(MODELS_PER_REPORT + 1), Err(Unstorable::Models(MODELS_PER_REPORT + 1)));
    }

    #[test]
    fn model_texts_are_bounded() {
        let labelled = |chars: usize| {
            outcome_of(json!({"status": "completed", "models": [{"id": "a", "label": "ü".repeat(chars)}]}))
        };
        assert!(labelled(MODEL_TEXT_CHARS).is_ok());
        assert_eq!(labelled(MODEL_TEXT_CHARS + 1), Err(Unstorable::Text));
    }
}
