//! Answering.

use doorbell_protocol::limits::MODELS_PER_REPORT;
use serde_json::{Value, json};

use super::{ABSENT_REQUEST, ABSENT_RUNTIME, models};
use crate::{ApiResponse, Caller, Client};

/// What is shown of a new request after that report.
async fn shown_after(api: &Client, report: Value) -> Value {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    assert_eq!(api.report(&runtime, &request, report).await, ApiResponse::ok(json!({"status": "ok"})));
    api.poll(&runtime, &request).await.body
}

pub async fn passes_models_through_unchanged(api: &Client) {
    let shown = shown_after(api, json!({"status": "completed", "models": models()})).await;
    assert_eq!(shown["models"].to_string(), models().to_string(), "fields come in their order");
}

pub async fn drops_null_from_models(api: &Client) {
    let report = json!({"status": "completed", "models": [{"id": "a", "label": "A", "provider": null}]});
    assert_eq!(shown_after(api, report).await["models"], json!([{"id": "a", "label": "A"}]));
}

pub async fn a_failure_is_shown_with_its_text(api: &Client) {
    let shown = shown_after(api, json!({"status": "failed", "error": "codex is not logged in"})).await;
    assert_eq!((&shown["status"], &shown["error"]), (&json!("failed"), &json!("codex is not logged in")));
    assert_eq!(shown.get("models"), None);
}

pub async fn any_status_but_completed_is_a_failure(api: &Client) {
    let shown = shown_after(api, json!({"status": "done", "models": models()})).await;
    assert_eq!(shown["status"], "failed");
}

pub async fn supported_false_reaches_the_client(api: &Client) {
    let shown = shown_after(api, json!({"status": "completed", "models": [], "supported": false})).await;
    assert_eq!((&shown["supported"], shown.get("models")), (&json!(false), None));
}

pub async fn of_a_catalog_of_two_thousand_models_is_shown_whole(api: &Client) {
    let model = |number| json!({"id": format!("model-{number}"), "label": "x".repeat(100)});
    let catalog = Value::from_iter((0..MODELS_PER_REPORT).map(model));
    let shown = shown_after(api, json!({"status": "completed", "models": catalog})).await;
    assert!(shown["models"] == catalog, "{:.200}", shown.to_string());
}

pub async fn on_an_answered_request_is_ignored_and_still_ok(api: &Client) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    api.report(&runtime, &request, json!({"status": "completed", "models": models()})).await;
    let answered = api.poll(&runtime, &request).await;
    let late = api.report(&runtime, &request, json!({"status": "failed", "error": "late"})).await;
    assert_eq!(late, ApiResponse::ok(json!({"status": "ok"})));
    assert_eq!(api.poll(&runtime, &request).await, answered);
}

pub async fn on_what_is_not_there_or_not_ours_is_not_found(api: &Client) {
    let (runtime, other) = (api.new_runtime().await, api.new_runtime().await);
    let request = api.ring(&runtime).await;
    let body = json!({"status": "failed", "error": "no"});
    for (caller, runtime, request) in [
        (Caller::DaemonB, runtime.as_str(), request.as_str()),
        (Caller::DaemonA, &other, &request),
        (Caller::DaemonA, ABSENT_RUNTIME, &request),
        (Caller::DaemonA, &runtime, ABSENT_REQUEST),
        (Caller::DaemonA, &runtime, "nonsense"),
    ] {
        let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
        assert_eq!(api.post(caller, &path, body.clone()).await, ApiResponse::error(404, "request not found"));
    }
    let path = format!("/api/daemon/runtimes/nonsense/models/{request}/result");
    assert_eq!(api.post(Caller::DaemonA, &path, body).await, ApiResponse::error(400, "invalid runtime_id"));
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");
}

pub async fn that_cannot_be_read_changes_nothing(api: &Client) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
    let deep = format!(
        r#"{{"status":"completed","models":[{{"id":"a","x":{}{}}}]}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    for body in [
        "",
        "{",
        "null",
        "[]",
        "\"completed\"",
        "{}",
        r#"{"status":1}"#,
        r#"{"status":"completed","models":{}}"#,
        r#"{"status":"completed","models":[{"label":"no id"}]}"#,
        r#"{"status":"completed","models":[{"id":""}]}"#,
        r#"{"status":"completed","models":["gpt-6"]}"#,
        r#"{"status":"completed","supported":"yes"}"#,
        deep.as_str(),
    ] {
        let answer = api.post_raw(Caller::DaemonA, &path, body.to_owned()).await;
        assert_eq!(answer, ApiResponse::error(400, "invalid request body"), "{body:.80}");
    }
    let not_text = api.post_raw(Caller::DaemonA, &path, vec![0xff, 0xfe]).await;
    assert_eq!(not_text, ApiResponse::error(400, "invalid request body"));
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");
}

/// A daemon gives up at a 4xx, and without this the person would wait for the time-out.
pub async fn too_large_to_store_is_refused_and_fails_the_request_with_a_text_that_says_so(api: &Client) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let large = json!({"status": "completed", "models": [{"id": "a", "label": "x".repeat(500 * 1024)}]});
    assert_eq!(api.report(&runtime, &request, large).await, ApiResponse::error(413, "report too large"));
    let shown = api.poll(&runtime, &request).await.body;
    assert_eq!(shown["status"], "failed");
    assert!(shown["error"].as_str().unwrap().contains("too large to store"), "{shown}");
}
