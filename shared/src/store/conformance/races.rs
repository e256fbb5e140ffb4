//! Concurrent operations from both replicas.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::TestContext;
use super::context::{TICK, completed, recorded, redelivery};
use crate::request::{Address, ClaimFilter, Delivery, State};
use crate::store::{ClaimOutcome, PollOutcome, Store};
use doorbell_protocol::RequestId;
use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::PENDING_DEADLINE;

/// How many heartbeats race for one request.
pub const HEARTBEATS: usize = 16;

const POLLS: u32 = 16;

/// Claims one request from both replicas at once; returns the number of winners.
async fn race<S: Store>(
    test: &TestContext<S>,
    address: Address,
    delivery: Delivery,
    now: Timestamp,
) -> usize {
    let claims = (0..HEARTBEATS).map(|number| {
        let replica = if number % 2 == 0 { &test.replica_a } else { &test.replica_b };
        async move {
            let claim =
                replica.claim(address, &test.caller, delivery, test.lease_token(), now).await.unwrap();
            matches!(claim, ClaimOutcome::Won(_))
        }
    });
    join_all(claims).await.into_iter().filter(|won| *won).count()
}

pub async fn sixteen_claims_have_one_winner<S: Store>(test: TestContext<S>) {
    for round in 0..20 {
        let request = test.ring(test.start).await;
        let winners = race(&test, request.address, Delivery::First, test.at(1)).await;
        assert_eq!(winners, 1, "winners in round {round}");
    }
}

/// All have listed the same lost lease.
pub async fn sixteen_redeliveries_have_one_winner<S: Store>(test: TestContext<S>) {
    for round in 0..20 {
        let request = test.ring(test.start).await;
        let running = test.claim(request.address, test.start).await;
        let winners = race(&test, request.address, redelivery(&running), test.at(6)).await;
        assert_eq!(winners, 1, "winners in round {round}");
    }
}

pub async fn report_wins_against_redelivery<S: Store>(test: TestContext<S>) {
    for round in 0..20 {
        let request = test.ring(test.start).await;
        let running = test.claim(request.address, test.start).await;
        let outcome = completed("{}");
        let report = test.replica_b.report(request.address, &test.caller, &outcome, test.at(6));
        let redelivery = test.claim_as(redelivery(&running), request.address, test.at(6));
        // A store that never waits has done the first before it begins the second.
        let reported = if round % 2 == 0 {
            tokio::join!(report, redelivery).0
        } else {
            tokio::join!(redelivery, report).1
        };
        assert_eq!(reported.unwrap(), recorded(&request));
        let end = test.poll(&test.replica_a, request.address, test.at(6)).await.unwrap();
        assert_eq!(end.state, State::from(outcome));
    }
}

/// By one replica's clock the report is in time, by the other's the request has expired.
pub async fn report_and_timeout_leave_one_outcome<S: Store>(test: TestContext<S>) {
    let in_time = test.start + PENDING_DEADLINE;
    let expired = test.at(31);
    for round in 0..20 {
        let request = test.ring(test.start).await;
        let outcome = completed("{}");
        let report = test.replica_a.report(request.address, &test.caller, &outcome, in_time);
        let poll = test.poll(&test.replica_b, request.address, expired);
        let (reported, polled) = if round % 2 == 0 {
            tokio::join!(report, poll)
        } else {
            let (polled, reported) = tokio::join!(poll, report);
            (reported, polled)
        };
        let end = test.poll(&test.replica_a, request.address, expired).await.unwrap();
        let recorded = reported.unwrap() == recorded(&request);
        assert_eq!(recorded, end.state == State::from(outcome), "acknowledged is not what is stored");
        assert_eq!(polled, Some(end), "a terminal state was shown and has changed");
    }
}

pub async fn sixteen_polls_write_one_timeout<S: Store>(test: TestContext<S>) {
    let test = &test;
    for round in 0..20 {
        let request = test.ring(test.start).await;
        let polls = (0..POLLS).map(|number| {
            let replica = if number % 2 == 0 { &test.replica_a } else { &test.replica_b };
            let now = test.at(31) + TICK * number;
            async move { replica.poll(request.address, &test.caller, now).await.unwrap() }
        });
        let polls = join_all(polls).await;
        let wrote = polls.iter().filter(|polled| matches!(polled, PollOutcome::TimedOut(_))).count();
        assert_eq!(wrote, 1, "written down in round {round}");
    }
}

pub async fn heartbeats_share_a_queue<S: Store>(test: TestContext<S>) {
    let mut request = BTreeSet::new();
    for _ in 0..HEARTBEATS {
        request.insert(test.ring(test.start).await.address.request);
    }
    let taken = join_all((0..HEARTBEATS).map(|number| {
        let replica = if number % 2 == 0 { &test.replica_a } else { &test.replica_b };
        take_first(&test, replica)
    }));
    let taken: Vec<RequestId> = taken.await.into_iter().flatten().collect();
    assert_eq!(taken.len(), HEARTBEATS);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), request);
}

async fn take_first<S: Store>(test: &TestContext<S>, replica: &S) -> Option<RequestId> {
    for candidate in replica.list_claimable(test.runtime, &ClaimFilter::Pending, test.at(1)).await.unwrap() {
        let address = Address { runtime: test.runtime, request: candidate.request, kind: candidate.kind };
        let claim = replica
            .claim(address, &test.caller, candidate.delivery, test.lease_token(), test.at(1))
            .await
            .unwrap();
        if matches!(claim, ClaimOutcome::Won(_)) {
            return Some(candidate.request);
        }
    }
    None
}
