//! Report.

use doorbell_protocol::limits::MODELS_PER_REPORT;
use serde_json::{Value, json};

use super::{ABSENT_REQUEST, ABSENT_RUNTIME, Target, acknowledged, models, result_path};
use crate::{ApiResponse, Caller};

/// The record of a new request after `report`.
async fn shown_after(api: &Target, report: Value) -> Value {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    assert_eq!(api.report(&runtime, &request, report).await, acknowledged());
    api.poll(&runtime, &request).await.body
}

pub async fn passes_models_through_unchanged(api: &Target) {
    let shown = shown_after(api, json!({"status": "completed", "models": models()})).await;
    assert_eq!(shown["models"].to_string(), models().to_string(), "fields come in their order");
}

pub async fn shows_error_of_failure(api: &Target) {
    let shown = shown_after(api, json!({"status": "failed", "error": "codex is not logged in"})).await;
    assert_eq!((&shown["status"], &shown["error"]), (&json!("failed"), &json!("codex is not logged in")));
    assert_eq!(shown.get("models"), None);
}

pub async fn any_status_but_completed_is_failure(api: &Target) {
    let shown = shown_after(api, json!({"status": "done", "models": models()})).await;
    assert_eq!(shown["status"], "failed");
}

pub async fn shows_supported_false(api: &Target) {
    let shown = shown_after(api, json!({"status": "completed", "models": [], "supported": false})).await;
    assert_eq!((&shown["supported"], shown.get("models")), (&json!(false), None));
}

pub async fn shows_catalog_of_2000_models(api: &Target) {
    let model = |number| json!({"id": format!("model-{number}"), "label": "x".repeat(100)});
    let catalog = Value::from_iter((0..MODELS_PER_REPORT).map(model));
    let shown = shown_after(api, json!({"status": "completed", "models": catalog})).await;
    assert!(shown["models"] == catalog, "{:.200}", shown.to_string());
}

pub async fn second_report_is_ignored(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    api.report(&runtime, &request, json!({"status": "completed", "models": models()})).await;
    let record = api.poll(&runtime, &request).await;
    let late = api.report(&runtime, &request, json!({"status": "failed", "error": "late"})).await;
    assert_eq!(late, acknowledged());
    assert_eq!(api.poll(&runtime, &request).await, record);
}

pub async fn foreign_or_absent_request_is_not_found(api: &Target) {
    let runtime = api.new_runtime().await;
    let other = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let body = json!({"status": "failed", "error": "no"});
    for (caller, runtime, request) in [
        (Caller::DaemonB, runtime.as_str(), request.as_str()),
        (Caller::DaemonA, &other, &request),
        (Caller::DaemonA, ABSENT_RUNTIME, &request),
        (Caller::DaemonA, &runtime, ABSENT_REQUEST),
        (Caller::DaemonA, &runtime, "nonsense"),
    ] {
        let path = result_path(runtime, request);
        assert_eq!(api.post(caller, &path, body.clone()).await, ApiResponse::error(404, "request not found"));
    }
    let path = result_path("nonsense", &request);
    assert_eq!(api.post(Caller::DaemonA, &path, body).await, ApiResponse::error(400, "invalid runtime_id"));
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");
}

pub async fn unreadable_report_changes_nothing(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let path = result_path(&runtime, &request);
    for body in [
        "",
        "{",
        "null",
        "[]",
        "\"completed\"",
        "{}",
        r#"{"status":1}"#,
        r#"{"status":"completed","models":{}}"#,
        r#"{"status":"completed","supported":"yes"}"#,
    ] {
        let response = api.post_raw(Caller::DaemonA, &path, body.to_owned()).await;
        assert_eq!(response, ApiResponse::error(400, "invalid request body"), "{body:.80}");
    }
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");
}

/// A daemon gives up at a 4xx. If the request did not fail, the client would wait for the timeout.
pub async fn malformed_model_fails_request(api: &Target) {
    let runtime = api.new_runtime().await;
    for (model, reason) in [
        (r#"{"label":"no id"}"#, "a model without an id"),
        (r#"{"id":""}"#, "a model without an id"),
        (r#"{"id":null}"#, "a model without an id"),
        (r#"{"id":5}"#, "a model without an id"),
        (r#""gpt-6""#, "a model that is not a JSON object"),
        ("null", "a model that is not a JSON object"),
        (r#"{"id":"a","x":"\ud800"}"#, "a model with a text that is not Unicode"),
    ] {
        let request = api.ring(&runtime).await;
        let report = format!(r#"{{"status":"completed","models":[{{"id":"a","label":"A"}},{model}]}}"#);
        let path = result_path(&runtime, &request);
        for _ in 0..2 {
            let response = api.post_raw(Caller::DaemonA, &path, report.clone()).await;
            assert_eq!(response, ApiResponse::error(400, "invalid request body"), "{model}");
        }
        let shown = api.poll(&runtime, &request).await.body;
        let error = format!("the daemon's report has {reason}");
        assert_eq!((&shown["status"], &shown["error"]), (&json!("failed"), &json!(error)), "{model}");
    }
}

/// A report that only ignored it would hide a broken daemon.
pub async fn malformed_model_is_rejected_after_end(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let path = result_path(&runtime, &request);
    api.post_raw(Caller::DaemonA, &path, r#"{"status":"failed","error":"not logged in"}"#.to_owned()).await;
    let malformed = r#"{"status":"completed","models":[5]}"#.to_owned();
    let response = api.post_raw(Caller::DaemonA, &path, malformed).await;
    assert_eq!(response, ApiResponse::error(400, "invalid request body"));
    assert_eq!(api.poll(&runtime, &request).await.body["error"], "not logged in");
}

/// Only a completed report has models.
pub async fn models_of_failure_are_ignored(api: &Target) {
    let report = json!({"status": "failed", "error": "not logged in", "models": [{"label": "no id"}]});
    let shown = shown_after(api, report).await;
    assert_eq!((&shown["status"], &shown["error"]), (&json!("failed"), &json!("not logged in")));
}

pub async fn foreign_malformed_report_changes_nothing(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let report = json!({"status": "completed", "models": [{"label": "no id"}]});
    let response = api.post(Caller::DaemonB, &result_path(&runtime, &request), report).await;
    assert_eq!(response, ApiResponse::error(404, "request not found"));
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");
}

/// A daemon gives up at a 4xx. If the request did not fail, the client would wait for the timeout.
pub async fn oversized_report_fails_request(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let large = json!({"status": "completed", "models": [{"id": "a", "label": "x".repeat(500 * 1024)}]});
    assert_eq!(api.report(&runtime, &request, large).await, ApiResponse::error(413, "report too large"));
    let shown = api.poll(&runtime, &request).await.body;
    assert_eq!(shown["status"], "failed");
    assert!(shown["error"].as_str().unwrap().contains("too large to store"), "{shown}");
}
