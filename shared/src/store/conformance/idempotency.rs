//! Idempotency keys, and rings that join a pending request.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::{IDEMPOTENCY_RETENTION, OPEN_REQUESTS_PER_RUNTIME};

use super::TestContext;
use super::context::{TICK, completed, json, kind};
use crate::limits::RING_BURST;
use crate::request::{Request, Ring};
use crate::store::{InitiateOutcome, Store};

fn with_key(ring: Ring, key: &str) -> Ring {
    Ring { idempotency_key: Some(key.parse().unwrap()), ..ring }
}

fn joining<S: Store>(test: &TestContext<S>, now: Timestamp) -> Ring {
    Ring { joins: true, ..test.new_ring(now) }
}

pub async fn ring_with_same_key_gets_same_request<S: Store>(test: TestContext<S>) {
    let request = test.enqueue(&with_key(test.new_ring(test.start), "a"), test.start).await;
    let again = with_key(test.new_ring(test.at(1)), "a");
    assert_eq!(test.initiate(&again, test.at(1)).await, InitiateOutcome::Existing(request.clone()));
    assert_eq!(test.poll(&test.replica_b, again.address, test.at(1)).await, None);
    assert_eq!(test.open_ids(test.at(1)).await, [request.address.request]);
    test.enqueue(&with_key(test.new_ring(test.at(2)), "b"), test.at(2)).await;
}

/// The answer is the request as it is now, also of a runtime that has gone offline.
pub async fn key_answers_with_ended_request<S: Store>(test: TestContext<S>) {
    let request = test.enqueue(&with_key(test.new_ring(test.start), "a"), test.start).await;
    test.report(request.address, &completed("{}"), test.at(1)).await;
    let reported = test.poll(&test.replica_b, request.address, test.at(1)).await.unwrap();
    let again = with_key(test.new_ring(test.at(100)), "a");
    assert_eq!(test.initiate(&again, test.at(100)).await, InitiateOutcome::Existing(reported));
}

