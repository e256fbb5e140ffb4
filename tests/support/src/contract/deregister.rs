//! Deregister.

use serde_json::{Value, json};

use super::{ABSENT_RUNTIME, Target, acknowledged};
use crate::{ApiResponse, Caller};

async fn deregister(api: &Target, caller: Caller, body: Value) -> ApiResponse {
    api.post(caller, "/api/daemon/deregister", body).await
}

pub async fn takes_own_runtimes_offline_at_once(api: &Target) {
    let runtime = api.new_runtime().await;
    let body = json!({"runtime_ids": [ABSENT_RUNTIME, "nonsense", runtime]});
    assert_eq!(deregister(api, Caller::DaemonB, body.clone()).await, acknowledged());
    assert_eq!(api.find_runtime(&runtime).await.unwrap()["status"], "online");
    assert_eq!(deregister(api, Caller::DaemonA, body).await, acknowledged());
    assert_eq!(api.find_runtime(&runtime).await.unwrap()["status"], "offline");
}

/// The largest deregistration.
pub async fn accepts_200_ids(api: &Target) {
    let runtime = api.new_runtime().await;
    let mut ids = vec![ABSENT_RUNTIME; 199];
    ids.push(&runtime);
    assert_eq!(deregister(api, Caller::DaemonA, json!({"runtime_ids": ids})).await, acknowledged());
    assert_eq!(api.find_runtime(&runtime).await.unwrap()["status"], "offline");
    ids.push(&runtime);
    let response = deregister(api, Caller::DaemonA, json!({"runtime_ids": ids})).await;
    assert_eq!(response, ApiResponse::error(400, "at most 200 runtimes at once"));
}

pub async fn skips_blank_and_malformed_ids(api: &Target) {
    let runtime = api.new_runtime().await;
    let ids = ["", " ", "\u{0}", "x", &format!(" {runtime}"), &runtime.to_uppercase(), &"9".repeat(100_000)];
    let response = deregister(api, Caller::DaemonA, json!({"runtime_ids": ids})).await;
    assert_eq!(response, acknowledged());
    api.ring(&runtime).await;
}

pub async fn rejects_missing_runtime_ids(api: &Target) {
    for body in [json!({}), json!({"runtime_ids": []}), json!({"runtime_ids": null})] {
        let response = deregister(api, Caller::DaemonA, body).await;
        assert_eq!(response, ApiResponse::error(400, "runtime_ids is required"));
    }
    let text = deregister(api, Caller::DaemonA, json!({"runtime_ids": "x"})).await;
    assert_eq!(text, ApiResponse::error(400, "invalid request body"));
}
