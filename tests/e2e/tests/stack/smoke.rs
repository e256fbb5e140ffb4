//! The minimum, with one workspace, for stacks where a call takes seconds: `cargo test --test stack -- --ignored smoke::`.

use doorbell_test_support::contract::{ABSENT_RUNTIME, Target, access, enrolment, lifecycle, page};
use doorbell_test_support::{ApiResponse, Caller};

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn ring_is_claimed_reported_and_shown() {
    lifecycle::ring_is_claimed_reported_and_shown(&Target::deployed().await).await;
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn absent_runtime_is_not_found() {
    let path = format!("/api/runtimes/{ABSENT_RUNTIME}/models");
    let response = Target::deployed().await.post_raw(Caller::UserA, &path, "").await;
    assert_eq!(response, ApiResponse::error(404, "runtime not found"));
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn requires_token_on_every_route() {
    access::requires_token_on_every_route(&Target::deployed().await).await;
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn code_is_redeemed_for_bound_token() {
    enrolment::code_is_redeemed_for_bound_token(&Target::deployed().await).await;
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn serves_every_file_without_a_token() {
    page::serves_every_file_without_a_token(&Target::deployed().await).await;
}
