//! Heartbeat.

use serde_json::json;

use super::{ABSENT_RUNTIME, Target, acknowledged};
use crate::{ApiResponse, Caller};

pub async fn rejects_unreadable_body(api: &Target) {
    for (body, error) in [
        ("", "invalid request body"),
        ("[", "invalid request body"),
        (r#"{"runtime_id": 7}"#, "invalid request body"),
        ("{}", "runtime_id is required"),
        (r#"{"runtime_id": ""}"#, "runtime_id is required"),
        (r#"{"runtime_id": null}"#, "runtime_id is required"),
        (r#"{"runtime_id": "x"}"#, "invalid runtime_id"),
    ] {
        let response = api.post_raw(Caller::DaemonA, "/api/daemon/heartbeat", body).await;
        assert_eq!(response, ApiResponse::error(400, error), "{body}");
    }
}

/// A daemon registers an unknown runtime again.
pub async fn unknown_runtime_differs_from_foreign_one(api: &Target) {
    let foreign = api.new_runtime().await;
    for (runtime, error) in [(ABSENT_RUNTIME, "runtime not found"), (foreign.as_str(), "not found")] {
        let body = json!({"runtime_id": runtime});
        let response = api.post(Caller::DaemonB, "/api/daemon/heartbeat", body).await;
        assert_eq!(response, ApiResponse::error(404, error));
    }
}

pub async fn ignores_unknown_fields(api: &Target) {
    let runtime = api.new_runtime().await;
    let body = json!({"runtime_id": runtime, "supports_batch_import": true, "in_flight": ["x"], "new": {}});
    assert_eq!(api.post(Caller::DaemonA, "/api/daemon/heartbeat", body).await, acknowledged());
}

pub async fn revives_deregistered_runtime(api: &Target) {
    let runtime = api.new_runtime().await;
    api.post(Caller::DaemonA, "/api/daemon/deregister", json!({"runtime_ids": [runtime]})).await;
    assert_eq!(api.heartbeat(&runtime).await, acknowledged());
    api.ring(&runtime).await;
}
