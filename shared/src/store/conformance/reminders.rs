//! Reminders: polls of a pending request have its daemon notified again.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use futures_util::future::join_all;

use super::TestContext;
use super::context::{TICK, completed};
use super::races::HEARTBEATS;
use crate::limits::{REMINDER_AFTER, REMINDER_INTERVAL};
use crate::request::{ClaimFilter, Request};
use crate::store::{ReminderOutcome, Store};
use doorbell_protocol::Timestamp;

/// A pending request of a runtime with a push lease.
async fn notified<S: Store>(test: &TestContext<S>) -> Request {
    test.lease(test.start).await;
    test.ring(test.start).await
}

async fn taken<S: Store>(replica: &S, request: &Request, now: Timestamp) -> bool {
    matches!(replica.take_reminder(request, now).await.unwrap(), ReminderOutcome::Taken(_))
}

/// Whether a poll at `now` takes a reminder, as the function does.
async fn polled<S: Store>(test: &TestContext<S>, request: &Request, now: Timestamp) -> bool {
    let request = test.poll(&test.replica_b, request.address, now).await.unwrap();
    request.reminder_is_due(now) && taken(&test.replica_b, &request, now).await
}

pub async fn reminds_after_3_s_and_then_every_5_s<S: Store>(test: TestContext<S>) {
    let request = notified(&test).await;
    let first = test.start + REMINDER_AFTER + TICK;
    let second = first + REMINDER_INTERVAL + TICK;
    for due in [first, second] {
        assert!(!polled(&test, &request, due - TICK).await, "{due:?}");
        assert!(polled(&test, &request, due).await, "{due:?}");
    }
}

/// All have read the same request, and have other clocks.
pub async fn sixteen_polls_take_one_reminder<S: Store>(test: TestContext<S>) {
    let test = &test;
    for round in 0..20 {
        let request = &notified(test).await;
        let polls = (0..HEARTBEATS).map(|number| {
            let replica = if number % 2 == 0 { &test.replica_a } else { &test.replica_b };
            let now = test.at(4) + TICK * u32::try_from(number).unwrap();
            taken(replica, request, now)
        });
        let winners = join_all(polls).await.into_iter().filter(|taken| *taken).count();
        assert_eq!(winners, 1, "winners in round {round}");
    }
}

/// The response was lost, and the SDK retries.
pub async fn retried_reminder_is_taken_again<S: Store>(test: TestContext<S>) {
    let lease = test.lease(test.start).await;
    let request = test.ring(test.start).await;
    for replica in [&test.replica_a, &test.replica_b] {
        let outcome = replica.take_reminder(&request, test.at(4)).await.unwrap();
        assert_eq!(outcome, ReminderOutcome::Taken(lease.clone()));
    }
}

pub async fn reminder_changes_no_other_field<S: Store>(test: TestContext<S>) {
    let request = notified(&test).await;
    assert!(taken(&test.replica_a, &request, test.at(4)).await);
    let reminded = Request { notified_at: Some(test.at(4)), ..request };
    assert_eq!(test.poll(&test.replica_b, reminded.address, test.at(4)).await, Some(reminded.clone()));
    let claimed = test.claim(reminded.address, test.at(5)).await;
    assert_eq!(claimed.notified_at, reminded.notified_at);
}

/// It was read before it was claimed, or ended.
pub async fn only_pending_request_has_reminders<S: Store>(test: TestContext<S>) {
    test.lease(test.start).await;
    let claimed = test.ring(test.start).await;
    test.claim(claimed.address, test.at(3)).await;
    let reported = test.ring(test.start).await;
    test.report(reported.address, &completed("{}"), test.at(3)).await;
    let cancelled = test.ring(test.start).await;
    test.cancel(cancelled.address, test.at(3)).await;
    for request in [claimed, reported, cancelled] {
        let outcome = test.replica_b.take_reminder(&request, test.at(4)).await.unwrap();
        assert_eq!(outcome, ReminderOutcome::NotDue, "{request:?}");
        let now = test.poll(&test.replica_a, request.address, test.at(4)).await.unwrap();
        assert_eq!(now.notified_at, request.notified_at);
    }
    let open = test.ring(test.at(5)).await;
    assert!(test.claim_as(ClaimFilter::Pending, open.address, test.at(5)).await.is_some());
    assert!(!polled(&test, &open, test.at(20)).await);
}

/// The next heartbeat finds it. The runtime may have a lease since.
pub async fn request_without_hint_has_no_reminders<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.lease(test.at(1)).await;
    assert!(!request.reminder_is_due(test.at(20)));
    assert!(!taken(&test.replica_a, &request, test.at(20)).await);
    assert_eq!(test.poll(&test.replica_b, request.address, test.at(20)).await, Some(request));
}

pub async fn runtime_without_lease_has_no_reminders<S: Store>(test: TestContext<S>) {
    let requests = [notified(&test).await, test.ring(test.start).await];
    test.open(&test.replica_a, test.at(1)).await;
    assert!(!taken(&test.replica_b, &requests[0], test.at(4)).await, "after a plain heartbeat");
    test.replica_a.forget_runtime(test.runtime, &test.caller, test.at(5)).await.unwrap();
    assert!(!taken(&test.replica_b, &requests[1], test.at(5)).await, "of a forgotten runtime");
}
