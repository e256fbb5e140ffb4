//! Enrolment on a stack: from the administrator's token to a revoked machine.

use doorbell_shared::token::Token;
use doorbell_test_support::client::new_daemon_id;
use doorbell_test_support::{ApiResponse, Caller, Client, stack};
use serde_json::{Value, json};

async fn register(client: &Client, token: &str, daemon: &str) -> ApiResponse {
    let body = json!({"workspace_id": client.a.id, "daemon_id": daemon, "runtimes": [{"type": "codex"}]});
    client.post_with(Some(token), "/api/daemon/register", &body).await
}

/// A stack that caches the authorizer's result may accept a revoked token for that long.
#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn enrolled_daemon_works_until_its_token_is_revoked() {
    let client = stack::client();
    let daemon = new_daemon_id();
    let token = client.bound_token(&daemon).await;
    let registered = register(&client, &token, &daemon).await;
    assert_eq!(registered.status, 200, "{registered:?}");
    let runtime = registered.body["runtimes"][0]["id"].as_str().unwrap().to_owned();
    let request = client.ring(&runtime).await;
    let heartbeat = json!({"runtime_id": runtime});
    let claimed = client.post_with(Some(&token), "/api/daemon/heartbeat", &heartbeat).await;
    assert_eq!(claimed.body["pending_model_list"]["id"], request.as_str(), "{claimed:?}");
    let result = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
    let report = json!({"status": "completed", "models": [{"id": "a", "label": "A"}]});
    assert_eq!(client.post_with(Some(&token), &result, &report).await.status, 200);
    assert_eq!(client.poll(&runtime, &request).await.body["status"], "completed");

    let id = Token::parse(&token).unwrap().hash().id();
    let path = format!("/api/tokens/{id}?workspace_id={}", client.a.id);
    assert_eq!(client.delete(Caller::AdminA, &path).await.status, 200);
    assert_eq!(client.post_with(Some(&token), "/api/daemon/heartbeat", &heartbeat).await.status, 401);
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn bound_token_cannot_act_for_another_daemon() {
    let client = stack::client();
    let (own, other) = (new_daemon_id(), new_daemon_id());
    let token = client.bound_token(&own).await;
    let runtime = client.register(&other).await;
    let request = client.ring(&runtime).await;
    let not_found = |text: &str| ApiResponse::error(404, text);
    assert_eq!(register(&client, &token, &other).await, not_found("workspace not found"));
    let heartbeat = json!({"runtime_id": runtime});
    let response = client.post_with(Some(&token), "/api/daemon/heartbeat", &heartbeat).await;
    assert_eq!(response, not_found("not found"));
    let result = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
    let report: Value = json!({"status": "failed", "error": "mine now"});
    assert_eq!(client.post_with(Some(&token), &result, &report).await, not_found("request not found"));
    let gone = json!({"runtime_ids": [runtime]});
    assert_eq!(client.post_with(Some(&token), "/api/daemon/deregister", &gone).await.status, 200);
    assert_eq!(client.poll(&runtime, &request).await.body["status"], "pending");
    assert_eq!(client.find_runtime(&runtime).await.unwrap()["status"], "online");
}
