//! Rings, the open set and its order.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use super::TestContext;
use super::context::{QUEUE, TICK, completed, kind};
use crate::limits::{CLOCK_SKEW, RING_BURST, RING_INTERVAL};
use crate::rate_limit::RateLimited;
use crate::request::{ClaimFilter, OpenRequest, Request};
use crate::store::{ClaimOutcome, InitiateOutcome, Store};
use doorbell_protocol::limits::{OPEN_REQUESTS_PER_RUNTIME, PENDING_DEADLINE};

pub async fn open_set_has_requests_in_ring_order<S: Store>(test: TestContext<S>) {
    let mut rung = Vec::new();
    for second in [0, 0, 1, 1] {
        rung.push(OpenRequest::of(&test.ring(test.at(second)).await));
    }
    let question = test.enqueue(&test.question_ring("{}", test.at(2)), test.at(2)).await;
    rung.push(OpenRequest { request: question.address.request, kind: kind("disk_usage") });
    assert_eq!(test.open(&test.replica_b, test.at(3)).await, rung);
}

/// Clients poll right after the ring, on any replica, and give up at the first 404.
pub async fn other_replica_finds_request_at_once<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    assert_eq!(test.poll(&test.replica_b, request.address, test.start).await, Some(request));
}

/// A lost lease is found through it.
pub async fn running_request_stays_in_open_set<S: Store>(test: TestContext<S>) {
    let running = test.ring(test.start).await;
    let waiting = test.ring(test.start).await;
    test.claim(running.address, test.at(1)).await;
    let open = test.open_ids(test.at(2)).await;
    assert_eq!(open, [running.address.request, waiting.address.request]);
}

pub async fn ended_requests_leave_open_set<S: Store>(test: TestContext<S>) {
    let reported = test.ring(test.start).await;
    let cancelled = test.ring(test.start).await;
    let timed_out = test.ring(test.start).await;
    test.report(reported.address, &completed("{}"), test.at(1)).await;
    test.cancel(cancelled.address, test.at(1)).await;
    let waiting = test.ring(test.at(20)).await;
    test.poll(&test.replica_a, timed_out.address, test.at(31)).await;
    assert_eq!(test.open_ids(test.at(32)).await, [waiting.address.request]);
}

pub async fn open_set_is_of_one_runtime<S: Store>(test: TestContext<S>) {
    test.ring(test.start).await;
    let other = test.register(&test.replica_a, test.registration("opencode"), test.start).await;
    let other = test.with_runtime(other.id);
    assert_eq!(other.open_ids(other.start).await, []);
}

/// A heartbeat removes what its claims have found to be ended.
pub async fn removed_ids_leave_open_set<S: Store>(test: TestContext<S>) {
    let expired = test.ring(test.start).await;
    let waiting = test.ring(test.at(20)).await;
    let now = test.start + PENDING_DEADLINE + CLOCK_SKEW + TICK;
    let claim = test.try_claim(ClaimFilter::Pending, expired.address, now).await;
    assert_eq!(claim, ClaimOutcome::Ended);
    test.replica_a.remove_open(test.runtime, &[OpenRequest::of(&expired)]).await.expect("removed");
    assert_eq!(test.open_ids(now).await, [waiting.address.request]);
    test.replica_a.remove_open(test.runtime, &[]).await.expect("nothing to remove");
}

pub async fn request_of_forgotten_runtime_is_not_delivered<S: Store>(test: TestContext<S>) {
    let request = test.enqueue(&test.queued_ring(test.start), test.start).await;
    test.replica_a.forget_runtime(test.runtime, &test.caller, test.at(1)).await.expect("forgotten");
    let again = test.register(&test.replica_b, test.registration("codex"), test.at(2)).await;
    assert_eq!(again.id, test.runtime);
    assert_eq!(test.open_ids(test.at(3)).await, []);
    assert_eq!(test.poll(&test.replica_a, request.address, test.at(3)).await, Some(request));
}

/// Of a runtime that was forgotten: nothing is created.
pub async fn removal_creates_no_runtime<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.replica_a.forget_runtime(test.runtime, &test.caller, test.at(1)).await.expect("forgotten");
    test.replica_a.remove_open(test.runtime, &[OpenRequest::of(&request)]).await.expect("removed");
    assert_eq!(test.initiate(&test.new_ring(test.at(1)), test.at(1)).await, InitiateOutcome::NotFound);
    assert_eq!(test.list_runtimes(test.at(1)).await, []);
}

pub async fn limits_rings_after_a_burst<S: Store>(test: TestContext<S>) {
    for _ in 0..RING_BURST {
        test.ring(test.start).await;
    }
    let one_more = test.initiate(&test.new_ring(test.start), test.start).await;
    assert_eq!(one_more, InitiateOutcome::RateLimited(RateLimited { retry_after: RING_INTERVAL }));
    test.ring(test.start + RING_INTERVAL).await;
}

