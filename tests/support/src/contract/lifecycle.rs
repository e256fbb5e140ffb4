//! From ring to result.

use serde_json::{Value, json};

use super::{Target, acknowledged, handed_out, models};
use crate::Caller;

pub async fn ring_is_claimed_reported_and_shown(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");

    assert_eq!(api.heartbeat(&runtime).await, handed_out(&request));
    assert_eq!(api.heartbeat(&runtime).await, acknowledged());
    let running = api.poll(&runtime, &request).await.body;
    assert_eq!(running["status"], "running");
    assert_eq!(running.as_object().unwrap().len(), 6, "a running record has no new field: {running}");

    let reported = api.report(&runtime, &request, json!({"status": "completed", "models": models()})).await;
    assert_eq!(reported, acknowledged());
    let completed = api.poll(&runtime, &request).await.body;
    assert_eq!(completed["status"], "completed");
    assert_eq!(completed["models"], models());
    assert_eq!(completed["supported"], true);
    assert_eq!(completed.get("error"), None);
}

pub async fn claims_oldest_request_first(api: &Target) {
    let runtime = api.new_runtime().await;
    let requests =
        [api.ring_apart(&runtime).await, api.ring_apart(&runtime).await, api.ring_apart(&runtime).await];
    for request in &requests {
        assert_eq!(api.heartbeat(&runtime).await, handed_out(request));
    }
    assert_eq!(api.heartbeat(&runtime).await, acknowledged());
}

/// Clients validate with strict schemas, which `null` fails.
pub async fn responses_contain_no_null(api: &Target) {
    let runtime = api.new_runtime().await;
    let completed = api.ring(&runtime).await;
    let failed = api.ring_apart(&runtime).await;
    let responses = [
        api.poll(&runtime, &completed).await,
        api.heartbeat(&runtime).await,
        api.poll(&runtime, &completed).await,
        api.report(&runtime, &completed, json!({"status": "completed", "models": []})).await,
        api.poll(&runtime, &completed).await,
        api.report(&runtime, &failed, json!({"status": "failed"})).await,
        api.poll(&runtime, &failed).await,
        api.heartbeat(&runtime).await,
        api.get(Caller::UserA, "/api/runtimes").await,
    ];
    for response in responses {
        assert_eq!(response.status, 200, "{response:?}");
        assert!(!has_null(&response.body), "{}", response.body);
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
