//! Ringing.

use serde_json::json;

use super::ABSENT_RUNTIME;
use crate::{ApiResponse, Caller, Client};

pub async fn answers_with_a_pending_record_and_nothing_optional(api: &Client) {
    let runtime = api.new_runtime().await;
    let answer =
        api.post(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), json!({"ignored": 1})).await;
    assert_eq!(answer.status, 200);
    let mut fields: Vec<_> = answer.body.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    assert_eq!(fields, ["created_at", "id", "runtime_id", "status", "supported", "updated_at"]);
    assert_eq!(answer.body["status"], "pending");
    assert_eq!(answer.body["supported"], true);
    assert_eq!(answer.body["runtime_id"], runtime.as_str());
    let id = answer.body["id"].as_str().unwrap();
    assert!(id.len() == 32 && id.as_bytes()[12] == b'7', "{id} is not a UUIDv7 in hex digits");
    let created = answer.body["created_at"].as_str().unwrap();
    assert!(created.len() == 24 && created.ends_with('Z'), "{created} is not RFC 3339 with milliseconds");
}

pub async fn needs_no_body(api: &Client) {
    let runtime = api.new_runtime().await;
    let answer = api.post_raw(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), "").await;
    assert_eq!(answer.status, 200);
}

pub async fn refuses_what_is_not_an_id(api: &Client) {
    let upper = api.new_runtime().await.to_uppercase();
    for id in ["nonsense", "1", &upper, &format!("{{{ABSENT_RUNTIME}}}"), "11111111222243338444555555555555"]
    {
        let path = format!("/api/runtimes/{}/models", id.replace('{', "%7B").replace('}', "%7D"));
        let answer = api.post(Caller::UserA, &path, json!({})).await;
        assert_eq!(answer, ApiResponse::error(400, "invalid runtime_id"), "{id}");
    }
}

pub async fn does_not_tell_a_foreign_runtime_from_none(api: &Client) {
    let foreign = api.new_runtime().await;
    for id in [foreign.as_str(), ABSENT_RUNTIME] {
        let answer = api.post(Caller::UserB, &format!("/api/runtimes/{id}/models"), json!({})).await;
        assert_eq!(answer, ApiResponse::error(404, "runtime not found"));
    }
}

pub async fn says_when_a_runtime_is_offline(api: &Client) {
    let runtime = api.new_runtime().await;
    api.post(Caller::DaemonA, "/api/daemon/deregister", json!({"runtime_ids": [runtime]})).await;
    let answer = api.post(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
    assert_eq!(answer, ApiResponse::error(503, "runtime is offline"));
}
