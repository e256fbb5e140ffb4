//! What a registration says of the push channel.

use doorbell_shared::http::AppState;
use doorbell_shared::http::routes::Function;
use doorbell_test_support::api::WORKSPACE_A;
use serde_json::{Value, json};

use crate::push_functions::fixtures::{Deployment, PLAIN, client};

async fn settings(deployment: &Deployment, push: Value) -> Value {
    let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "laptop", "push": push, "runtimes": [{"type": "codex"}]});
    deployment.call(Function::Register, "/api/daemon/register", body).await.1["settings"].clone()
}

#[tokio::test]
async fn registration_that_asks_gets_settings() {
    let expected = json!({"push": {
        "url": "mqtt://127.0.0.1:1883", "client_id": client("laptop").as_str(), "username": "doorbell", "topic": "doorbell/wake",
    }});
    assert_eq!(settings(&Deployment::new(), json!(true)).await, expected);
}

#[tokio::test]
async fn registration_that_does_not_ask_gets_none() {
    for push in [json!(false), json!(null), json!("true")] {
        assert_eq!(settings(&Deployment::new(), push).await, json!({}));
    }
}

#[tokio::test]
async fn deployment_without_channel_has_no_settings() {
    let mut deployment = Deployment::new();
    deployment.state = AppState { push: None, ..deployment.state.clone() };
    assert_eq!(settings(&deployment, json!(true)).await, json!({}));
}

#[tokio::test]
async fn registration_ends_lease() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.register("laptop").await;
    deployment.advance(46);
    assert_eq!(deployment.status(&runtime).await, "offline");
}

#[tokio::test]
async fn deployment_without_channel_ignores_connected() {
    let (mut deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.state = AppState { push: None, ..deployment.state.clone() };
    assert_eq!(deployment.heartbeat(&[&runtime], true).await["next_heartbeat_s"], PLAIN);
    deployment.advance(46);
    assert_eq!(deployment.status(&runtime).await, "offline");
}
