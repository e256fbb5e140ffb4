//! Forget.

use serde_json::json;

use super::{ABSENT_RUNTIME, Target, acknowledged};
use crate::client::new_daemon_id;
use crate::{ApiResponse, Caller};

fn path(runtime: &str) -> String {
    format!("/api/runtimes/{runtime}")
}

fn not_found() -> ApiResponse {
    ApiResponse::error(404, "runtime not found")
}

pub async fn forgotten_runtime_is_gone(api: &Target) {
    let runtime = api.new_runtime().await;
    assert_eq!(api.delete(Caller::UserA, &path(&runtime)).await, acknowledged());
    assert_eq!(api.find_runtime(&runtime).await, None);
    let ring = api.post(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
    assert_eq!(ring, not_found());
    assert_eq!(api.delete(Caller::UserA, &path(&runtime)).await, not_found());
}

/// A daemon registers again when a heartbeat is answered 404.
pub async fn daemon_registers_forgotten_runtime_again(api: &Target) {
    let daemon = new_daemon_id();
    let runtime = api.register(&daemon).await;
    api.delete(Caller::UserA, &path(&runtime)).await;
    assert_eq!(api.heartbeat(&runtime).await, not_found());
    assert_eq!(api.register(&daemon).await, runtime);
    assert_eq!(api.find_runtime(&runtime).await.unwrap()["status"], "online");
    api.ring(&runtime).await;
}

pub async fn foreign_or_absent_runtime_is_not_found(api: &Target) {
    let runtime = api.new_runtime().await;
    for runtime in [runtime.as_str(), ABSENT_RUNTIME] {
        assert_eq!(api.delete(Caller::UserB, &path(runtime)).await, not_found());
    }
    assert!(api.find_runtime(&runtime).await.is_some());
}

pub async fn rejects_malformed_runtime_id(api: &Target) {
    let response = api.delete(Caller::UserA, &path("x")).await;
    assert_eq!(response, ApiResponse::error(400, "invalid runtime_id"));
}
