//! Everything at once, from both replicas.
#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::Scene;
use super::scene::{TICK, again, answer, recorded};
use crate::request::{Address, ClaimFilter, Delivery, State};
use crate::store::{ClaimOutcome, PollOutcome, Store};
use doorbell_protocol::RequestId;
use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::PENDING_DEADLINE;

/// How many heartbeats race for one request.
pub const HEARTBEATS: usize = 16;

/// How many polls race for one lapse.
const POLLS: u32 = 16;

/// Claims one request that way from both replicas at once, and says how many of the claims were won.
async fn race<S: Store>(scene: &Scene<S>, address: Address, delivery: Delivery, now: Timestamp) -> usize {
    let claims = (0..HEARTBEATS).map(|number| {
        let replica = if number % 2 == 0 { &scene.here } else { &scene.there };
        async move {
            let claim = replica.claim(address, delivery, scene.claim_id(), now).await.unwrap();
            matches!(claim, ClaimOutcome::Won(_))
        }
    });
    join_all(claims).await.into_iter().filter(|won| *won).count()
}

/// The store's answer to the race that a Redis list wins by popping.
pub async fn sixteen_heartbeats_claim_one_request_once<S: Store>(scene: Scene<S>) {
    for round in 0..20 {
        let asked = scene.ring(scene.start).await;
        let winners = race(&scene, asked.address, Delivery::First, scene.at(1)).await;
        assert_eq!(winners, 1, "winners in round {round}");
    }
}

/// All of them have seen the same claim go astray, and one of them replaces it.
pub async fn sixteen_heartbeats_redeliver_one_request_once<S: Store>(scene: Scene<S>) {
    for round in 0..20 {
        let asked = scene.ring(scene.start).await;
        let running = scene.claim(asked.address, scene.start).await;
        let winners = race(&scene, asked.address, again(&running), scene.at(6)).await;
        assert_eq!(winners, 1, "winners in round {round}");
    }
}

/// The answer comes home just as its request is handed out again: it is stored, and no redelivery reopens it.
pub async fn a_report_and_a_redelivery_leave_the_report<S: Store>(scene: Scene<S>) {
    for round in 0..20 {
        let asked = scene.ring(scene.start).await;
        let running = scene.claim(asked.address, scene.start).await;
        let outcome = answer("{}");
        let report = scene.there.report(asked.address, &scene.allowed, &outcome, scene.at(6));
        let redelivery = scene.claim_as(again(&running), asked.address, scene.at(6));
        // A store that never waits has done the first before it begins the second.
        let reported = match round % 2 {
            0 => tokio::join!(report, redelivery).0,
            _ => tokio::join!(redelivery, report).1,
        };
        assert_eq!(reported.unwrap(), recorded(&asked));
        let end = scene.poll(&scene.here, asked.address, scene.at(6)).await.unwrap();
        assert_eq!(end.state, State::from(outcome));
    }
}

/// By one node's clock the report is in time, by the other's the request has lapsed: one of them is right, for good.
pub async fn a_report_and_a_time_out_leave_one_outcome<S: Store>(scene: Scene<S>) {
    let (in_time, lapsed) = (scene.start + PENDING_DEADLINE, scene.at(31));
    for round in 0..20 {
        let asked = scene.ring(scene.start).await;
        let outcome = answer("{}");
        let report = scene.here.report(asked.address, &scene.allowed, &outcome, in_time);
        let poll = scene.poll(&scene.there, asked.address, lapsed);
        let (reported, polled) = match round % 2 {
            0 => tokio::join!(report, poll),
            _ => {
                let (polled, reported) = tokio::join!(poll, report);
                (reported, polled)
            }
        };
        let end = scene.poll(&scene.here, asked.address, lapsed).await.unwrap();
        let recorded = reported.unwrap() == recorded(&asked);
        assert_eq!(recorded, end.state == State::from(outcome), "acknowledged is not what is stored");
        assert_eq!(polled, Some(end), "a terminal state was shown and has changed");
    }
}

/// Whoever counts time-outs counts each once, however many are waiting for it.
pub async fn sixteen_polls_write_a_lapse_down_once<S: Store>(scene: Scene<S>) {
    let scene = &scene;
    for round in 0..20 {
        let asked = scene.ring(scene.start).await;
        let polls = (0..POLLS).map(|number| {
            let replica = if number % 2 == 0 { &scene.here } else { &scene.there };
            let now = scene.at(31) + TICK * number;
            async move { replica.poll(asked.address, &scene.allowed, now).await.unwrap() }
        });
        let polls = join_all(polls).await;
        let wrote = polls.iter().filter(|polled| matches!(polled, PollOutcome::TimedOut(_))).count();
        assert_eq!(wrote, 1, "written down in round {round}");
    }
}

/// Each of many requests goes to exactly one of many heartbeats.
pub async fn heartbeats_share_out_a_queue<S: Store>(scene: Scene<S>) {
    let mut asked = BTreeSet::new();
    for _ in 0..HEARTBEATS {
        asked.insert(scene.ring(scene.start).await.address.request);
    }
    let taken = join_all((0..HEARTBEATS).map(|number| {
        let replica = if number % 2 == 0 { &scene.here } else { &scene.there };
        take_first(&scene, replica)
    }));
    let taken: Vec<RequestId> = taken.await.into_iter().flatten().collect();
    assert_eq!(taken.len(), HEARTBEATS);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), asked);
}

async fn take_first<S: Store>(scene: &Scene<S>, replica: &S) -> Option<RequestId> {
    for candidate in replica.list_claimable(scene.runtime, &ClaimFilter::Pending, scene.at(1)).await.unwrap()
    {
        let address = Address { runtime: scene.runtime, request: candidate.request, kind: candidate.kind };
        let claim = replica.claim(address, candidate.delivery, scene.claim_id(), scene.at(1)).await.unwrap();
        if matches!(claim, ClaimOutcome::Won(_)) {
            return Some(candidate.request);
        }
    }
    None
}
