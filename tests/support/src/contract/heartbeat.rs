//! Beating.

use serde_json::json;

use super::ABSENT_RUNTIME;
use crate::{ApiResponse, Caller, Client};

pub async fn names_its_runtime_in_the_body(api: &Client) {
    for (body, error) in [
        ("", "invalid request body"),
        ("[", "invalid request body"),
        (r#"{"runtime_id": 7}"#, "invalid request body"),
        ("{}", "runtime_id is required"),
        (r#"{"runtime_id": ""}"#, "runtime_id is required"),
        (r#"{"runtime_id": null}"#, "runtime_id is required"),
        (r#"{"runtime_id": "x"}"#, "invalid runtime_id"),
    ] {
        let answer = api.post_raw(Caller::DaemonA, "/api/daemon/heartbeat", body).await;
        assert_eq!(answer, ApiResponse::error(400, error), "{body}");
    }
}

pub async fn tells_a_forgotten_runtime_from_a_foreign_one(api: &Client) {
    let foreign = api.new_runtime().await;
    for (runtime, error) in [(ABSENT_RUNTIME, "runtime not found"), (foreign.as_str(), "not found")] {
        let body = json!({"runtime_id": runtime});
        let answer = api.post(Caller::DaemonB, "/api/daemon/heartbeat", body).await;
        assert_eq!(answer, ApiResponse::error(404, error));
    }
}

pub async fn ignores_fields_it_does_not_know(api: &Client) {
    let runtime = api.new_runtime().await;
    let body = json!({"runtime_id": runtime, "supports_batch_import": true, "in_flight": ["x"], "new": {}});
    let answer = api.post(Caller::DaemonA, "/api/daemon/heartbeat", body).await;
    assert_eq!(answer, ApiResponse::ok(json!({"status": "ok"})));
}

pub async fn brings_a_deregistered_runtime_back(api: &Client) {
    let runtime = api.new_runtime().await;
    api.post(Caller::DaemonA, "/api/daemon/deregister", json!({"runtime_ids": [runtime]})).await;
    assert_eq!(api.heartbeat(&runtime).await, ApiResponse::ok(json!({"status": "ok"})));
    api.ring(&runtime).await;
}
