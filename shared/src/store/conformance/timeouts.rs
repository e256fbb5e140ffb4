//! Nothing is stuck, and a time-out that was shown stays.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a case fails by panicking")]

use super::Scene;
use super::scene::{TICK, answer};
use crate::request::{State, TimeoutReason};
use crate::store::{PollOutcome, ReportOutcome, Store};
use doorbell_protocol::limits::{PENDING_DEADLINE, RUNNING_DEADLINE};

/// At thirty seconds it waits, after them it has timed out.
pub async fn pending_times_out_after_thirty_seconds<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    let deadline = scene.start + PENDING_DEADLINE;
    assert_eq!(scene.poll(&scene.here, asked.address, deadline).await, Some(asked.clone()));
    let timed_out = scene.poll(&scene.here, asked.address, deadline + TICK).await.unwrap();
    assert_eq!(timed_out.state, State::Timeout(TimeoutReason::NotClaimed));
    assert_eq!((timed_out.created_at, timed_out.updated_at), (scene.start, deadline + TICK));
}

/// The clock of the run starts at the claim and nowhere else.
pub async fn running_times_out_sixty_seconds_after_the_claim<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    let running = scene.claim(asked.address, scene.at(29)).await;
    let deadline = scene.at(29) + RUNNING_DEADLINE;
    assert_eq!(scene.poll(&scene.there, asked.address, deadline).await, Some(running));
    let timed_out = scene.poll(&scene.there, asked.address, deadline + TICK).await.unwrap();
    assert_eq!(timed_out.state, State::Timeout(TimeoutReason::NotReported));
}

/// The poll that finds a lapse says so, and no later one.
pub async fn a_time_out_is_told_from_one_that_was_written_before<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    let first = scene.here.poll(asked.address, &scene.allowed, scene.at(31)).await.unwrap();
    let PollOutcome::TimedOut(timed_out) = first else { panic!("not timed out by this poll: {first:?}") };
    let later = scene.there.poll(asked.address, &scene.allowed, scene.at(31)).await.unwrap();
    assert_eq!(later, PollOutcome::Found(timed_out));
}

/// A report that comes after somebody has seen the time-out changes nothing.
pub async fn a_time_out_is_for_ever<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    let timed_out = scene.poll(&scene.here, asked.address, scene.at(31)).await.unwrap();
    assert_eq!(scene.report(asked.address, &answer("{}"), scene.at(32)).await, ReportOutcome::Stale);
    assert_eq!(scene.poll(&scene.there, asked.address, scene.at(33)).await, Some(timed_out));
}

/// By its own clock the request is still open, but another node has shown the time-out already.
pub async fn a_replica_with_a_slower_clock_tells_the_same_story<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    let timed_out = scene.poll(&scene.here, asked.address, scene.at(31)).await;
    assert_eq!(scene.poll(&scene.there, asked.address, scene.at(29)).await, timed_out);
    assert_eq!(scene.report(asked.address, &answer("{}"), scene.at(29)).await, ReportOutcome::Stale);
}
