//! Asking, and the order in which it is answered.
#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use super::Scene;
use super::scene::{answer, ids};
use crate::limits::{RING_BURST, RING_INTERVAL, WORK_HINT_LIFETIME};
use crate::rate_limit::RateLimited;
use crate::request::ClaimFilter;
use crate::store::{HeartbeatOutcome, InitiateOutcome, Store};

/// More than a look reads at once.
const MANY: usize = 20;

/// The order of asking is the order of answering.
pub async fn first_come_is_first_served<S: Store>(scene: Scene<S>) {
    let mut asked = Vec::new();
    for second in [0, 0, 1, 1, 2] {
        asked.push(scene.ring(scene.at(second)).await.address.request);
    }
    assert_eq!(scene.look(&scene.there, scene.at(3)).await, asked);
}

/// A client polls right after it asked, on whichever node, and gives up for good at the first 404.
pub async fn a_request_is_found_at_once_on_another_replica<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    assert_eq!(scene.poll(&scene.there, asked.address, scene.start).await, Some(asked));
}

/// Not what runs, is answered, has lapsed, or is another runtime's.
pub async fn only_what_waits_is_looked_at<S: Store>(scene: Scene<S>) {
    let lapsed = scene.ring(scene.at(0)).await;
    let running = scene.ring(scene.at(20)).await;
    scene.claim(running.address, scene.at(20)).await;
    let waiting = scene.ring(scene.at(21)).await;
    let other = scene.here.register(scene.registration("opencode"), scene.at(21)).await.unwrap();

    assert_eq!(scene.look(&scene.there, scene.at(31)).await, [waiting.address.request]);
    assert_ne!(waiting.address, lapsed.address);
    assert_eq!(scene.there.list_claimable(other.id, &ClaimFilter::Pending, scene.at(31)).await.unwrap(), []);
}

/// However many were asked before it, and answered.
pub async fn what_waits_behind_many_others_is_found<S: Store>(scene: Scene<S>) {
    for _ in 0..MANY {
        let asked = scene.ring(scene.start).await;
        scene.report(asked.address, &answer("{}"), scene.start).await;
    }
    let waiting = scene.ring(scene.at(1)).await;
    assert_eq!(scene.look(&scene.there, scene.at(2)).await, [waiting.address.request]);
    let candidates = scene.look_without(&[], &scene.there, scene.at(2)).await;
    assert_eq!(ids(candidates), [waiting.address.request]);
}

/// So that nobody can keep a machine busy; and a person who waits a moment is let in again.
pub async fn a_burst_of_rings_is_let_in_and_one_more_is_too_fast<S: Store>(scene: Scene<S>) {
    for _ in 0..RING_BURST {
        scene.ring(scene.start).await;
    }
    let one_more =
        scene.there.initiate(scene.address(scene.start), &scene.allowed, scene.start).await.unwrap();
    assert_eq!(one_more, InitiateOutcome::RateLimited(RateLimited { retry_after: RING_INTERVAL }));
    scene.ring(scene.start + RING_INTERVAL).await;
}

/// A ring whose answer was lost is made again, perhaps after a heartbeat has collected it.
pub async fn asking_again_begins_nothing_anew<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    let running = scene.claim(asked.address, scene.start).await;
    let again = scene.there.initiate(asked.address, &scene.allowed, scene.start).await.unwrap();
    assert!(matches!(again, InitiateOutcome::Enqueued(_)), "{again:?}");
    assert_eq!(scene.poll(&scene.there, asked.address, scene.start).await, Some(running));
}

/// It is one ring, the first of a burst or a later one.
pub async fn asking_again_takes_one_place_of_the_burst<S: Store>(scene: Scene<S>) {
    for _ in 0..RING_BURST {
        let asked = scene.ring(scene.start).await;
        let again = scene.there.initiate(asked.address, &scene.allowed, scene.start).await.unwrap();
        assert!(matches!(again, InitiateOutcome::Enqueued(_)), "{again:?}");
    }
}

/// Heartbeats look for work only then; otherwise a beat costs a write and nothing else.
pub async fn a_ring_draws_attention_for_as_long_as_it_can_be_open<S: Store>(scene: Scene<S>) {
    let attention =
        async |now| scene.there.record_heartbeat(scene.runtime, &scene.allowed, now).await.unwrap();
    assert_eq!(attention(scene.start).await, HeartbeatOutcome::Recorded { work_hint: false });
    scene.ring(scene.start).await;
    assert_eq!(attention(scene.start).await, HeartbeatOutcome::Recorded { work_hint: true });
    assert_eq!(
        attention(scene.start + WORK_HINT_LIFETIME).await,
        HeartbeatOutcome::Recorded { work_hint: true }
    );
    assert_eq!(
        attention(scene.start + WORK_HINT_LIFETIME + super::scene::TICK).await,
        HeartbeatOutcome::Recorded { work_hint: false }
    );
}