/// The response to the ring was lost; a heartbeat may have claimed the request.
pub async fn retried_ring_creates_nothing_new<S: Store>(test: TestContext<S>) {
    let ring = test.new_ring(test.start);
    let request = test.enqueue(&ring, test.start).await;
    let running = test.claim(request.address, test.start).await;
    let retry = test.initiate(&ring, test.start).await;
    assert!(matches!(retry, InitiateOutcome::Enqueued(..)), "{retry:?}");
    assert_eq!(test.poll(&test.replica_b, request.address, test.start).await, Some(running));
    assert_eq!(test.open_ids(test.start).await, [request.address.request]);
}

/// The first ring of a burst or a later one, also after another ring.
pub async fn retried_ring_counts_once_in_the_burst<S: Store>(test: TestContext<S>) {
    let mut previous = test.new_ring(test.start);
    test.enqueue(&previous, test.start).await;
    for _ in 1..RING_BURST {
        let ring = test.new_ring(test.start);
        test.enqueue(&ring, test.start).await;
        for retried in [&ring, &previous] {
            let retry = test.initiate(retried, test.start).await;
            assert!(matches!(retry, InitiateOutcome::Enqueued(..)), "{retry:?}");
        }
        previous = ring;
    }
}

/// As many requests as may be open, which wait for an hour; the last ring is at 2 s.
async fn fill<S: Store>(test: &TestContext<S>) -> Vec<Request> {
    let mut open = Vec::new();
    for number in 0..OPEN_REQUESTS_PER_RUNTIME {
        let now =
            test.at(u64::try_from(number).unwrap_or_default().saturating_sub(u64::from(RING_BURST) - 1));
        open.push(test.enqueue(&test.queued_ring(now), now).await);
    }
    open
}

pub async fn full_queue_rejects_ring<S: Store>(test: TestContext<S>) {
    let open = fill(&test).await;
    for rejected in [test.queued_ring(test.at(40)), test.new_ring(test.at(40))] {
        assert_eq!(test.initiate(&rejected, test.at(40)).await, InitiateOutcome::QueueFull);
        assert_eq!(test.poll(&test.replica_b, rejected.address, test.at(40)).await, None);
    }
    assert_eq!(test.open_ids(test.at(40)).await.len(), open.len());
}

/// Its retry is answered as the first try.
pub async fn last_ring_of_full_queue_may_be_retried<S: Store>(test: TestContext<S>) {
    let open = fill(&test).await;
    let last = open.last().expect("a full queue");
    let ring = crate::request::Ring::new(last.address, last.kind, last.deadlines);
    let retry = test.initiate(&ring, last.created_at).await;
    assert_eq!(retry, InitiateOutcome::Enqueued(last.clone(), None));
}

/// Each of the first three requests has ended in its own way.
pub async fn ended_requests_make_room<S: Store>(test: TestContext<S>) {
    let open = fill(&test).await;
    test.report(open[0].address, &completed("{}"), test.at(40)).await;
    test.cancel(open[1].address, test.at(40)).await;
    for second in [41, 42] {
        test.enqueue(&test.queued_ring(test.at(second)), test.at(second)).await;
    }
    assert_eq!(test.initiate(&test.queued_ring(test.at(43)), test.at(43)).await, InitiateOutcome::QueueFull);
}

/// No poll has written their timeouts.
pub async fn expired_requests_make_room<S: Store>(test: TestContext<S>) {
    let open = fill(&test).await;
    let now = open[0].created_at + QUEUE + CLOCK_SKEW + TICK;
    test.open(&test.replica_a, now).await;
    let ring = test.queued_ring(now);
    test.enqueue(&ring, now).await;
    assert!(test.open_ids(now).await.contains(&ring.address.request));
}

pub async fn offline_runtime_accepts_only_queued_ring<S: Store>(test: TestContext<S>) {
    let now = test.at(3_600);
    assert_eq!(test.initiate(&test.new_ring(now), now).await, InitiateOutcome::Offline(None));
    let queued = test.enqueue(&test.queued_ring(now), now).await;
    let later = test.at(5_000);
    assert_eq!(test.open_ids(later).await, [queued.address.request]);
    let claimed = test.claim(queued.address, later).await;
    assert_eq!(
        test.report(claimed.address, &completed("{}"), test.at(5_010)).await,
        super::context::recorded(&queued)
    );
}

pub async fn deregistered_runtime_accepts_queued_ring<S: Store>(test: TestContext<S>) {
    test.replica_a.deregister(test.runtime, &test.caller, test.at(1)).await.expect("deregistered");
    let queued = test.enqueue(&test.queued_ring(test.at(2)), test.at(2)).await;
    assert_eq!(test.open_ids(test.at(3)).await, [queued.address.request]);
}

/// Args are stored as they were sent.
pub async fn claim_and_poll_show_args<S: Store>(test: TestContext<S>) {
    let args = r#"{"path":"/","depth":1.10}"#;
    let ring = test.question_ring(args, test.start);
    let request = test.enqueue(&ring, test.start).await;
    assert_eq!(request.args, ring.args);
    assert_eq!(test.claim(request.address, test.at(1)).await.args, ring.args);
    assert_eq!(
        test.poll(&test.replica_b, request.address, test.at(2)).await.and_then(|found| found.args),
        ring.args
    );
}
