//! The least that a stack must do, for where a call takes seconds: `cargo test --test stack -- --ignored smoke::`.

use doorbell_test_support::contract::{ABSENT_RUNTIME, lifecycle};
use doorbell_test_support::{ApiResponse, Caller, stack};
use reqwest::Method;

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn a_ring_is_answered() {
    lifecycle::a_ring_is_collected_by_the_next_heartbeat_and_answered(&stack::client()).await;
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn what_does_not_exist_is_not_found() {
    let answer =
        stack::client().post_raw(Caller::UserA, &format!("/api/runtimes/{ABSENT_RUNTIME}/models"), "").await;
    assert_eq!(answer, ApiResponse::error(404, "runtime not found"));
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn a_token_that_nobody_issued_is_refused() {
    let client = stack::client();
    let request = client.request(Method::GET, "/api/runtimes").bearer_auth("dbu_nobody");
    assert_eq!(client.send(request).await.status, 401);
}
