//! Claims, leases and redelivery: one winner, and a lost response costs time, not the result.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use doorbell_protocol::limits::{PENDING_DEADLINE, RUNNING_DEADLINE};

use super::TestContext;
use super::context::{TICK, completed, ids, in_flight_filter, recorded, redelivery};
use crate::limits::REDELIVERY_AFTER;
use crate::request::{Delivery, Lease, Request, State};
use crate::store::{Candidate, ClaimOutcome, HeartbeatOutcome, ReportOutcome, Store};

pub async fn pending_request_is_claimed_once<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.claim(request.address, test.at(1)).await;
    let second = test
        .replica_b
        .claim(request.address, &test.caller, Delivery::First, test.lease_token(), test.at(1))
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
        .claim(request.address, &test.caller, Delivery::First, claim, test.at(1))
        .await
        .unwrap();
    let retry = test
        .replica_b
        .claim(request.address, &test.caller, Delivery::First, claim, test.at(2))
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
    assert_eq!(test.claim_as(Delivery::First, too_late.address, deadline + TICK).await, None);
}

/// The reference server lost `claimed_at` in Redis, so its running timeout never fired on other replicas.
pub async fn lease_survives_storage<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let claim = test.lease_token();
    test.replica_a.claim(request.address, &test.caller, Delivery::First, claim, test.at(7)).await.unwrap();
    let seen = test.poll(&test.replica_b, request.address, test.at(20)).await.unwrap();
    assert_eq!(seen.state, State::Running(Lease { claimed_at: test.at(7), token: claim, attempt: 1 }));
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

pub async fn lists_lost_lease_after_5_s<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    let due = test.start + REDELIVERY_AFTER;
    assert_eq!(test.list_with_in_flight(&[], &test.replica_b, due).await, []);
    let found = Candidate {
        request: running.address.request,
        kind: running.address.kind,
        delivery: redelivery(&running),
    };
    assert_eq!(test.list_with_in_flight(&[], &test.replica_b, due + TICK).await, [found]);
}

/// A daemon that does not list what is in flight has nothing redelivered.
pub async fn pending_filter_lists_no_lost_lease<S: Store>(test: TestContext<S>) {
    claimed(&test).await;
    assert_eq!(test.list_pending(&test.replica_b, test.at(20)).await, []);
}

pub async fn lists_no_request_in_flight<S: Store>(test: TestContext<S>) {
    let arrived = claimed(&test).await;
    let lost = claimed(&test).await;
    let found = test.list_with_in_flight(&[arrived.address], &test.replica_b, test.at(20)).await;
    assert_eq!(ids(found), [lost.address.request]);
}

pub async fn lists_no_lease_of_another_runtime<S: Store>(test: TestContext<S>) {
    claimed(&test).await;
    let other = test.register(&test.replica_a, test.registration("opencode"), test.start).await;
    assert_eq!(
        test.replica_b.list_claimable(other.id, &in_flight_filter(&[]), test.at(20)).await.unwrap(),
        []
    );
}

pub async fn lists_no_ended_lease<S: Store>(test: TestContext<S>) {
    let reported = claimed(&test).await;
    test.report(reported.address, &completed("{}"), test.at(1)).await;
    assert_eq!(test.list_with_in_flight(&[], &test.replica_b, test.at(20)).await, []);
    let expiring = claimed(&test).await;
    let deadline = test.start + RUNNING_DEADLINE;
    let found = test.list_with_in_flight(&[], &test.replica_b, deadline).await;
    assert_eq!(ids(found), [expiring.address.request]);
    assert_eq!(test.list_with_in_flight(&[], &test.replica_b, deadline + TICK).await, []);
}

pub async fn lists_no_expired_pending_request<S: Store>(test: TestContext<S>) {
    test.ring(test.start).await;
    let found = test.list_with_in_flight(&[], &test.replica_b, test.start + PENDING_DEADLINE + TICK).await;
    assert_eq!(found, []);
}

pub async fn lists_pending_and_lost_by_age<S: Store>(test: TestContext<S>) {
    let mut request = Vec::new();
    for second in 0..4 {
        request.push(test.ring(test.at(second)).await.address);
    }
    test.claim(request[0], test.at(4)).await;
    test.claim(request[2], test.at(4)).await;
    let found = test.list_with_in_flight(&[], &test.replica_b, test.at(10)).await;
    let firsts: Vec<bool> = found.iter().map(|candidate| candidate.delivery == Delivery::First).collect();
    assert_eq!(firsts, [false, true, false, true]);
    let request: Vec<_> = request.iter().map(|address| address.request).collect();
    assert_eq!(ids(found), request);
}

