//! Listing what can be rung.

use serde_json::json;

use crate::client::new_daemon_id;
use crate::{ApiResponse, Caller, Client};

pub async fn are_listed_by_name(api: &Client) {
    let body = json!({"workspace_id": api.a.id, "daemon_id": new_daemon_id(), "runtimes": [
        {"name": "OpenCode", "type": "opencode"}, {"name": "Codex", "type": "codex"}]});
    api.post(Caller::DaemonA, "/api/daemon/register", body).await;
    let listed = api.get(Caller::UserA, "/api/runtimes").await.body;
    let listed = listed.as_array().unwrap().iter().map(|runtime| runtime["name"].as_str().unwrap());
    let names: Vec<_> = listed.collect();
    assert!(names.contains(&"OpenCode") && names.is_sorted(), "{names:?}");
}

pub async fn are_those_of_the_callers_workspaces(api: &Client) {
    let runtime = api.new_runtime().await;
    let of = |workspace: &str| format!("/api/runtimes?workspace_id={workspace}");
    let lists = |answer: ApiResponse| {
        answer.body.as_array().unwrap().iter().any(|listed| listed["id"] == runtime.as_str())
    };
    assert!(lists(api.get(Caller::UserA, "/api/runtimes").await));
    assert!(lists(api.get(Caller::UserA, &of(&api.a.id)).await));
    assert!(!lists(api.get(Caller::UserB, "/api/runtimes").await));
    let of_b = api.get(Caller::UserA, &of(&api.b.id)).await;
    assert_eq!(of_b, ApiResponse::error(404, "workspace not found"));
    let of_none = api.get(Caller::UserA, &of("x")).await;
    assert_eq!(of_none, ApiResponse::error(400, "invalid workspace_id"));
}
