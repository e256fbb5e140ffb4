//! Signing off.

use serde_json::{Value, json};

use super::ABSENT_RUNTIME;
use crate::{ApiResponse, Caller, Client};

async fn deregister(api: &Client, caller: Caller, body: Value) -> ApiResponse {
    api.post(caller, "/api/daemon/deregister", body).await
}

pub async fn takes_runtimes_offline_at_once_and_passes_over_the_rest(api: &Client) {
    let runtime = api.new_runtime().await;
    let body = json!({"runtime_ids": [ABSENT_RUNTIME, "nonsense", runtime]});
    assert_eq!(
        deregister(api, Caller::DaemonB, body.clone()).await,
        ApiResponse::ok(json!({"status": "ok"}))
    );
    assert_eq!(api.find_runtime(&runtime).await.unwrap()["status"], "online");
    assert_eq!(deregister(api, Caller::DaemonA, body).await, ApiResponse::ok(json!({"status": "ok"})));
    assert_eq!(api.find_runtime(&runtime).await.unwrap()["status"], "offline");
}

pub async fn names_something(api: &Client) {
    for body in [json!({}), json!({"runtime_ids": []}), json!({"runtime_ids": null})] {
        assert_eq!(
            deregister(api, Caller::DaemonA, body).await,
            ApiResponse::error(400, "runtime_ids is required")
        );
    }
    let odd = deregister(api, Caller::DaemonA, json!({"runtime_ids": "x"})).await;
    assert_eq!(odd, ApiResponse::error(400, "invalid request body"));
}
