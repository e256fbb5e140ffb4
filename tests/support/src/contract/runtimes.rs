//! The list of runtimes.

use serde_json::json;

use super::Target;
use crate::client::new_daemon_id;
use crate::{ApiResponse, Caller};

pub async fn lists_by_name(api: &Target) {
    let body = json!({"workspace_id": api.a.id, "daemon_id": new_daemon_id(), "runtimes": [
        {"name": "OpenCode", "type": "opencode"}, {"name": "Codex", "type": "codex"}]});
    api.post(Caller::DaemonA, "/api/daemon/register", body).await;
    let listed = api.get(Caller::UserA, "/api/runtimes").await.body;
    let listed = listed.as_array().unwrap().iter().map(|runtime| runtime["name"].as_str().unwrap());
    let names: Vec<_> = listed.collect();
    assert!(names.contains(&"OpenCode") && names.is_sorted(), "{names:?}");
}

pub async fn lists_workspaces_of_caller(api: &Target) {
    let runtime = api.new_runtime().await;
    let of = |workspace: &str| format!("/api/runtimes?workspace_id={workspace}");
    let lists = |response: ApiResponse| {
        response.body.as_array().unwrap().iter().any(|listed| listed["id"] == runtime.as_str())
    };
    assert!(lists(api.get(Caller::UserA, "/api/runtimes").await));
    assert!(lists(api.get(Caller::UserA, &of(&api.a.id)).await));
    assert!(!lists(api.get(Caller::UserB, "/api/runtimes").await));
    let of_b = api.get(Caller::UserA, &of(&api.b.id)).await;
    assert_eq!(of_b, ApiResponse::error(404, "workspace not found"));
    let of_none = api.get(Caller::UserA, &of("x")).await;
    assert_eq!(of_none, ApiResponse::error(400, "invalid workspace_id"));
}

pub async fn ignores_unknown_parameters(api: &Target) {
    let runtime = api.new_runtime().await;
    let path = format!("/api/runtimes?x=%00%22%5C&workspace_id={}&y=%C3%BC", api.a.id);
    let listed = api.get(Caller::UserA, &path).await.body;
    assert!(listed.as_array().unwrap().iter().any(|listed| listed["id"] == runtime.as_str()), "{listed}");
}
