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

pub async fn rejects_missing_runtime_ids(api: &Target) {
    for body in [json!({}), json!({"runtime_ids": []}), json!({"runtime_ids": null})] {
        let response = deregister(api, Caller::DaemonA, body).await;
        assert_eq!(response, ApiResponse::error(400, "runtime_ids is required"));
    }
    let text = deregister(api, Caller::DaemonA, json!({"runtime_ids": "x"})).await;
    assert_eq!(text, ApiResponse::error(400, "invalid request body"));
}
