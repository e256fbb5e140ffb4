//! Failed heartbeats: transient failures that a daemon survives, and refused tokens that end it.

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::fixtures::{
    DEREGISTER, HEARTBEAT, REGISTER, agents, heartbeat_times, seconds, serve_for, serve_until, settings,
};

async fn answering_heartbeats(reply: Reply) -> ScriptedServer {
    ScriptedServer::start(move |call| if call.path == HEARTBEAT { reply.clone() } else { Reply::Default })
        .await
}

async fn assert_survives(reply: Reply) {
    let server = answering_heartbeats(reply.clone()).await;
    serve_for(seconds(60.0), &server, settings(), agents(["codex"])).await.unwrap();
    assert!(heartbeat_times(&server).len() >= 3, "no more heartbeats after {reply:?}");
    assert_eq!(server.calls_to(REGISTER).len(), 1, "reregistered after {reply:?}");
    assert_eq!(server.calls_to(DEREGISTER).len(), 1, "not deregistered after {reply:?}");
}

#[tokio::test(start_paused = true)]
async fn survives_faults_and_refusals_of_heartbeats() {
    assert_survives(Reply::error(500, "heartbeat failed")).await;
    assert_survives(Reply::error(429, "slow down")).await;
    assert_survives(Reply::error(400, "invalid runtime_id")).await;
    assert_survives(Reply::Broken).await;
}

/// A proxy without its server, or a wrong path: Doorbell has not lost the runtime.
#[tokio::test(start_paused = true)]
async fn survives_pages_of_other_servers() {
    assert_survives(Reply::html(200)).await;
    assert_survives(Reply::html(404)).await;
}

/// Reregistration would not help.
#[tokio::test(start_paused = true)]
async fn survives_foreign_and_failed_runtime() {
    for status in ["foreign", "failed"] {
        assert_survives(Reply::Heartbeat(json!({ "status": status }))).await;
    }
}

async fn assert_ends_daemon(reply: Reply) -> String {
    let server = answering_heartbeats(reply).await;
    let stop = CancellationToken::new();
    let ended = serve_until(stop.clone(), &server, settings(), agents(["codex"])).await;
    assert_eq!(heartbeat_times(&server).len(), 1);
    assert_eq!(server.calls_to(DEREGISTER).len(), 0, "it would be refused as well");
    // `doorbell dev` waits for the stop, and then prints the error.
    assert!(stop.is_cancelled());
    ended.unwrap_err().to_string()
}

#[tokio::test(start_paused = true)]
async fn refused_token_ends_daemon() {
    for (status, text) in
        [(401, "a valid bearer token is required"), (403, "the token lacks the scope \"daemon\"")]
    {
        assert_eq!(assert_ends_daemon(Reply::error(status, text)).await, text);
    }
}

/// API Gateway answers for its authorizer with a body of its own.
#[tokio::test(start_paused = true)]
async fn token_refused_by_api_gateway_ends_daemon() {
    let error = assert_ends_daemon(Reply::Json(401, json!({"message": "Unauthorized"}))).await;
    assert!(error.ends_with(" answered 401 and refuses the token"), "{error}");
}
