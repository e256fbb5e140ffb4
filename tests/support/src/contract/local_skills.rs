//! The routes of the kind `local_skills`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Target, acknowledged};
use crate::{ApiResponse, Caller};

fn path(runtime: &str) -> String {
    format!("/api/runtimes/{runtime}/local-skills")
}

async fn ask(api: &Target, runtime: &str) -> String {
    let asked = api.post_raw(Caller::UserA, &path(runtime), "").await;
    assert_eq!(asked.status, 200, "{asked:?}");
    asked.body["id"].as_str().unwrap().to_owned()
}

async fn poll(api: &Target, runtime: &str, request: &str) -> Value {
    api.get(Caller::UserA, &format!("{}/{request}", path(runtime))).await.body
}

async fn report(api: &Target, runtime: &str, request: &str, body: Value) -> ApiResponse {
    let path = format!("/api/daemon/runtimes/{runtime}/local-skills/{request}/result");
    api.post(Caller::DaemonA, &path, body).await
}

pub async fn skills_are_claimed_reported_and_shown(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = ask(api, &runtime).await;
    let heartbeat = json!({"status": "ok", "pending_local_skills": {"id": request}});
    assert_eq!(api.heartbeat(&runtime).await, ApiResponse::ok(heartbeat));
    let running = poll(api, &runtime, &request).await;
    let mut fields: Vec<_> = running.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    let required = ["created_at", "id", "mcp_supported", "runtime_id", "status", "supported", "updated_at"];
    assert_eq!(fields, required);
    assert_eq!((&running["supported"], &running["mcp_supported"]), (&json!(true), &json!(false)));

    let skills = json!([{
        "key": "review", "name": "Review", "description": "Reviews", "source_path": "~/.claude/skills/review",
        "provider": "claude", "root": "provider", "plugin": "p@m", "can_disable": true, "file_count": 3,
    }]);
    let servers = json!([{"name": "files", "transport": "stdio", "source": "User config", "enabled": true}]);
    let body =
        json!({"status": "completed", "skills": skills, "mcp_servers": servers, "mcp_supported": true});
    assert_eq!(report(api, &runtime, &request, body).await, acknowledged());
    let completed = poll(api, &runtime, &request).await;
    assert_eq!((&completed["skills"], &completed["mcp_servers"]), (&skills, &servers));
    assert_eq!(completed["mcp_supported"], true);
}

pub async fn kinds_do_not_share_routes(api: &Target) {
    let runtime = api.new_runtime().await;
    let skills = ask(api, &runtime).await;
    let models = api.ring(&runtime).await;
    let not_found = ApiResponse::error(404, "request not found");
    assert_eq!(api.poll(&runtime, &skills).await, not_found);
    assert_eq!(api.get(Caller::UserA, &format!("{}/{models}", path(&runtime))).await, not_found);
    let body = json!({"status": "failed", "error": "no"});
    assert_eq!(report(api, &runtime, &models, body.clone()).await, not_found);
    assert_eq!(api.report(&runtime, &skills, body).await, not_found);
}

pub async fn pending_request_times_out_after_3_minutes(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = ask(api, &runtime).await;
    let deadline = api.after(Duration::from_secs(180));
    api.advance_to(deadline).await;
    assert_eq!(poll(api, &runtime, &request).await["status"], "pending");
    api.advance_past(deadline).await;
    let timed_out = poll(api, &runtime, &request).await;
    assert_eq!(timed_out["status"], "timeout");
    assert_eq!(timed_out["error"], "daemon did not respond within 3 minutes");
}

pub async fn malformed_entry_fails_request(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = ask(api, &runtime).await;
    let body = json!({"status": "completed", "skills": [{"key": "k"}]});
    assert_eq!(report(api, &runtime, &request, body).await, ApiResponse::error(400, "invalid request body"));
    let failed = poll(api, &runtime, &request).await;
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"].as_str().unwrap().starts_with("the daemon's report has a skill"), "{failed}");
}
