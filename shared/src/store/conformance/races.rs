//! Concurrent operations from both replicas.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::TestContext;
use super::context::{TICK, completed, recorded};
use crate::catalog::CatalogUpdate;
use crate::request::{Address, ClaimFilter, KindFilter, Ring, State};
use crate::store::{CancelOutcome, ClaimOutcome, InitiateOutcome, PollOutcome, ReportOutcome, Store};
use doorbell_protocol::RequestId;
use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::{OPEN_REQUESTS_PER_RUNTIME, PENDING_DEADLINE};

/// How many heartbeats race for one request.
pub const HEARTBEATS: usize = 16;

const POLLS: u32 = 16;

/// Claims one request from both replicas at once; returns the number of winners.
async fn race<S: Store>(
    test: &TestContext<S>,
    address: Address,
    filter: ClaimFilter,
    now: Timestamp,
) -> usize {
    let claims = (0..HEARTBEATS).map(|number| {
        let replica = if number % 2 == 0 { &test.replica_a } else { &test.replica_b };
        async move {
            let claim = replica.claim(address, &test.caller, filter, test.lease_token(), now).await.unwrap();
            matches!(claim, ClaimOutcome::Won(_))
        }
    });
    join_all(claims).await.into_iter().filter(|won| *won).count()
}

pub async fn sixteen_claims_have_one_winner<S: Store>(test: TestContext<S>) {
    for round in 0..20 {
        let request = test.ring(test.start).await;
        let winners = race(&test, request.address, ClaimFilter::Pending, test.at(1)).await;
        assert_eq!(winners, 1, "winners in round {round}");
    }
}

/// All have listed the same lost lease.
pub async fn sixteen_redeliveries_have_one_winner<S: Store>(test: TestContext<S>) {
    for round in 0..20 {
        let request = test.ring(test.start).await;
        test.claim(request.address, test.start).await;
        let winners = race(&test, request.address, ClaimFilter::PendingOrLost, test.at(6)).await;
        assert_eq!(winners, 1, "winners in round {round}");
    }
}

pub async fn report_wins_against_redelivery<S: Store>(test: TestContext<S>) {
    for round in 0..20 {
        let request = test.ring(test.start).await;
        test.claim(request.address, test.start).await;
        let outcome = completed("{}");
        let report = test.replica_b.report(
            request.address,
            KindFilter::Any,
            &test.caller,
            &outcome,
            CatalogUpdate::Keep,
            test.at(6),
        );
        let redelivery = test.claim_as(ClaimFilter::PendingOrLost, request.address, test.at(6));
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
        let report = test.replica_a.report(
            request.address,
            KindFilter::Any,
            &test.caller,
            &outcome,
            CatalogUpdate::Keep,
            in_time,
        );
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
            async move { replica.poll(request.address, KindFilter::Any, &test.caller, now).await.unwrap() }
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
    for entry in test.open(replica, test.at(1)).await {
        let address = Address { runtime: test.runtime, request: entry.request };
        let claim =
            replica.claim(address, &test.caller, ClaimFilter::Pending, test.lease_token(), test.at(1)).await;
        if matches!(claim.unwrap(), ClaimOutcome::Won(_)) {
            return Some(entry.request);
        }
    }
    None
}

pub async fn report_and_cancellation_leave_one_outcome<S: Store>(test: TestContext<S>) {
    for round in 0..20 {
        let request = test.ring(test.start).await;
        test.claim(request.address, test.start).await;
        let outcome = completed("{}");
        let report = test.replica_b.report(
            request.address,
            KindFilter::Any,
            &test.caller,
            &outcome,
            CatalogUpdate::Keep,
            test.at(6),
        );
        let cancel = test.cancel(request.address, test.at(6));
        let (reported, cancelled) = if round % 2 == 0 {
            tokio::join!(report, cancel)
        } else {
            let (cancelled, reported) = tokio::join!(cancel, report);
            (reported, cancelled)
        };
        let end = test.poll(&test.replica_a, request.address, test.at(6)).await.unwrap();
        if end.state == State::Cancelled {
            assert_eq!(reported.unwrap(), ReportOutcome::Cancelled);
            assert_eq!(cancelled, CancelOutcome::Cancelled(end));
        } else {
            assert_eq!(reported.unwrap(), recorded(&request));
            assert_eq!(cancelled, CancelOutcome::Ended(end));
        }
    }
}

pub async fn sixteen_rings_fill_the_last_place_once<S: Store>(test: TestContext<S>) {
    let test = &test;
    for second in 0..OPEN_REQUESTS_PER_RUNTIME - 1 {
        let now = test.at(u64::try_from(second).unwrap());
        test.enqueue(&test.queued_ring(now), now).await;
    }
    let now = test.at(60);
    let rings = (0..HEARTBEATS).map(|number| {
        let replica = if number % 2 == 0 { &test.replica_a } else { &test.replica_b };
        async move { replica.initiate(&test.queued_ring(now), &test.caller, now).await.unwrap() }
    });
    let outcomes = join_all(rings).await;
    let enqueued = outcomes.iter().filter(|outcome| matches!(outcome, InitiateOutcome::Enqueued(..))).count();
    assert_eq!(enqueued, 1, "{outcomes:?}");
    assert_eq!(test.open_ids(now).await.len(), OPEN_REQUESTS_PER_RUNTIME);
}

/// Ten open tabs are one discovery.
pub async fn sixteen_joining_rings_are_one_request<S: Store>(test: TestContext<S>) {
    let test = &test;
    let rings = (0..HEARTBEATS).map(|number| {
        let replica = if number % 2 == 0 { &test.replica_a } else { &test.replica_b };
        let ring = Ring { joins: true, ..test.new_ring(test.start) };
        async move { replica.initiate(&ring, &test.caller, test.start).await.unwrap() }
    });
    let mut requests = BTreeSet::new();
    for outcome in join_all(rings).await {
        let (InitiateOutcome::Enqueued(request, _) | InitiateOutcome::Existing(request)) = outcome else {
            panic!("{outcome:?}")
        };
        requests.insert(request.address.request);
    }
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(test.open_ids(test.start).await, requests.into_iter().collect::<Vec<_>>());
}

pub async fn sixteen_rings_with_one_key_are_one_request<S: Store>(test: TestContext<S>) {
    let test = &test;
    let rings = (0..HEARTBEATS).map(|number| {
        let replica = if number % 2 == 0 { &test.replica_a } else { &test.replica_b };
        let ring = Ring { idempotency_key: Some("key".parse().unwrap()), ..test.new_ring(test.start) };
        async move { replica.initiate(&ring, &test.caller, test.start).await.unwrap() }
    });
    let outcomes = join_all(rings).await;
    let enqueued = outcomes.iter().filter(|outcome| matches!(outcome, InitiateOutcome::Enqueued(..))).count();
    let existing = outcomes.iter().filter(|outcome| matches!(outcome, InitiateOutcome::Existing(_))).count();
    assert_eq!((enqueued, existing), (1, HEARTBEATS - 1), "{outcomes:?}");
    assert_eq!(test.open_ids(test.start).await.len(), 1);
}
