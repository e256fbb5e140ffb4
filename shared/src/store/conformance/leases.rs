//! Claims, leases and redelivery: one winner, and a lost response costs time, not the result.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::{PENDING_DEADLINE, RUNNING_DEADLINE};

use super::TestContext;
use super::context::{TICK, completed, recorded};
use crate::limits::REDELIVERY_AFTER;
use crate::request::{ClaimFilter, Lease, Request, State};
use crate::store::{ClaimOutcome, ReportOutcome, Store};

pub async fn pending_request_is_claimed_once<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.claim(request.address, test.at(1)).await;
    let second = test
        .replica_b
        .claim(request.address, &test.caller, ClaimFilter::Pending, test.lease_token(), test.at(1))
        .await
        .unwrap();
    assert_eq!(second, ClaimOutcome::Lost);
}

/// The response to the claim was lost, and the SDK retries.
pub async fn retried_claim_wins_again<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let claim = test.lease_token();
    let first = test
        .replica_a
        .claim(request.address, &test.caller, ClaimFilter::Pending, claim, test.at(1))
        .await
        .unwrap();
    let retry = test
        .replica_b
        .claim(request.address, &test.caller, ClaimFilter::Pending, claim, test.at(2))
        .await
        .unwrap();
    assert!(matches!(first, ClaimOutcome::Won(_)));
    assert_eq!(retry, first);
}

pub async fn expired_request_cannot_be_claimed<S: Store>(test: TestContext<S>) {
    let in_time = test.ring(test.start).await;
    let too_late = test.ring(test.start).await;
    let deadline = test.start + PENDING_DEADLINE;
    test.claim(in_time.address, deadline).await;
    assert_eq!(test.claim_as(ClaimFilter::Pending, too_late.address, deadline + TICK).await, None);
}

/// The reference server lost `claimed_at` in Redis, so its running timeout never fired on other replicas.
pub async fn lease_survives_storage<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let claim = test.lease_token();
    test.replica_a
        .claim(request.address, &test.caller, ClaimFilter::Pending, claim, test.at(7))
        .await
        .unwrap();
    let seen = test.poll(&test.replica_b, request.address, test.at(20)).await.unwrap();
    assert_eq!(
        seen.state,
        State::Running(Lease { claimed_at: test.at(7), leased_at: test.at(7), token: claim, attempt: 1 })
    );
    assert_eq!((seen.created_at, seen.updated_at), (test.start, test.at(7)));
}

/// A request that was claimed at the start.
async fn claimed<S: Store>(test: &TestContext<S>) -> Request {
    let request = test.ring(test.start).await;
    test.claim(request.address, test.start).await
}

fn lease(request: &Request) -> Lease {
    let State::Running(lease) = request.state else { panic!("not running: {:?}", request.state) };
    lease
}

/// The request as a heartbeat that lists what is in flight may get it again.
async fn redelivered<S: Store>(test: &TestContext<S>, request: &Request, now: Timestamp) -> Option<Request> {
    test.claim_as(ClaimFilter::PendingOrLost, request.address, now).await
}

/// A daemon that does not list what is in flight has nothing redelivered.
pub async fn pending_filter_claims_no_lost_lease<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    assert_eq!(test.try_claim(ClaimFilter::Pending, running.address, test.at(20)).await, ClaimOutcome::Lost);
}

pub async fn claims_pending_or_lost_request<S: Store>(test: TestContext<S>) {
    let pending = test.ring(test.start).await;
    let first = redelivered(&test, &pending, test.at(1)).await.unwrap();
    assert_eq!(lease(&first).attempt, 1);
    let second = redelivered(&test, &pending, test.at(7)).await.unwrap();
    assert_eq!(lease(&second).attempt, 2);
}

