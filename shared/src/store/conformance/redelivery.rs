//! A lost message costs time, not the answer: what a daemon was handed and does not have is handed out again.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a case fails by panicking")]

use super::Scene;
use super::scene::{TICK, again, answer, ids, listing, recorded};
use crate::limits::REDELIVERY_AFTER;
use crate::request::{Delivery, Lease, Request, State};
use crate::store::{Candidate, ClaimOutcome, HeartbeatOutcome, ReportOutcome, Store};
use doorbell_protocol::limits::{PENDING_DEADLINE, RUNNING_DEADLINE};

/// A request that was handed out at the start.
async fn handed_out<S: Store>(scene: &Scene<S>) -> Request {
    let asked = scene.ring(scene.start).await;
    scene.claim(asked.address, scene.start).await
}

fn run(request: &Request) -> Lease {
    let State::Running(run) = request.state else { panic!("not running: {:?}", request.state) };
    run
}

/// With the claim that a redelivery would replace.
pub async fn what_has_not_arrived_is_found_after_five_seconds<S: Store>(scene: Scene<S>) {
    let running = handed_out(&scene).await;
    let due = scene.start + REDELIVERY_AFTER;
    assert_eq!(scene.look_without(&[], &scene.there, due).await, []);
    let found =
        Candidate { request: running.address.request, kind: running.address.kind, delivery: again(&running) };
    assert_eq!(scene.look_without(&[], &scene.there, due + TICK).await, [found]);
}

/// A daemon that says nothing of what it has is handed nothing twice, as ever.
pub async fn nothing_is_found_again_unless_it_is_looked_for<S: Store>(scene: Scene<S>) {
    handed_out(&scene).await;
    assert_eq!(scene.look(&scene.there, scene.at(20)).await, []);
}

/// It arrived, and is being worked on.
pub async fn what_is_in_flight_is_not_found<S: Store>(scene: Scene<S>) {
    let (arrived, lost) = (handed_out(&scene).await, handed_out(&scene).await);
    let found = scene.look_without(&[arrived.address], &scene.there, scene.at(20)).await;
    assert_eq!(ids(found), [lost.address.request]);
}

/// The list is of the beating runtime, and says nothing of others.
pub async fn what_another_runtime_has_is_not_found<S: Store>(scene: Scene<S>) {
    handed_out(&scene).await;
    let other = scene.here.register(scene.registration("opencode"), scene.start).await.unwrap();
    assert_eq!(scene.there.list_claimable(other.id, &listing(&[]), scene.at(20)).await.unwrap(), []);
}

/// Anonymous waits for it any more.
pub async fn what_is_answered_or_has_lapsed_is_not_found<S: Store>(scene: Scene<S>) {
    let answered = handed_out(&scene).await;
    scene.report(answered.address, &answer("{}"), scene.at(1)).await;
    assert_eq!(scene.look_without(&[], &scene.there, scene.at(20)).await, []);
    let lapsing = handed_out(&scene).await;
    let deadline = scene.start + RUNNING_DEADLINE;
    let found = scene.look_without(&[], &scene.there, deadline).await;
    assert_eq!(ids(found), [lapsing.address.request]);
    assert_eq!(scene.look_without(&[], &scene.there, deadline + TICK).await, []);
}

/// Nor by a look for more than what is pending.
pub async fn what_has_lapsed_pending_is_not_found_either<S: Store>(scene: Scene<S>) {
    scene.ring(scene.start).await;
    let found = scene.look_without(&[], &scene.there, scene.start + PENDING_DEADLINE + TICK).await;
    assert_eq!(found, []);
}

/// First come, first served, whether or not it was handed out before.
pub async fn the_oldest_comes_first_whether_pending_or_handed_out<S: Store>(scene: Scene<S>) {
    let mut asked = Vec::new();
    for second in 0..4 {
        asked.push(scene.ring(scene.at(second)).await.address);
    }
    scene.claim(asked[0], scene.at(4)).await;
    scene.claim(asked[2], scene.at(4)).await;
    let found = scene.look_without(&[], &scene.there, scene.at(10)).await;
    let firsts: Vec<bool> = found.iter().map(|candidate| candidate.delivery == Delivery::First).collect();
    assert_eq!(firsts, [false, true, false, true]);
    let asked: Vec<_> = asked.iter().map(|address| address.request).collect();
    assert_eq!(ids(found), asked);
}

/// Claimed as late as can be and running as long as can be: heartbeats still look, and look so far back.
pub async fn the_oldest_request_that_can_run_is_found<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    let running = scene.claim(asked.address, scene.start + PENDING_DEADLINE).await;
    let last = scene.start + PENDING_DEADLINE + RUNNING_DEADLINE;
    let beat = scene.there.record_heartbeat(scene.runtime, &scene.allowed, last).await.unwrap();
    assert_eq!(beat, HeartbeatOutcome::Recorded { work_hint: true });
    let found = scene.look_without(&[], &scene.there, last).await;
    assert_eq!(ids(found), [running.address.request]);
}