pub async fn key_of_other_kind_or_args_is_rejected<S: Store>(test: TestContext<S>) {
    let first = with_key(test.question_ring(r#"{"a":1,"b":2}"#, test.start), "a");
    let request = test.enqueue(&first, test.start).await;
    let now = test.at(1);
    let same = with_key(test.question_ring(r#"{"b":2,"a":1}"#, now), "a");
    assert_eq!(test.initiate(&same, now).await, InitiateOutcome::Existing(request));
    let args = with_key(test.question_ring(r#"{"a":1}"#, now), "a");
    let other_kind = Ring { kind: kind("uptime"), args: Some(json(r#"{"a":1,"b":2}"#)), ..args.clone() };
    for other in [args, other_kind] {
        assert_eq!(test.initiate(&other, now).await, InitiateOutcome::IdempotencyKeyUsed);
        assert_eq!(test.poll(&test.replica_b, other.address, now).await, None);
    }
}

pub async fn key_is_forgotten_after_2_min<S: Store>(test: TestContext<S>) {
    let request = test.enqueue(&with_key(test.new_ring(test.start), "a"), test.start).await;
    let last = test.start + IDEMPOTENCY_RETENTION;
    test.open(&test.replica_a, last).await;
    let within = with_key(test.new_ring(last), "a");
    assert!(matches!(test.initiate(&within, last).await, InitiateOutcome::Existing(_)));
    let after = with_key(test.new_ring(last + TICK), "a");
    let renewed = test.enqueue(&after, last + TICK).await;
    assert_ne!(renewed.address, request.address);
    let again = with_key(test.new_ring(last + TICK), "a");
    assert_eq!(test.initiate(&again, last + TICK).await, InitiateOutcome::Existing(renewed));
}

/// A key belongs to a runtime.
pub async fn other_runtime_has_own_keys<S: Store>(test: TestContext<S>) {
    test.enqueue(&with_key(test.new_ring(test.start), "a"), test.start).await;
    let other = test.register(&test.replica_a, test.registration("opencode"), test.start).await;
    let other = test.with_runtime(other.id);
    other.enqueue(&with_key(other.new_ring(other.start), "a"), other.start).await;
}

/// Its first try has stored key and request.
pub async fn retried_ring_with_key_is_enqueued<S: Store>(test: TestContext<S>) {
    let ring = with_key(test.new_ring(test.start), "a");
    let request = test.enqueue(&ring, test.start).await;
    assert_eq!(test.initiate(&ring, test.start).await, InitiateOutcome::Enqueued(request, None));
}

/// Not even when the runtime is over its rate.
pub async fn ring_with_used_key_counts_towards_nothing<S: Store>(test: TestContext<S>) {
    let request = test.enqueue(&with_key(test.new_ring(test.start), "a"), test.start).await;
    for _ in 1..RING_BURST {
        test.ring(test.start).await;
    }
    let again = with_key(test.new_ring(test.start), "a");
    assert_eq!(test.initiate(&again, test.start).await, InitiateOutcome::Existing(request));
    let limited = with_key(test.new_ring(test.start), "b");
    assert!(matches!(test.initiate(&limited, test.start).await, InitiateOutcome::RateLimited(_)));
}

pub async fn forgotten_runtime_has_no_keys<S: Store>(test: TestContext<S>) {
    test.enqueue(&with_key(test.new_ring(test.start), "a"), test.start).await;
    test.replica_a.forget_runtime(test.runtime, &test.caller, test.at(1)).await.unwrap();
    let again = with_key(test.new_ring(test.at(2)), "a");
    assert_eq!(test.initiate(&again, test.at(2)).await, InitiateOutcome::NotFound);
}

pub async fn ring_joins_oldest_pending_request<S: Store>(test: TestContext<S>) {
    let first = test.enqueue(&joining(&test, test.start), test.start).await;
    test.ring(test.at(1)).await;
    let ring = joining(&test, test.at(2));
    assert_eq!(test.initiate(&ring, test.at(2)).await, InitiateOutcome::Existing(first));
    assert_eq!(test.poll(&test.replica_b, ring.address, test.at(2)).await, None);
    assert_eq!(test.open_ids(test.at(2)).await.len(), 2);
}

/// Only a pending one of the same kind, without args, that waits at least as long.
pub async fn ring_joins_no_other_request<S: Store>(test: TestContext<S>) {
    let pending = test.ring(test.start).await;
    let now = test.at(1);
    let others: [Ring; 3] = [
        Ring { kind: kind("uptime"), ..joining(&test, now) },
        Ring { args: Some(json("{}")), ..joining(&test, now) },
        Ring { joins: true, ..test.queued_ring(now) },
    ];
    for other in others {
        test.enqueue(&other, now).await;
        test.cancel(other.address, now).await;
    }
    test.claim(pending.address, now).await;
    let fresh = test.enqueue(&joining(&test, now), now).await;
    assert_ne!(fresh.address, pending.address);
}

pub async fn ring_joins_no_request_with_args<S: Store>(test: TestContext<S>) {
    let with_args = test.question_ring("{}", test.start);
    test.enqueue(&with_args, test.start).await;
    let now = test.at(1);
    let ring = Ring { address: test.address(now), args: None, joins: true, ..with_args };
    test.enqueue(&ring, now).await;
}

pub async fn ring_joins_no_expired_request<S: Store>(test: TestContext<S>) {
    test.enqueue(&joining(&test, test.start), test.start).await;
    let now = test.at(31);
    let fresh: Request = test.enqueue(&joining(&test, now), now).await;
    assert_eq!(fresh.created_at, now);
}

pub async fn joining_ring_needs_no_room<S: Store>(test: TestContext<S>) {
    let joined = test.enqueue(&Ring { joins: true, ..test.queued_ring(test.start) }, test.start).await;
    for second in 1..OPEN_REQUESTS_PER_RUNTIME {
        let now = test.start + Duration::from_secs(u64::try_from(second).unwrap());
        test.enqueue(&Ring { kind: kind("uptime"), ..test.queued_ring(now) }, now).await;
    }
    let now = test.at(40);
    let ring = joining(&test, now);
    assert_eq!(test.initiate(&ring, now).await, InitiateOutcome::Existing(joined));
    let other = Ring { kind: kind("disk_usage"), ..ring };
    assert_eq!(test.initiate(&other, now).await, InitiateOutcome::QueueFull);
}

/// Ten open tabs at once are no more work than one.
pub async fn joining_ring_is_not_limited<S: Store>(test: TestContext<S>) {
    let joined = test.enqueue(&joining(&test, test.start), test.start).await;
    for _ in 1..RING_BURST {
        test.ring(test.start).await;
    }
    let ring = joining(&test, test.start);
    assert_eq!(test.initiate(&ring, test.start).await, InitiateOutcome::Existing(joined));
    for limited in [Ring { joins: false, ..ring.clone() }, Ring { kind: kind("uptime"), ..ring }] {
        let limited = test.initiate(&limited, test.start).await;
        assert!(matches!(limited, InitiateOutcome::RateLimited(_)), "{limited:?}");
    }
}
