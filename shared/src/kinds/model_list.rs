//! Kind `model_list`: the models that a runtime can use.

use doorbell_protocol::limits::{
    MODEL_TEXT_CHARS, MODELS_PER_REPORT, PENDING_DEADLINE, RETENTION, RUNNING_DEADLINE,
};
use doorbell_protocol::{Kind, ModelListResult, NoResult, RawReport, RequestRecord, Status};
use serde::{Deserialize, Serialize};

use super::{
    BuiltInKind, Catalog, CorruptResult, JsonText, NO_ENTRIES, Rejected, completed, error, is_list,
    non_empty, parse, stored, text,
};
use crate::catalog::{CatalogUpdate, ServedSnapshot};
use crate::request::{Address, Deadlines, ErrorText, Payload, Request, RequestOutcome};

pub const MODEL_LIST: BuiltInKind = BuiltInKind {
    kind: Kind::MODEL_LIST,
    segment: "models",
    heartbeat_field: "pending_model_list",
    deadlines: Deadlines {
        pending: PENDING_DEADLINE,
        running: RUNNING_DEADLINE,
        retention: RETENTION,
        queued: false,
    },
    pending_text: "30 seconds",
    enqueue_failure: "failed to enqueue model list request",
    accept,
    render,
    render_result,
    catalog: Some(Catalog { update: catalog_update, render: render_cached }),
};

fn accept(body: &[u8]) -> Result<RequestOutcome, Rejected> {
    match parse::<RawReport>(body)?.into_result() {
        Ok(result) => within_limits(&result).and_then(|()| completed(&result)),
        Err(NoResult::Failed(error)) => Ok(RequestOutcome::Failed(ErrorText::from(error))),
        Err(NoResult::InvalidModel(invalid)) => Err(Rejected::malformed(invalid)),
    }
}

fn within_limits(result: &ModelListResult) -> Result<(), Rejected> {
    let models = result.models.len();
    if models > MODELS_PER_REPORT {
        let why = format!("{models} models are over the {MODELS_PER_REPORT} that a report may list");
        return Err(Rejected::too_large(why));
    }
    if result.models.iter().any(|model| model.longest_text() > MODEL_TEXT_CHARS) {
        let why = format!("a model's id or label has more than {MODEL_TEXT_CHARS} characters");
        return Err(Rejected::too_large(why));
    }
    Ok(())
}

/// The parts of a stored [`ModelListResult`] that are in records.
#[derive(Deserialize, Serialize)]
struct StoredModelList {
    models: JsonText,
    supported: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fallback: bool,
}

fn model_list(payload: &Payload) -> Result<StoredModelList, CorruptResult> {
    let list: StoredModelList = serde_json::from_str(payload.as_str()).map_err(|_| CorruptResult)?;
    if is_list(&list.models) { Ok(list) } else { Err(CorruptResult) }
}

/// A runtime without models of its own has nothing to show at once.
fn catalog_update(outcome: &RequestOutcome) -> CatalogUpdate {
    let RequestOutcome::Completed(payload) = outcome else { return CatalogUpdate::Keep };
    match model_list(payload) {
        Ok(list) if list.fallback => CatalogUpdate::Keep,
        Ok(list) if list.supported && list.models.get() != NO_ENTRIES => CatalogUpdate::Replace,
        Ok(_) | Err(CorruptResult) => CatalogUpdate::Delete,
    }
}

fn render(request: &Request) -> Result<JsonText, CorruptResult> {
    let result = stored(request).map(model_list).transpose()?;
    text(&RequestRecord {
        id: request.address.request,
        runtime_id: request.address.runtime,
        status: request.state.status(),
        supported: result.as_ref().is_none_or(|result| result.supported),
        fallback: result.as_ref().is_some_and(|result| result.fallback),
        models: result.and_then(|result| non_empty(result.models)),
        error: error(request),
        cached: false,
        cached_at: None,
        created_at: request.created_at,
        updated_at: request.updated_at,
    })
}

fn render_cached(address: Address, snapshot: &ServedSnapshot) -> Result<JsonText, CorruptResult> {
    let StoredModelList { models, supported, fallback } = model_list(&snapshot.result)?;
    text(&RequestRecord {
        id: address.request,
        runtime_id: address.runtime,
        status: Status::Completed,
        supported,
        fallback,
        models: non_empty(models),
        error: None,
        cached: true,
        cached_at: Some(snapshot.stored_at),
        created_at: snapshot.stored_at,
        updated_at: snapshot.stored_at,
    })
}