pub async fn claim_of_ended_request_shows_its_end<S: Store>(test: TestContext<S>) {
    let reported = claimed(&test).await;
    test.report(reported.address, &completed("{}"), test.at(1)).await;
    let cancelled = claimed(&test).await;
    test.cancel(cancelled.address, test.at(1)).await;
    let expired = test.ring(test.start).await;
    let timed_out = test.ring(test.start).await;
    test.poll(&test.replica_b, timed_out.address, test.at(31)).await;
    for request in [reported, cancelled, expired, timed_out] {
        for filter in [ClaimFilter::Pending, ClaimFilter::PendingOrLost] {
            let claim = test.try_claim(filter, request.address, test.at(36)).await;
            assert_eq!(claim, ClaimOutcome::Ended, "{request:?}");
        }
    }
}

pub async fn claim_of_unknown_request_is_missing<S: Store>(test: TestContext<S>) {
    for filter in [ClaimFilter::Pending, ClaimFilter::PendingOrLost] {
        let claim = test.try_claim(filter, test.address(test.start), test.start).await;
        assert_eq!(claim, ClaimOutcome::Missing);
    }
}

pub async fn redelivery_counts_and_keeps_deadline<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    let second = redelivered(&test, &running, test.at(6)).await.unwrap();
    let third = redelivered(&test, &running, test.at(12)).await.unwrap();
    assert_eq!([lease(&running), lease(&second), lease(&third)].map(|lease| lease.attempt), [1, 2, 3]);
    assert_eq!((lease(&third).claimed_at, third.updated_at), (test.start, test.at(12)));
    let seen = test.poll(&test.replica_b, running.address, test.at(13)).await;
    assert_eq!(seen, Some(third));
    let expired = test.poll(&test.replica_b, running.address, test.start + RUNNING_DEADLINE + TICK).await;
    assert!(expired.unwrap().state.status().is_terminal(), "the running clock was restarted");
}

/// It would be taken from a daemon that has just got it.
pub async fn lease_younger_than_5_s_is_not_replaced<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    let due = test.start + REDELIVERY_AFTER;
    assert_eq!(redelivered(&test, &running, due).await, None);
    redelivered(&test, &running, due + TICK).await.unwrap();
    let due = due + TICK + REDELIVERY_AFTER;
    assert_eq!(redelivered(&test, &running, due).await, None);
    assert!(redelivered(&test, &running, due + TICK).await.is_some());
}

pub async fn reported_request_is_not_redelivered<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    test.report(running.address, &completed("{}"), test.at(5)).await;
    assert_eq!(redelivered(&test, &running, test.at(20)).await, None);
    let seen = test.poll(&test.replica_b, running.address, test.at(20)).await.unwrap();
    assert_eq!((seen.state, seen.updated_at), (State::from(completed("{}")), test.at(5)));
}

/// Whether or not the timeout has been written.
pub async fn expired_lease_is_not_redelivered<S: Store>(test: TestContext<S>) {
    let deadline = test.start + RUNNING_DEADLINE;
    let in_time = claimed(&test).await;
    let late = claimed(&test).await;
    assert!(redelivered(&test, &in_time, deadline).await.is_some());
    assert_eq!(redelivered(&test, &late, deadline + TICK).await, None);
}

/// The response to the redelivery was lost, and the SDK retries.
pub async fn retried_redelivery_wins_again<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    let claim = test.lease_token();
    let first = test
        .replica_a
        .claim(running.address, &test.caller, ClaimFilter::PendingOrLost, claim, test.at(6))
        .await
        .unwrap();
    let retry = test
        .replica_b
        .claim(running.address, &test.caller, ClaimFilter::PendingOrLost, claim, test.at(7))
        .await
        .unwrap();
    assert!(matches!(first, ClaimOutcome::Won(_)));
    assert_eq!(retry, first);
}

/// Two daemons work on one request.
pub async fn first_report_of_redelivered_request_counts<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    redelivered(&test, &running, test.at(6)).await.unwrap();
    assert_eq!(test.report(running.address, &completed("[1]"), test.at(7)).await, recorded(&running));
    assert_eq!(test.report(running.address, &completed("[2]"), test.at(8)).await, ReportOutcome::Stale);
    let shown = test.poll(&test.replica_b, running.address, test.at(9)).await.unwrap();
    assert_eq!((shown.state, shown.updated_at), (State::from(completed("[1]")), test.at(7)));
}
