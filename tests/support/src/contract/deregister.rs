//! Signing off.

use serde_json::{Value, json};

use super::NO_RUNTIME;
use crate::{Answer, Caller, Client};

async fn deregister(api: &Client, caller: Caller, body: Value) -> Answer {
    api.post(caller, "/api/daemon/deregister", body).await
}

pub async fn takes_runtimes_offline_at_once_and_passes_over_the_rest(api: &Client) {
    let runtime = api.new_runtime().await;
    let body = json!({"runtime_ids": [NO_RUNTIME, "nonsense", runtime]});
    assert_eq!(deregister(api, Caller::DaemonB, body.clone()).await, Answer::ok(json!({"status": "ok"})));
    assert_eq!(api.listed(&runtime).await.unwrap()["status"], "online");
    assert_eq!(deregister(api, Caller::DaemonA, body).await, Answer::ok(json!({"status": "ok"})));
    assert_eq!(api.listed(&runtime).await.unwrap()["status"], "offline");
}

pub async fn names_something(api: &Client) {
    for body in [json!({}), json!({"runtime_ids": []}), json!({"runtime_ids": null})] {
        assert_eq!(
            deregister(api, Caller::DaemonA, body).await,
            Answer::error(400, "runtime_ids is required")
        );
    }
    let odd = deregister(api, Caller::DaemonA, json!({"runtime_ids": "x"})).await;
    assert_eq!(odd, Answer::error(400, "invalid request body"));
}
