//! Tenant isolation.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::TestContext;
use super::context::{completed, redelivery};
use crate::access::Principal;
use crate::limits::WORKSPACES_PER_TOKEN;
use crate::request::{Address, Delivery};
use crate::store::{
    ClaimOutcome, DeregisterOutcome, ForgetOutcome, HeartbeatOutcome, InitiateOutcome, PollOutcome,
    ReportOutcome, Store,
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

/// The maximum of a token, and more than one `IN` of DynamoDB may have, in every operation that checks workspaces.
pub async fn accepts_caller_in_250_workspaces<S: Store>(test: TestContext<S>) {
    let others =
        (1..WORKSPACES_PER_TOKEN).flat_map(|_| test.other_tenant().workspaces.iter().collect::<Vec<_>>());
    let many = Principal::of_workspaces(others.chain([test.workspace]));
    assert_eq!(many.workspaces.iter().count(), 250);
    let store = &test.replica_a;
    let now = test.at(1);
    let outcome = store.record_heartbeat(test.runtime, &many, now).await.unwrap();
    assert_eq!(outcome, HeartbeatOutcome::Recorded { work_hint: false, listing_due: None });
    // The second ring is early, the third request times out: each is an update of its own.
    let mut rung = Vec::new();
    for _ in 0..3 {
        let InitiateOutcome::Enqueued(request) = store.initiate(test.address(now), &many, now).await.unwrap()
        else {
            panic!("not enqueued");
        };
        rung.push(request.address);
    }
    let (lease, first) = (test.lease_token(), Delivery::First);
    let claimed = store.claim(rung[0], &many, first, lease, now).await.unwrap();
    let ClaimOutcome::Won(claimed) = claimed else { panic!("not claimed") };
    let later = test.at(7);
    let again = store.claim(rung[0], &many, redelivery(&claimed), test.lease_token(), later).await.unwrap();
    assert!(matches!(again, ClaimOutcome::Won(_)));
    for address in &rung[..2] {
        let reported = store.report(*address, &many, &completed("{}"), later).await.unwrap();
        assert!(matches!(reported, ReportOutcome::Recorded { .. }));
    }
    let polled = store.poll(rung[0], &many, later).await.unwrap();
    assert!(matches!(polled, PollOutcome::Found(_)));
    let expired = store.poll(rung[2], &many, test.at(32)).await.unwrap();
    assert!(matches!(expired, PollOutcome::TimedOut(_)));
    let outcome = store.deregister(test.runtime, &many, later).await.unwrap();
    assert_eq!(outcome, DeregisterOutcome::Deregistered);
}
