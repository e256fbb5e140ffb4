//! What is logged: a line for every call with its ids, and never a token, a body or a result.

use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_test_support::log::CapturedLog;
use doorbell_test_support::{Caller, TestApi};
use serde_json::json;

const SECRET: &str = "what-only-the-daemon-and-the-client-may-see";

/// Everything runs on this test's one thread, so everything that is logged is caught.
#[tokio::test]
async fn every_call_is_logged_once_with_its_ids() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let (log, _guard) = CapturedLog::capture();
    let request = api.ring(&runtime).await;
    api.poll(&runtime, &request).await;
    let lines = log.lines("answered");
    assert_eq!(lines.len(), 2, "{}", log.text());
    assert_eq!((&lines[0]["function"], &lines[0]["status"]), (&json!("initiate"), &json!(200)));
    assert_eq!((&lines[1]["runtime_id"], &lines[1]["request_id"]), (&json!(runtime), &json!(request)));
}

#[tokio::test]
async fn no_token_and_no_result_is_ever_logged() {
    let api = TestApi::start().await;
    let (log, _guard) = CapturedLog::capture();
    let runtime = api.runtime().await;
    let request = api.ring(&runtime).await;
    api.heartbeat(&runtime).await;
    api.report(&runtime, &request, json!({"status": "completed", "models": [{"label": SECRET}]})).await;
    api.report(
        &runtime,
        &request,
        json!({"status": "completed", "models": [{"id": SECRET, "label": SECRET}]}),
    )
    .await;
    api.poll(&runtime, &request).await;
    api.post(Caller::UserB, &format!("/api/runtimes/{SECRET}/models"), json!({"x": SECRET})).await;
    let text = log.text();
    assert!(text.contains(&request), "nothing was caught");
    for secret in [SECRET, "dbu_dev", "dbd_dev", "Bearer"] {
        assert!(!text.contains(secret), "{secret} was logged: {text}");
    }
}

#[tokio::test]
async fn a_failure_of_the_store_is_logged_once_with_its_cause_and_without_the_item() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = TestApi::with_store(DynamoDbStore::new(engine.client(None), "not-there")).await;
    let (log, _guard) = CapturedLog::capture();
    let path = "/api/daemon/runtimes/11111111-2222-4333-8444-555555555555/models/01930000000070008000000000000001/result";
    let report = json!({"status": "completed", "models": [{"id": SECRET, "label": SECRET}]});
    assert_eq!(api.post(Caller::DaemonA, path, report).await.status, 500);
    let failures = log.lines("failed");
    assert_eq!(failures.len(), 1, "{}", log.text());
    assert!(failures[0]["cause"].as_str().unwrap().contains("ResourceNotFoundException"));
    assert!(!log.text().contains(SECRET));
}