/// Claimed and running as late as possible: the work hint and the range read reach that far.
pub async fn lists_oldest_possible_lease<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let running = test.claim(request.address, test.start + PENDING_DEADLINE).await;
    let last = test.start + PENDING_DEADLINE + RUNNING_DEADLINE;
    let outcome = test.replica_b.record_heartbeat(test.runtime, &test.caller, last).await.unwrap();
    assert_eq!(outcome, HeartbeatOutcome::Recorded { work_hint: true, listing_due: None });
    let found = test.list_with_in_flight(&[], &test.replica_b, last).await;
    assert_eq!(ids(found), [running.address.request]);
}

pub async fn redelivery_counts_and_keeps_deadline<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    let second = test.claim_as(redelivery(&running), running.address, test.at(6)).await.unwrap();
    let third = test.claim_as(redelivery(&second), running.address, test.at(12)).await.unwrap();
    assert_eq!([lease(&running), lease(&second), lease(&third)].map(|lease| lease.attempt), [1, 2, 3]);
    assert_eq!((lease(&third).claimed_at, third.updated_at), (test.start, test.at(12)));
    let seen = test.poll(&test.replica_b, running.address, test.at(13)).await;
    assert_eq!(seen, Some(third));
    let expired = test.poll(&test.replica_b, running.address, test.start + RUNNING_DEADLINE + TICK).await;
    assert!(expired.unwrap().state.status().is_terminal(), "the running clock was restarted");
}

/// A heartbeat may have listed before the claim: it would take the request from a daemon that has it.
pub async fn lease_younger_than_5_s_is_not_replaced<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    let due = test.start + REDELIVERY_AFTER;
    assert_eq!(test.claim_as(redelivery(&running), running.address, due).await, None);
    let second = test.claim_as(redelivery(&running), running.address, due + TICK).await.unwrap();
    let due = due + TICK + REDELIVERY_AFTER;
    assert_eq!(test.claim_as(redelivery(&second), running.address, due).await, None);
    assert!(test.claim_as(redelivery(&second), running.address, due + TICK).await.is_some());
}

pub async fn replaces_only_the_listed_lease<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    test.claim_as(redelivery(&running), running.address, test.at(6)).await.unwrap();
    assert_eq!(test.claim_as(redelivery(&running), running.address, test.at(20)).await, None);
}

pub async fn reported_request_is_not_redelivered<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    test.report(running.address, &completed("{}"), test.at(5)).await;
    assert_eq!(test.claim_as(redelivery(&running), running.address, test.at(20)).await, None);
    let seen = test.poll(&test.replica_b, running.address, test.at(20)).await.unwrap();
    assert_eq!((seen.state, seen.updated_at), (State::from(completed("{}")), test.at(5)));
}

/// Whether or not the timeout has been written.
pub async fn expired_lease_is_not_redelivered<S: Store>(test: TestContext<S>) {
    let deadline = test.start + RUNNING_DEADLINE;
    let in_time = claimed(&test).await;
    let late = claimed(&test).await;
    assert!(test.claim_as(redelivery(&in_time), in_time.address, deadline).await.is_some());
    assert_eq!(test.claim_as(redelivery(&late), late.address, deadline + TICK).await, None);
}

/// The response to the redelivery was lost, and the SDK retries.
pub async fn retried_redelivery_wins_again<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    let claim = test.lease_token();
    let first = test
        .replica_a
        .claim(running.address, &test.caller, redelivery(&running), claim, test.at(6))
        .await
        .unwrap();
    let retry = test
        .replica_b
        .claim(running.address, &test.caller, redelivery(&running), claim, test.at(7))
        .await
        .unwrap();
    assert!(matches!(first, ClaimOutcome::Won(_)));
    assert_eq!(retry, first);
}

/// Two daemons work on one request.
pub async fn first_report_of_redelivered_request_counts<S: Store>(test: TestContext<S>) {
    let running = claimed(&test).await;
    test.claim_as(redelivery(&running), running.address, test.at(6)).await.unwrap();
    assert_eq!(test.report(running.address, &completed("[1]"), test.at(7)).await, recorded(&running));
    assert_eq!(test.report(running.address, &completed("[2]"), test.at(8)).await, ReportOutcome::Stale);
    let shown = test.poll(&test.replica_b, running.address, test.at(9)).await.unwrap();
    assert_eq!((shown.state, shown.updated_at), (State::from(completed("[1]")), test.at(7)));
}
