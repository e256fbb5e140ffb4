//! The minimum, for stacks where a call takes seconds: `cargo test --test stack -- --ignored smoke::`.

use doorbell_test_support::contract::{Target, access, initiate, lifecycle};

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn ring_is_claimed_reported_and_shown() {
    lifecycle::ring_is_claimed_reported_and_shown(&Target::deployed().await).await;
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn absent_runtime_is_not_found() {
    initiate::foreign_or_absent_runtime_is_not_found(&Target::deployed().await).await;
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn requires_token_on_every_route() {
    access::requires_token_on_every_route(&Target::deployed().await).await;
}
