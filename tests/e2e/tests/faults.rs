//! Store failures: each route responds with the 500 of the contract, without internals.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::{ApiResponse, Caller, TestApi};
use serde_json::{Value, json};

const RUNTIME: &str = "11111111-2222-4333-8444-555555555555";

/// An API whose table does not exist.
async fn broken() -> TestApi {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    TestApi::with_store(DynamoDbStore::new(engine.client(None), "not-there")).await
}

async fn assert_fails(caller: Caller, path: &str, body: Value, text: &str) {
    assert_eq!(broken().await.post(caller, path, body).await, ApiResponse::error(500, text));
}

#[tokio::test]
async fn initiate_fails() {
    let path = format!("/api/runtimes/{RUNTIME}/models");
    assert_fails(Caller::UserA, &path, json!({}), "failed to enqueue model list request").await;
}

#[tokio::test]
async fn poll_fails() {
    let path = format!("/api/runtimes/{RUNTIME}/models/01930000000070008000000000000001");
    let response = broken().await.get(Caller::UserA, &path).await;
    assert_eq!(response, ApiResponse::error(500, "failed to load request"));
}

#[tokio::test]
async fn list_fails() {
    let response = broken().await.get(Caller::UserA, "/api/runtimes").await;
    assert_eq!(response, ApiResponse::error(500, "failed to list runtimes"));
}

#[tokio::test]
async fn heartbeat_fails() {
    assert_fails(
        Caller::DaemonA,
        "/api/daemon/heartbeat",
        json!({"runtime_id": RUNTIME}),
        "heartbeat failed",
    )
    .await;
}

/// Never a 4xx: a daemon gives up at a 4xx.
#[tokio::test]
async fn report_fails() {
    let path = format!("/api/daemon/runtimes/{RUNTIME}/models/01930000000070008000000000000001/result");
    assert_fails(Caller::DaemonA, &path, json!({"status": "completed"}), "failed to persist completion")
        .await;
    assert_fails(Caller::DaemonA, &path, json!({"status": "failed"}), "failed to persist failure").await;
}

#[tokio::test]
async fn register_fails() {
    let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
    assert_fails(Caller::DaemonA, "/api/daemon/register", body, "failed to register runtimes").await;
}

#[tokio::test]
async fn deregister_fails() {
    let body = json!({"runtime_ids": [RUNTIME]});
    assert_fails(Caller::DaemonA, "/api/daemon/deregister", body, "failed to deregister runtimes").await;
}