/// It is the same run, handed out once more.
pub async fn a_redelivery_counts_and_leaves_the_running_clock<S: Store>(scene: Scene<S>) {
    let running = handed_out(&scene).await;
    let second = scene.claim_as(again(&running), running.address, scene.at(6)).await.unwrap();
    let third = scene.claim_as(again(&second), running.address, scene.at(12)).await.unwrap();
    assert_eq!([run(&running), run(&second), run(&third)].map(|run| run.attempt), [1, 2, 3]);
    assert_eq!((run(&third).claimed_at, third.updated_at), (scene.start, scene.at(12)));
    let seen = scene.poll(&scene.there, running.address, scene.at(13)).await;
    assert_eq!(seen, Some(third));
    let lapsed = scene.poll(&scene.there, running.address, scene.start + RUNNING_DEADLINE + TICK).await;
    assert!(lapsed.unwrap().state.status().is_terminal(), "the running clock was restarted");
}

/// Also not by a beat whose look was made before the claim: it would take the request from a daemon that has it.
pub async fn a_claim_less_than_five_seconds_old_is_not_replaced<S: Store>(scene: Scene<S>) {
    let running = handed_out(&scene).await;
    let due = scene.start + REDELIVERY_AFTER;
    assert_eq!(scene.claim_as(again(&running), running.address, due).await, None);
    let second = scene.claim_as(again(&running), running.address, due + TICK).await.unwrap();
    let due = due + TICK + REDELIVERY_AFTER;
    assert_eq!(scene.claim_as(again(&second), running.address, due).await, None);
    assert!(scene.claim_as(again(&second), running.address, due + TICK).await.is_some());
}

/// Whoever saw the claim before has lost, however old the claim is that came in between.
pub async fn only_the_claim_that_was_seen_is_replaced<S: Store>(scene: Scene<S>) {
    let running = handed_out(&scene).await;
    scene.claim_as(again(&running), running.address, scene.at(6)).await.unwrap();
    assert_eq!(scene.claim_as(again(&running), running.address, scene.at(20)).await, None);
}

/// An answered request keeps the claim that it was answered under.
pub async fn what_is_answered_is_not_handed_out_again<S: Store>(scene: Scene<S>) {
    let running = handed_out(&scene).await;
    scene.report(running.address, &answer("{}"), scene.at(5)).await;
    assert_eq!(scene.claim_as(again(&running), running.address, scene.at(20)).await, None);
    let seen = scene.poll(&scene.there, running.address, scene.at(20)).await.unwrap();
    assert_eq!((seen.state, seen.updated_at), (State::from(answer("{}")), scene.at(5)));
}

/// At the deadline it can, after it it cannot, whether or not anyone has written the lapse down.
pub async fn what_has_lapsed_is_not_handed_out_again<S: Store>(scene: Scene<S>) {
    let deadline = scene.start + RUNNING_DEADLINE;
    let (in_time, late) = (handed_out(&scene).await, handed_out(&scene).await);
    assert!(scene.claim_as(again(&in_time), in_time.address, deadline).await.is_some());
    assert_eq!(scene.claim_as(again(&late), late.address, deadline + TICK).await, None);
}

/// A replacing claim whose answer was lost is made again by the SDK, and must not lose against itself.
pub async fn the_same_redelivery_again_is_won_again<S: Store>(scene: Scene<S>) {
    let running = handed_out(&scene).await;
    let claim = scene.claim_id();
    let first = scene.here.claim(running.address, again(&running), claim, scene.at(6)).await.unwrap();
    let retry = scene.there.claim(running.address, again(&running), claim, scene.at(7)).await.unwrap();
    assert!(matches!(first, ClaimOutcome::Won(_)));
    assert_eq!(retry, first);
}

/// Two daemons work on one request; the first to report has answered it.
pub async fn the_first_report_of_a_redelivered_request_stays<S: Store>(scene: Scene<S>) {
    let running = handed_out(&scene).await;
    scene.claim_as(again(&running), running.address, scene.at(6)).await.unwrap();
    assert_eq!(scene.report(running.address, &answer("[1]"), scene.at(7)).await, recorded(&running));
    assert_eq!(scene.report(running.address, &answer("[2]"), scene.at(8)).await, ReportOutcome::Stale);
    let shown = scene.poll(&scene.there, running.address, scene.at(9)).await.unwrap();
    assert_eq!((shown.state, shown.updated_at), (State::from(answer("[1]")), scene.at(7)));
}
