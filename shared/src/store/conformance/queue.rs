//! Rings, the queue and its order.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::TestContext;
use super::context::{completed, ids};
use crate::limits::{RING_BURST, RING_INTERVAL, WORK_HINT_LIFETIME};
use crate::rate_limit::RateLimited;
use crate::request::ClaimFilter;
use crate::store::{HeartbeatOutcome, InitiateOutcome, Store};

/// More than one page of the range read.
const MANY: usize = 20;

pub async fn lists_requests_in_ring_order<S: Store>(test: TestContext<S>) {
    let mut request = Vec::new();
    for second in [0, 0, 1, 1, 2] {
        request.push(test.ring(test.at(second)).await.address.request);
    }
    assert_eq!(test.list_pending(&test.replica_b, test.at(3)).await, request);
}

/// Clients poll right after the ring, on any replica, and give up at the first 404.
pub async fn other_replica_finds_request_at_once<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    assert_eq!(test.poll(&test.replica_b, request.address, test.start).await, Some(request));
}

pub async fn lists_only_pending_requests_of_the_runtime<S: Store>(test: TestContext<S>) {
    let expired = test.ring(test.at(0)).await;
    let running = test.ring(test.at(20)).await;
    test.claim(running.address, test.at(20)).await;
    let waiting = test.ring(test.at(21)).await;
    let other = test.register(&test.replica_a, test.registration("opencode"), test.at(21)).await;

    assert_eq!(test.list_pending(&test.replica_b, test.at(31)).await, [waiting.address.request]);
    assert_ne!(waiting.address, expired.address);
    assert_eq!(
        test.replica_b.list_claimable(other.id, &ClaimFilter::Pending, test.at(31)).await.unwrap(),
        []
    );
}

pub async fn finds_request_behind_many_completed<S: Store>(test: TestContext<S>) {
    for _ in 0..MANY {
        let request = test.ring(test.start).await;
        test.report(request.address, &completed("{}"), test.start).await;
    }
    let waiting = test.ring(test.at(1)).await;
    assert_eq!(test.list_pending(&test.replica_b, test.at(2)).await, [waiting.address.request]);
    let candidates = test.list_with_in_flight(&[], &test.replica_b, test.at(2)).await;
    assert_eq!(ids(candidates), [waiting.address.request]);
}

pub async fn limits_rings_after_a_burst<S: Store>(test: TestContext<S>) {
    for _ in 0..RING_BURST {
        test.ring(test.start).await;
    }
    let one_more = test.replica_b.initiate(test.address(test.start), &test.caller, test.start).await.unwrap();
    assert_eq!(one_more, InitiateOutcome::RateLimited(RateLimited { retry_after: RING_INTERVAL }));
    test.ring(test.start + RING_INTERVAL).await;
}

/// The response to the ring was lost; a heartbeat may have claimed the request.
pub async fn retried_ring_creates_nothing_new<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let running = test.claim(request.address, test.start).await;
    let retry = test.replica_b.initiate(request.address, &test.caller, test.start).await.unwrap();
    assert!(matches!(retry, InitiateOutcome::Enqueued(_)), "{retry:?}");
    assert_eq!(test.poll(&test.replica_b, request.address, test.start).await, Some(running));
}

/// The first ring of a burst or a later one.
pub async fn retried_ring_counts_once_in_the_burst<S: Store>(test: TestContext<S>) {
    for _ in 0..RING_BURST {
        let request = test.ring(test.start).await;
        let retry = test.replica_b.initiate(request.address, &test.caller, test.start).await.unwrap();
        assert!(matches!(retry, InitiateOutcome::Enqueued(_)), "{retry:?}");
    }
}

/// Without the hint a heartbeat costs one write.
pub async fn ring_sets_work_hint_for_its_lifetime<S: Store>(test: TestContext<S>) {
    let heartbeat =
        async |now| test.replica_b.record_heartbeat(test.runtime, &test.caller, now).await.unwrap();
    assert_eq!(
        heartbeat(test.start).await,
        HeartbeatOutcome::Recorded { work_hint: false, listing_due: None }
    );
    test.ring(test.start).await;
    assert_eq!(
        heartbeat(test.start).await,
        HeartbeatOutcome::Recorded { work_hint: true, listing_due: None }
    );
    assert_eq!(
        heartbeat(test.start + WORK_HINT_LIFETIME).await,
        HeartbeatOutcome::Recorded { work_hint: true, listing_due: None }
    );
    assert_eq!(
        heartbeat(test.start + WORK_HINT_LIFETIME + super::context::TICK).await,
        HeartbeatOutcome::Recorded { work_hint: false, listing_due: None }
    );
}
