//! From a ring to its answer.

use serde_json::{Value, json};

use super::models;
use crate::{ApiResponse, Caller, Client};

pub async fn a_ring_is_collected_by_the_next_heartbeat_and_answered(api: &Client) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");

    let beat = api.heartbeat(&runtime).await;
    assert_eq!(beat, ApiResponse::ok(json!({"status": "ok", "pending_model_list": {"id": request}})));
    assert_eq!(api.heartbeat(&runtime).await, ApiResponse::ok(json!({"status": "ok"})));
    let running = api.poll(&runtime, &request).await.body;
    assert_eq!(running["status"], "running");
    assert_eq!(running.as_object().unwrap().len(), 6, "a running record shows nothing new: {running}");

    let reported = api.report(&runtime, &request, json!({"status": "completed", "models": models()})).await;
    assert_eq!(reported, ApiResponse::ok(json!({"status": "ok"})));
    let completed = api.poll(&runtime, &request).await.body;
    assert_eq!(completed["status"], "completed");
    assert_eq!(completed["models"], models());
    assert_eq!(completed["supported"], true);
    assert_eq!(completed.get("error"), None);
}

pub async fn rings_are_collected_in_order_one_a_beat(api: &Client) {
    let runtime = api.new_runtime().await;
    let asked = [api.ring(&runtime).await, api.ring(&runtime).await, api.ring(&runtime).await];
    for request in &asked {
        assert_eq!(api.heartbeat(&runtime).await.body["pending_model_list"]["id"], request.as_str());
    }
    assert_eq!(api.heartbeat(&runtime).await.body.get("pending_model_list"), None);
}

/// Clients validate with strict schemas, and `null` fails them.
pub async fn nothing_that_is_left_out_is_null(api: &Client) {
    let runtime = api.new_runtime().await;
    let (answered, failed) = (api.ring(&runtime).await, api.ring(&runtime).await);
    let seen = [
        api.poll(&runtime, &answered).await,
        api.heartbeat(&runtime).await,
        api.poll(&runtime, &answered).await,
        api.report(&runtime, &answered, json!({"status": "completed", "models": []})).await,
        api.poll(&runtime, &answered).await,
        api.report(&runtime, &failed, json!({"status": "failed"})).await,
        api.poll(&runtime, &failed).await,
        api.heartbeat(&runtime).await,
        api.get(Caller::UserA, "/api/runtimes").await,
    ];
    for answer in seen {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!has_null(&answer.body), "{}", answer.body);
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
