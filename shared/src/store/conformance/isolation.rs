//! Tenant isolation.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::TestContext;
use super::context::completed;
use crate::access::Principal;
use crate::request::Address;
use crate::store::{
    DeregisterOutcome, ForgetOutcome, HeartbeatOutcome, InitiateOutcome, PollOutcome, ReportOutcome, Store,
};

async fn sees_nothing<S: Store>(test: &TestContext<S>, caller: &Principal) {
    let request = test.ring(test.start).await;
    let address = request.address;
    let now = test.at(1);
    let fresh = test.address(now);
    assert_eq!(test.replica_a.initiate(fresh, caller, now).await.unwrap(), InitiateOutcome::NotFound);
    assert_eq!(
        test.replica_a.initiate(address, caller, now).await.unwrap(),
        InitiateOutcome::NotFound,
        "a known ring"
    );
    assert_eq!(test.replica_a.poll(address, caller, now).await.unwrap(), PollOutcome::NotFound);
    assert_eq!(
        test.replica_a.report(address, caller, &completed("{}"), now).await.unwrap(),
        ReportOutcome::NotFound
    );
    assert_eq!(
        test.replica_a.deregister(test.runtime, caller, now).await.unwrap(),
        DeregisterOutcome::NotFound
    );
    assert_eq!(
        test.replica_a.forget_runtime(test.runtime, caller, now).await.unwrap(),
        ForgetOutcome::NotFound
    );
    assert_eq!(
        test.replica_a.record_heartbeat(test.runtime, caller, now).await.unwrap(),
        HeartbeatOutcome::OtherWorkspace
    );
    assert_eq!(
        test.poll(&test.replica_b, address, now).await,
        Some(request),
        "the other tenant changed the request"
    );
    assert_eq!(test.poll(&test.replica_b, fresh, now).await, None, "the other tenant made a request");
}

pub async fn other_workspace_sees_nothing<S: Store>(test: TestContext<S>) {
    let other_tenant = test.other_tenant();
    sees_nothing(&test, &other_tenant).await;
}

pub async fn foreign_ring_sets_no_work_hint<S: Store>(test: TestContext<S>) {
    let address = test.address(test.start);
    let now = test.start;
    test.replica_a.initiate(address, &test.other_tenant(), now).await.unwrap();
    let outcome = test.replica_b.record_heartbeat(test.runtime, &test.caller, now).await.unwrap();
    assert_eq!(outcome, HeartbeatOutcome::Recorded { work_hint: false, listing_due: None });
}

/// `IN ()` is not a valid expression.
pub async fn caller_without_workspace_sees_nothing<S: Store>(test: TestContext<S>) {
    sees_nothing(&test, &Principal::of_workspaces([])).await;
}

/// The reference server did not check this.
pub async fn request_is_bound_to_its_runtime<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let other = test.register(&test.replica_a, test.registration("opencode"), test.start).await;
    let astray = Address { runtime: other.id, ..request.address };
    assert_eq!(test.poll(&test.replica_a, astray, test.at(1)).await, None);
    assert_eq!(test.report(astray, &completed("{}"), test.at(1)).await, ReportOutcome::NotFound);
}

/// More than one `IN` of DynamoDB may have.
pub async fn accepts_caller_in_250_workspaces<S: Store>(test: TestContext<S>) {
    let others = (0..250).flat_map(|_| test.other_tenant().workspaces.iter().collect::<Vec<_>>());
    let many = Principal::of_workspaces(others.chain([test.workspace]));
    let outcome = test.replica_a.record_heartbeat(test.runtime, &many, test.at(1)).await.unwrap();
    assert_eq!(outcome, HeartbeatOutcome::Recorded { work_hint: false, listing_due: None });
    let rung = test.replica_a.initiate(test.address(test.at(1)), &many, test.at(1)).await.unwrap();
    assert!(matches!(rung, InitiateOutcome::Enqueued(_)));
}
