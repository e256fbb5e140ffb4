//! The hint of a ring, and what follows from its outcome.

use doorbell_protocol::PushMessage;
use doorbell_shared::http::routes::Function;
use doorbell_test_support::push::{Answer, PushCall};
use serde_json::json;

use crate::push_functions::fixtures::{Deployment, PLAIN, client};

#[tokio::test]
async fn ring_sends_one_hint() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    let (status, request) = deployment.ring(&runtime).await;
    assert_eq!((status, &request["status"]), (200, &json!("pending")));
    let hint = PushMessage::Hint { runtime_id: runtime.parse().unwrap() };
    assert_eq!(deployment.push.take(), [PushCall::Send(client("laptop"), hint)]);
}

#[tokio::test]
async fn ring_of_runtime_without_lease_sends_no_hint() {
    let deployment = Deployment::new();
    let runtime = deployment.register("laptop").await;
    assert_eq!(deployment.ring(&runtime).await.0, 200);
    assert_eq!(deployment.push.take(), []);
}

#[tokio::test]
async fn ring_without_connection_is_refused() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.advance(46);
    deployment.push.answer(Answer::NotConnected);
    assert_eq!(deployment.ring(&runtime).await, (503, json!({"error": "runtime is offline"})));
    assert_eq!(deployment.status(&runtime).await, "offline");
}

/// A snapshot of the catalog hides no offline runtime. A fresh one is served, because its ring sends no hint.
#[tokio::test]
async fn refresh_without_connection_is_refused() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    let (_, request) = deployment.ring(&runtime).await;
    let result = format!("/api/daemon/runtimes/{runtime}/models/{}/result", request["id"].as_str().unwrap());
    let models = json!({"status": "completed", "models": [{"id": "a", "label": "A"}]});
    assert_eq!(deployment.call(Function::Report, &result, models).await.0, 200);
    deployment.push.answer(Answer::NotConnected);
    deployment.advance(59);
    let (status, cached) = deployment.ring(&runtime).await;
    assert_eq!((status, &cached["cached"]), (200, &json!(true)));
    deployment.advance(1);
    assert_eq!(deployment.ring(&runtime).await, (503, json!({"error": "runtime is offline"})));
    assert_eq!(deployment.ring(&runtime).await.0, 503, "the snapshot is no longer served");
}

#[tokio::test]
async fn queued_refresh_without_connection_waits() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    let (_, request) = deployment.ring(&runtime).await;
    let result = format!("/api/daemon/runtimes/{runtime}/models/{}/result", request["id"].as_str().unwrap());
    let models = json!({"status": "completed", "models": [{"id": "a", "label": "A"}]});
    deployment.call(Function::Report, &result, models).await;
    deployment.push.answer(Answer::NotConnected);
    deployment.advance(60);
    let body = json!({"kind": "model_list", "queue_s": 3_600});
    let (status, request) =
        deployment.call(Function::Initiate, &format!("/api/runtimes/{runtime}/requests"), body).await;
    assert_eq!((status, &request["status"]), (200, &json!("pending")));
}

#[tokio::test]
async fn refresh_sends_hint() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    let (_, request) = deployment.ring(&runtime).await;
    let result = format!("/api/daemon/runtimes/{runtime}/models/{}/result", request["id"].as_str().unwrap());
    let models = json!({"status": "completed", "models": [{"id": "a", "label": "A"}]});
    deployment.call(Function::Report, &result, models).await;
    deployment.hints();
    deployment.ring(&runtime).await;
    assert_eq!(deployment.hints(), [] as [String; 0]);
    deployment.advance(60);
    assert_eq!(deployment.ring(&runtime).await.1["cached"], true);
    assert_eq!(deployment.hints(), [runtime]);
}

/// The client has the answer 503, and may ring again.
#[tokio::test]
async fn refused_request_is_not_delivered_later() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.advance(46);
    deployment.push.answer(Answer::NotConnected);
    deployment.ring(&runtime).await;
    assert!(deployment.heartbeat(&[&runtime], false).await["runtimes"][0]["work"].is_null());
}

#[tokio::test]
async fn ring_without_connection_waits_for_daemon_that_was_just_seen() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.advance(45);
    deployment.push.answer(Answer::NotConnected);
    let (status, request) = deployment.ring(&runtime).await;
    assert_eq!((status, deployment.status(&runtime).await.as_str()), (200, "online"));
    let response = deployment.heartbeat(&[&runtime], false).await;
    assert_eq!(response["runtimes"][0]["work"][0]["id"], request["id"]);
    // It lost its lease, which the heartbeat was as good as.
    deployment.advance(46);
    assert_eq!(deployment.status(&runtime).await, "offline");
}

#[tokio::test]
async fn queued_ring_without_connection_waits() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.advance(46);
    deployment.push.answer(Answer::NotConnected);
    let body = json!({"kind": "model_list", "queue_s": 3_600});
    let (status, request) =
        deployment.call(Function::Initiate, &format!("/api/runtimes/{runtime}/requests"), body).await;
    assert_eq!((status, &request["status"]), (200, &json!("pending")));
    let response = deployment.heartbeat(&[&runtime], false).await;
    assert_eq!(response["runtimes"][0]["work"][0]["id"], request["id"]);
}

#[tokio::test]
async fn unacknowledged_hint_closes_connection() {
    for answer in [Answer::Unacknowledged, Answer::Unknown] {
        let (deployment, runtime) = Deployment::with_proven_runtime().await;
        deployment.advance(3_600);
        deployment.push.answer_next([answer]);
        assert_eq!(deployment.ring(&runtime).await.0, 503, "{answer:?}");
        let calls = deployment.push.take();
        assert_eq!(calls[1..], [PushCall::Disconnect(client("laptop"))], "{answer:?}");
    }
}

/// The daemon may be connected, and rely on it.
#[tokio::test]
async fn connection_that_cannot_be_closed_keeps_runtime_online_for_45_s() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.advance(3_600);
    deployment.push.set_down(true);
    assert_eq!(deployment.ring(&runtime).await.0, 200);
    deployment.advance(45);
    assert_eq!(deployment.status(&runtime).await, "online");
    deployment.advance(1);
    assert_eq!(deployment.status(&runtime).await, "offline");
}

/// It may be connected and asleep.
#[tokio::test]
async fn refused_ring_wakes_daemon_whose_lease_has_expired() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.push.set_down(true);
    deployment.ring(&runtime).await;
    deployment.advance(46);
    deployment.push.set_down(false);
    deployment.hints();
    assert_eq!(deployment.ring(&runtime).await.0, 503);
    assert_eq!(deployment.hints(), [runtime]);
}

#[tokio::test]
async fn heartbeat_after_shortened_lease_renews_it() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.push.set_down(true);
    deployment.ring(&runtime).await;
    deployment.push.set_down(false);
    let response = deployment.heartbeat(&[&runtime], true).await;
    assert_ne!(response["next_heartbeat_s"], PLAIN);
    deployment.advance(3_600);
    assert_eq!(deployment.status(&runtime).await, "online");
}
