//! Polls remind the daemon of a request that stays pending.

use crate::push_functions::fixtures::Deployment;

#[tokio::test]
async fn polls_remind_after_3_s_and_then_every_5_s() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    let (_, request) = deployment.ring(&runtime).await;
    deployment.hints();
    let mut reminded = Vec::new();
    for second in 1..=20 {
        deployment.advance(1);
        // Two clients poll.
        for _ in 0..2 {
            deployment.poll(&runtime, &request).await;
        }
        reminded.extend(deployment.hints().iter().map(|_| second));
    }
    assert_eq!(reminded, [4, 10, 16]);
}

#[tokio::test]
async fn claimed_request_is_not_reminded_of() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    let (_, request) = deployment.ring(&runtime).await;
    deployment.heartbeat(&[&runtime], true).await;
    deployment.hints();
    deployment.advance(10);
    deployment.poll(&runtime, &request).await;
    assert_eq!(deployment.hints(), [""; 0]);
}

#[tokio::test]
async fn request_of_runtime_without_lease_is_not_reminded_of() {
    let deployment = Deployment::new();
    let runtime = deployment.register("laptop").await;
    let (_, request) = deployment.ring(&runtime).await;
    deployment.advance(10);
    deployment.poll(&runtime, &request).await;
    assert_eq!(deployment.hints(), [""; 0]);
}
