//! Register.

use serde_json::{Value, json};

use super::Target;
use crate::client::new_daemon_id;
use crate::{ApiResponse, Caller};

async fn register(api: &Target, body: Value) -> ApiResponse {
    api.post(Caller::DaemonA, "/api/daemon/register", body).await
}

pub async fn responds_with_runtimes(api: &Target) {
    let workspace = &api.a.id;
    let daemon = new_daemon_id();
    let body = json!({
        "workspace_id": workspace, "daemon_id": daemon, "device_name": "…", "cli_version": "…",
        "runtimes": [{"name": "Codex", "type": "codex", "version": "0.169.0", "status": "online", "profile_id": ""}],
        "something_else": true,
    });
    let response = register(api, body).await;
    assert_eq!(response.status, 200);
    let runtime = &response.body["runtimes"][0];
    let now = runtime["last_seen_at"].clone();
    assert_eq!(
        response.body,
        json!({
            "runtimes": [{
                "id": runtime["id"], "workspace_id": workspace, "daemon_id": daemon, "name": "Codex",
                "provider": "codex", "status": "online", "last_seen_at": now, "created_at": now, "updated_at": now,
            }],
            "repos": [], "repos_version": "", "settings": {},
        })
    );
}

pub async fn repeated_registration_keeps_ids(api: &Target) {
    let daemon = new_daemon_id();
    assert_eq!(api.register(&daemon).await, api.register(&daemon).await);
}

pub async fn profiles_are_different_runtimes(api: &Target) {
    let body = json!({"workspace_id": api.a.id, "daemon_id": new_daemon_id(), "runtimes": [
        {"name": "Codex", "type": "codex"}, {"name": "Codex", "type": "codex", "profile_id": "work"}]});
    let runtimes = register(api, body).await.body["runtimes"].clone();
    assert_ne!(runtimes[0]["id"], runtimes[1]["id"]);
}

pub async fn rejects_incomplete_registration(api: &Target) {
    let workspace = &api.a.id;
    let runtimes = json!([{"name": "Codex", "type": "codex"}]);
    let many: Vec<_> = (0..51).map(|n| json!({"type": format!("t{n}")})).collect();
    let no_runtime = "at least one runtime or failed profile is required";
    for (body, error) in [
        (json!({"workspace_id": workspace, "runtimes": runtimes}), "daemon_id is required"),
        (json!({"daemon_id": "d", "runtimes": runtimes}), "workspace_id is required"),
        (json!({"daemon_id": "d", "workspace_id": workspace}), no_runtime),
        (json!({"daemon_id": "d", "workspace_id": workspace, "runtimes": []}), no_runtime),
        (json!({"daemon_id": "d", "workspace_id": "x", "runtimes": runtimes}), "invalid workspace_id"),
        (json!({"daemon_id": 5, "workspace_id": workspace, "runtimes": runtimes}), "invalid request body"),
        (
            json!({"daemon_id": "d", "workspace_id": workspace, "runtimes": many}),
            "at most 50 runtimes at once",
        ),
        (
            json!({"daemon_id": "d", "workspace_id": workspace, "runtimes": [{"name": "n".repeat(201)}]}),
            "name is longer than 200 characters",
        ),
    ] {
        assert_eq!(register(api, body).await, ApiResponse::error(400, error));
    }
    let response = api.post_raw(Caller::DaemonA, "/api/daemon/register", "not json").await;
    assert_eq!(response, ApiResponse::error(400, "invalid request body"));
}

pub async fn accepts_failed_profile_alone(api: &Target) {
    let body = json!({"daemon_id": "d", "workspace_id": api.a.id, "failed_profiles": [{"profile_id": "p"}]});
    let response = register(api, body).await;
    assert_eq!((response.status, &response.body["runtimes"]), (200, &json!([])));
}

pub async fn foreign_workspace_is_not_found(api: &Target) {
    let body = json!({"daemon_id": "d", "workspace_id": api.b.id, "runtimes": [{"type": "codex"}]});
    assert_eq!(register(api, body).await, ApiResponse::error(404, "workspace not found"));
}
