//! The proof of the channel, by heartbeats.

use doorbell_protocol::PushMessage;
use doorbell_test_support::push::{Answer, PushCall};

use crate::push_functions::fixtures::{Deployment, PLAIN, PROVEN, client};

#[tokio::test]
async fn acknowledged_hello_proves_channel() {
    let deployment = Deployment::new();
    let runtime = deployment.register("laptop").await;
    assert_eq!(deployment.heartbeat(&[&runtime], true).await["next_heartbeat_s"], PROVEN);
    assert_eq!(deployment.push.take(), [PushCall::Send(client("laptop"), PushMessage::HELLO)]);
    deployment.advance(PROVEN);
    assert_eq!(deployment.status(&runtime).await, "online");
}

#[tokio::test]
async fn deaf_daemon_keeps_sending_heartbeats() {
    let deployment = Deployment::new();
    let runtime = deployment.register("laptop").await;
    for answer in [Answer::NotConnected, Answer::Unacknowledged, Answer::Unknown] {
        deployment.push.answer(answer);
        assert_eq!(deployment.heartbeat(&[&runtime], true).await["next_heartbeat_s"], PLAIN, "{answer:?}");
        deployment.advance(45);
        assert_eq!(deployment.status(&runtime).await, "online");
    }
    deployment.advance(1);
    assert_eq!(deployment.status(&runtime).await, "offline");
}

#[tokio::test]
async fn fresh_lease_needs_no_hello() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.advance(PROVEN / 3);
    assert_eq!(deployment.heartbeat(&[&runtime], true).await["next_heartbeat_s"], PROVEN - PROVEN / 3);
    assert_eq!(deployment.push.take(), []);
}

#[tokio::test]
async fn lease_in_its_second_half_is_renewed() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.advance(PROVEN / 2);
    assert_eq!(deployment.heartbeat(&[&runtime], true).await["next_heartbeat_s"], PROVEN);
    assert_eq!(deployment.push.take().len(), 1);
    deployment.advance(PROVEN);
    assert_eq!(deployment.status(&runtime).await, "online");
}

#[tokio::test]
async fn plain_heartbeat_ends_lease() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    assert_eq!(deployment.heartbeat(&[&runtime], false).await["next_heartbeat_s"], PLAIN);
    deployment.advance(45);
    assert_eq!(deployment.status(&runtime).await, "online");
    deployment.advance(1);
    assert_eq!(deployment.status(&runtime).await, "offline");
}

#[tokio::test]
async fn connection_after_plain_heartbeat_is_proven_anew() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.heartbeat(&[&runtime], false).await;
    deployment.push.answer(Answer::Unacknowledged);
    assert_eq!(deployment.heartbeat(&[&runtime], true).await["next_heartbeat_s"], PLAIN);
}

#[tokio::test]
async fn request_that_is_left_forbids_long_interval() {
    let deployment = Deployment::new();
    let runtime = deployment.register("laptop").await;
    let (_, request) = deployment.ring(&runtime).await;
    // The response to this heartbeat, which claims the request, is lost.
    let claiming = deployment.heartbeat(&[&runtime], true).await;
    assert_eq!(claiming["runtimes"][0]["work"][0]["id"], request["id"]);
    assert_eq!(claiming["next_heartbeat_s"], PROVEN);
    // Redelivery is due after 5 s.
    assert_eq!(deployment.heartbeat(&[&runtime], true).await["next_heartbeat_s"], PLAIN);
    deployment.advance(6);
    let redelivering = deployment.heartbeat(&[&runtime], true).await;
    assert_eq!(redelivering["runtimes"][0]["work"][0]["attempt"], 2);
}

#[tokio::test]
async fn one_hello_proves_all_runtimes_of_daemon() {
    let deployment = Deployment::new();
    let codex = deployment.register("laptop").await;
    let other = deployment.register("desktop").await;
    // Another daemon's runtime in the same call has the presence of a plain heartbeat.
    assert_eq!(deployment.heartbeat(&[&codex, &other], true).await["next_heartbeat_s"], PLAIN);
    assert_eq!(deployment.push.take(), [PushCall::Send(client("laptop"), PushMessage::HELLO)]);
    deployment.advance(46);
    assert_eq!(deployment.status(&codex).await, "online");
    assert_eq!(deployment.status(&other).await, "offline");
}

#[tokio::test]
async fn unknown_runtime_needs_no_hello() {
    let deployment = Deployment::new();
    let unknown = "00000000-0000-4000-8000-00000000000f";
    let response = deployment.heartbeat(&[unknown], true).await;
    assert_eq!(
        (&response["runtimes"][0]["status"], &response["next_heartbeat_s"]),
        (&"unknown".into(), &PLAIN.into())
    );
    assert_eq!(deployment.push.take(), []);
}
