//! Initiate.

use serde_json::json;

use super::{ABSENT_RUNTIME, Target, models_path};
use crate::{ApiResponse, Caller};

/// The fields of a record without anything optional.
pub const REQUIRED_FIELDS: [&str; 6] =
    ["created_at", "id", "runtime_id", "status", "supported", "updated_at"];

pub async fn responds_with_pending_record(api: &Target) {
    let runtime = api.new_runtime().await;
    let response = api.post(Caller::UserA, &models_path(&runtime), json!({"ignored": 1})).await;
    assert_eq!(response.status, 200);
    let mut fields: Vec<_> = response.body.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, REQUIRED_FIELDS);
    assert_eq!(response.body["status"], "pending");
    assert_eq!(response.body["supported"], true);
    assert_eq!(response.body["runtime_id"], runtime.as_str());
    let id = response.body["id"].as_str().unwrap();
    assert!(id.len() == 32 && id.as_bytes()[12] == b'7', "{id} is not a UUIDv7 in hex digits");
    let created = response.body["created_at"].as_str().unwrap();
    assert!(created.len() == 24 && created.ends_with('Z'), "{created} is not RFC 3339 with milliseconds");
}

pub async fn accepts_missing_body(api: &Target) {
    let runtime = api.new_runtime().await;
    assert_eq!(api.post_raw(Caller::UserA, &models_path(&runtime), "").await.status, 200);
}

pub async fn rejects_malformed_runtime_id(api: &Target) {
    let upper = api.new_runtime().await.to_uppercase();
    for id in ["nonsense", "1", &upper, &format!("{{{ABSENT_RUNTIME}}}"), "11111111222243338444555555555555"]
    {
        let path = models_path(&id.replace('{', "%7B").replace('}', "%7D"));
        let response = api.post(Caller::UserA, &path, json!({})).await;
        assert_eq!(response, ApiResponse::error(400, "invalid runtime_id"), "{id}");
    }
}

pub async fn foreign_or_absent_runtime_is_not_found(api: &Target) {
    let foreign = api.new_runtime().await;
    for id in [foreign.as_str(), ABSENT_RUNTIME] {
        let response = api.post(Caller::UserB, &models_path(id), json!({})).await;
        assert_eq!(response, ApiResponse::error(404, "runtime not found"));
    }
}

pub async fn deregistered_runtime_is_offline(api: &Target) {
    let runtime = api.new_runtime().await;
    api.post(Caller::DaemonA, "/api/daemon/deregister", json!({"runtime_ids": [runtime]})).await;
    let response = api.post(Caller::UserA, &models_path(&runtime), json!({})).await;
    assert_eq!(response, ApiResponse::error(503, "runtime is offline"));
}
