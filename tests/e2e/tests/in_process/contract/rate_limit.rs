//! The rate limits of rings and registrations, in virtual time. On a deployed stack a limit is reached only if calls are faster than
//! the rate, and the cases would use up the rate of a token that others need.

use doorbell_shared::limits::{RING_BURST, TOKEN_REGISTRATION_BURST, TOKEN_RING_BURST};
use doorbell_test_support::client::new_daemon_id;
use doorbell_test_support::{ApiResponse, Caller, TestApi};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

fn models_path(runtime: &str) -> String {
    format!("/api/runtimes/{runtime}/models")
}

/// With a key of its own: a ring that joins a pending request is not limited.
async fn ring(api: &TestApi, runtime: &str) -> Response {
    let request = api.request(Method::POST, &models_path(runtime)).header("idempotency-key", runtime);
    request.bearer_auth(api.token(Caller::UserA)).send().await.unwrap()
}

async fn assert_limited(response: Response, status: StatusCode, error: &str) {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"error": error}));
}

/// A daemon drops a result on a 429.
#[tokio::test]
async fn limits_only_rings() {
    let api = TestApi::start().await;
    let daemon = new_daemon_id();
    let runtime = api.register(&daemon).await;
    let request = api.ring(&runtime).await;
    for _ in 1..RING_BURST {
        api.ring_apart(&runtime).await;
    }
    assert_eq!(api.heartbeat(&runtime).await.body["pending_model_list"]["id"], request.as_str());
    assert_eq!(api.poll(&runtime, &request).await.status, 200);
    let report = json!({"status": "failed", "error": "no"});
    assert_eq!(api.report(&runtime, &request, report).await.status, 200);
    assert_eq!(api.register(&daemon).await, runtime);
    let limited = ring(&api, &runtime).await;
    assert_limited(limited, StatusCode::TOO_MANY_REQUESTS, "too many requests for this runtime").await;
}

#[tokio::test]
async fn limits_rings_of_a_token() {
    let api = TestApi::start().await;
    let mut runtime = String::new();
    // One more: the first is free.
    for number in 0..=TOKEN_RING_BURST {
        if number % RING_BURST == 0 {
            runtime = api.new_runtime().await;
        }
        api.ring(&runtime).await;
    }
    let runtime = api.new_runtime().await;
    let limited = ring(&api, &runtime).await;
    assert_limited(limited, StatusCode::TOO_MANY_REQUESTS, "too many requests for this token").await;
    let other = api.post(Caller::UserB, &models_path(&runtime), json!({})).await;
    assert_eq!(other, ApiResponse::error(404, "runtime not found"), "the other tenant's token");
    api.advance_secs(1.0);
    for _ in 0..10 {
        api.ring(&runtime).await;
    }
    let limited = ring(&api, &runtime).await;
    assert_limited(limited, StatusCode::TOO_MANY_REQUESTS, "too many requests for this token").await;
}

/// 503, because daemons give up at a 429.
#[tokio::test]
async fn limits_registrations_of_a_token() {
    let api = TestApi::start().await;
    let register = async || {
        let body = json!({"workspace_id": api.a.id, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
        let request =
            api.request(Method::POST, "/api/daemon/register").bearer_auth(api.token(Caller::DaemonA));
        request.json(&body).send().await.unwrap()
    };
    for _ in 0..=TOKEN_REGISTRATION_BURST {
        assert_eq!(register().await.status(), StatusCode::OK);
    }
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    assert_limited(register().await, unavailable, "too many registrations for this token").await;
    // An invalid registration is not counted.
    let invalid = api.post(Caller::DaemonA, "/api/daemon/register", json!({})).await;
    assert_eq!(invalid, ApiResponse::error(400, "daemon_id is required"));
    api.advance_secs(1.0);
    assert_eq!(register().await.status(), StatusCode::OK);
    assert_limited(register().await, unavailable, "too many registrations for this token").await;
}