fn render_result(payload: &Payload) -> Result<JsonText, CorruptResult> {
    text(&model_list(payload)?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::fixtures::{completed_with, pending, running};
    use super::*;

    fn accepted(body: &Value) -> Result<RequestOutcome, Rejected> {
        accept(body.to_string().as_bytes())
    }

    fn rendered(request: &Request) -> Value {
        serde_json::from_str(render(request).unwrap().get()).unwrap()
    }

    #[test]
    fn stores_models_supported_and_fallback() {
        let body = json!({"status": "completed", "models": [{"id": "a", "label": "A", "n": 1}], "other": 1});
        let RequestOutcome::Completed(payload) = accepted(&body).unwrap() else { panic!("not completed") };
        let expected = r#"{"models":[{"id":"a","label":"A","n":1}],"supported":true,"fallback":false}"#;
        assert_eq!(payload.as_str(), expected);
    }

    #[test]
    fn stores_error_of_failed_report() {
        let failed = accepted(&json!({"status": "failed", "error": "not logged in"}));
        assert_eq!(failed, Ok(RequestOutcome::Failed(ErrorText::from("not logged in".to_owned()))));
    }

    #[test]
    fn malformed_model_is_not_stored() {
        let body = json!({"status": "completed", "models": [{"id": "a"}, {"label": "A"}]});
        let reason = ErrorText::from("the daemon's report has a model without an id".to_owned());
        assert_eq!(accepted(&body), Err(Rejected::Malformed(reason)));
    }

    #[test]
    fn body_that_is_no_report_is_rejected() {
        for body in ["", "5", "[]", r#"["completed"]"#, "{}", r#"{"status":"completed","models":5}"#] {
            assert_eq!(accept(body.as_bytes()), Err(Rejected::Body), "{body}");
        }
    }

    #[test]
    fn models_per_report_are_bounded() {
        let listing = |count: usize| {
            accepted(&json!({"status": "completed", "models": vec![json!({"id": "a", "label": "A"}); count]}))
        };
        assert!(listing(MODELS_PER_REPORT).is_ok());
        let reason =
            "the daemon's report is too large to store: 2001 models are over the 2000 that a report may list";
        let too_large = Rejected::TooLarge(ErrorText::from(reason.to_owned()));
        assert_eq!(listing(MODELS_PER_REPORT + 1), Err(too_large));
    }

    #[test]
    fn model_texts_are_bounded() {
        let labelled = |chars: usize| {
            accepted(&json!({"status": "completed", "models": [{"id": "a", "label": "ü".repeat(chars)}]}))
        };
        assert!(labelled(MODEL_TEXT_CHARS).is_ok());
        assert!(matches!(labelled(MODEL_TEXT_CHARS + 1), Err(Rejected::TooLarge(_))));
    }

    #[test]
    fn pending_record_has_only_required_fields() {
        let request = pending(&MODEL_LIST);
        let expected = json!({
            "id": "019a0000000070008000000000000001",
            "runtime_id": request.address.runtime.to_string(),
            "status": "pending",
            "supported": true,
            "created_at": "2026-11-22T03:41:07.123Z",
            "updated_at": "2026-11-22T03:41:07.123Z",
        });
        assert_eq!(rendered(&request), expected);
    }

    /// The reference server excludes it with `json:"-"`.
    #[test]
    fn lease_is_never_on_the_wire() {
        let record = rendered(&running(&MODEL_LIST));
        let fields: Vec<_> = record.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["id", "runtime_id", "status", "supported", "created_at", "updated_at"]);
    }

    #[test]
    fn leaves_out_empty_error_and_models() {
        let request = pending(&MODEL_LIST);
        let failed = RequestOutcome::Failed(ErrorText::from(String::new()));
        let failed = rendered(&request.reported_if_open(&failed, request.created_at).unwrap());
        assert_eq!((failed.get("error"), failed.get("models")), (None, None));
        let empty = completed_with(&MODEL_LIST, r#"{"models":[],"supported":true,"fallback":false}"#);
        assert_eq!(rendered(&empty).get("models"), None);
    }

    #[test]
    fn splices_models_as_stored() {
        let models = r#"[{"label":"A","id":"a","cost":0.10,"more":{"z":1,"a":[1e3]}}]"#;
        let stored = format!(r#"{{"models":{models},"supported":true,"fallback":false}}"#);
        let record = render(&completed_with(&MODEL_LIST, &stored)).unwrap();
        assert!(record.get().contains(&format!(r#""models":{models},"#)), "{record}");
    }

    #[test]
    fn generic_result_leaves_out_false_fallback() {
        for (stored, expected) in [
            (r#"{"models":[],"supported":false,"fallback":false}"#, r#"{"models":[],"supported":false}"#),
            (
                r#"{"models":[{"id":"a"}],"supported":true,"fallback":true}"#,
                r#"{"models":[{"id":"a"}],"supported":true,"fallback":true}"#,
            ),
        ] {
            let payload = Payload::try_from(stored.to_owned()).unwrap();
            assert_eq!(render_result(&payload).unwrap().get(), expected);
        }
    }

    #[test]
    fn corrupt_result_is_an_error() {
        for stored in ["[]", r#"{"models":5,"supported":true}"#, r#"{"models":null,"supported":true}"#] {
            assert_eq!(render(&completed_with(&MODEL_LIST, stored)).unwrap_err(), CorruptResult, "{stored}");
        }
    }
}
