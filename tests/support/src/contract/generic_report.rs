//! Reports on the routes of every kind.

use doorbell_protocol::limits::{JSON_DEPTH, PROGRESS_BYTES, RESULT_BYTES};
use serde_json::{Value, json};

use super::requests::{ask, ask_disk_usage, claim, new_runtime, record, report};
use super::{ABSENT_REQUEST, Target, acknowledged};
use crate::{ApiResponse, Caller};

pub async fn progress_is_shown_until_the_end(api: &Target) {
    let runtime = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    claim(api, &runtime).await;
    for progress in [json!({"percent": 10}), json!("half")] {
        let reported =
            report(api, &runtime, &request, json!({"status": "running", "progress": progress})).await;
        assert_eq!(reported, acknowledged());
        let running = record(api, &runtime, &request).await;
        assert_eq!((&running["status"], &running["progress"]), (&json!("running"), &progress));
    }
    report(api, &runtime, &request, json!({"status": "failed", "error": "no"})).await;
    let failed = record(api, &runtime, &request).await;
    assert_eq!((&failed["error"], failed.get("progress")), (&json!("no"), None));
}

pub async fn oversized_progress_changes_nothing(api: &Target) {
    let runtime = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    claim(api, &runtime).await;
    let running = record(api, &runtime, &request).await;
    let progress = json!({"status": "running", "progress": "x".repeat(PROGRESS_BYTES)});
    let rejected = report(api, &runtime, &request, progress).await;
    assert_eq!(rejected, ApiResponse::error(413, "report too large"));
    assert_eq!(record(api, &runtime, &request).await, running);
}

pub async fn progress_of_pending_request_is_ignored(api: &Target) {
    let runtime = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    let body = json!({"status": "running", "progress": 1});
    assert_eq!(report(api, &runtime, &request, body).await, acknowledged());
    assert_eq!(record(api, &runtime, &request).await["status"], "pending");
}

pub async fn any_result_passes_through(api: &Target) {
    let runtime = new_runtime(api).await;
    for result in [json!(0), json!(false), json!(""), json!([]), json!({}), json!({"a": [null, 1.5]})] {
        let request = ask_disk_usage(api, &runtime).await;
        report(api, &runtime, &request, json!({"status": "completed", "result": result})).await;
        assert_eq!(record(api, &runtime, &request).await["result"], result);
    }
    for body in [json!({"status": "completed"}), json!({"status": "completed", "result": null})] {
        let request = ask_disk_usage(api, &runtime).await;
        report(api, &runtime, &request, body).await;
        let completed = record(api, &runtime, &request).await;
        assert_eq!((&completed["status"], completed.get("result")), (&json!("completed"), None));
    }
}

async fn fails_with(api: &Target, body: impl Into<reqwest::Body>, response: ApiResponse, reason: &str) {
    let runtime = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    let path = format!("/api/daemon/runtimes/{runtime}/requests/{request}/result");
    assert_eq!(api.post_raw(Caller::DaemonA, &path, body).await, response);
    let failed = record(api, &runtime, &request).await;
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"].as_str().unwrap().contains(reason), "{failed}");
}

pub async fn result_that_cannot_be_stored_fails_request(api: &Target) {
    let large = json!({"status": "completed", "result": "x".repeat(RESULT_BYTES)}).to_string();
    fails_with(api, large, ApiResponse::error(413, "report too large"), "too large to store").await;
    let depth = JSON_DEPTH + 1;
    let deep = format!(r#"{{"status":"completed","result":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let invalid = ApiResponse::error(400, "invalid request body");
    fails_with(api, deep, invalid, "nested deeper than 120 levels").await;
}

pub async fn unreadable_report_changes_nothing(api: &Target) {
    let runtime = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    for body in [json!({}), json!([]), json!({"status": 5}), json!({"status": "running"})] {
        let rejected = report(api, &runtime, &request, body.clone()).await;
        assert_eq!(rejected, ApiResponse::error(400, "invalid request body"), "{body}");
    }
    assert_eq!(record(api, &runtime, &request).await["status"], "pending");
}

pub async fn foreign_or_absent_request_is_not_found(api: &Target) {
    let runtime = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    let not_found = ApiResponse::error(404, "request not found");
    for body in [
        json!({"status": "completed", "result": 1}),
        json!({"status": "failed", "error": "no"}),
        json!({"status": "running", "progress": 1}),
    ] {
        assert_eq!(report(api, &runtime, ABSENT_REQUEST, body.clone()).await, not_found, "{body}");
        let path = format!("/api/daemon/runtimes/{runtime}/requests/{request}/result");
        assert_eq!(api.post(Caller::DaemonB, &path, body.clone()).await, not_found, "{body}");
    }
    assert_eq!(record(api, &runtime, &request).await["status"], "pending");
}

async fn asked(api: &Target, runtime: &str, kind: &str) -> String {
    ask(api, runtime, json!({"kind": kind, "args": {}})).await.body["id"].as_str().unwrap().to_owned()
}

/// As on the kind's own route: clients of that route validate with strict schemas.
pub async fn result_of_built_in_kind_is_checked(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = asked(api, &runtime, "model_list").await;
    let result = json!({"models": [{"id": "a", "label": null, "more": null}]});
    let reported = report(api, &runtime, &request, json!({"status": "completed", "result": result})).await;
    assert_eq!(reported, acknowledged());
    assert_eq!(api.poll(&runtime, &request).await.body["models"], json!([{"id": "a", "label": "a"}]));

    for result in [json!(5), json!({"models": 5}), json!({"models": [{}]})] {
        let request = asked(api, &runtime, "model_list").await;
        let rejected =
            report(api, &runtime, &request, json!({"status": "completed", "result": result})).await;
        assert_eq!(rejected, ApiResponse::error(400, "invalid request body"), "{result}");
        assert_eq!(api.poll(&runtime, &request).await.body["status"], "failed", "{result}");
    }
}

/// A command of an MCP server may contain a secret.
pub async fn result_of_local_skills_has_no_other_fields(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = asked(api, &runtime, "local_skills").await;
    let servers = json!([{"name": "s", "enabled": true, "command": "SECRET"}]);
    let body = json!({"status": "completed", "result": {"mcp_servers": servers}});
    assert_eq!(report(api, &runtime, &request, body).await, acknowledged());
    let result: Value = record(api, &runtime, &request).await["result"].clone();
    assert_eq!(result["mcp_servers"], json!([{"name": "s", "enabled": true}]));
}
