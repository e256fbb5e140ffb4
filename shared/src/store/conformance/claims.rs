//! One winner, and the clock that the claim starts.
#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use super::Scene;
use super::scene::TICK;
use crate::request::{Delivery, Lease, State};
use crate::store::{ClaimOutcome, Store};
use doorbell_protocol::limits::PENDING_DEADLINE;

/// Whoever comes second has lost, on whichever node.
pub async fn a_claim_is_won_once<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    scene.claim(asked.address, scene.at(1)).await;
    let second =
        scene.there.claim(asked.address, Delivery::First, scene.claim_id(), scene.at(1)).await.unwrap();
    assert_eq!(second, ClaimOutcome::Lost);
}

/// A claim whose answer was lost on the way is made again by the SDK, and must not lose against itself.
pub async fn the_same_claim_again_is_won_again<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    let claim = scene.claim_id();
    let first = scene.here.claim(asked.address, Delivery::First, claim, scene.at(1)).await.unwrap();
    let again = scene.there.claim(asked.address, Delivery::First, claim, scene.at(2)).await.unwrap();
    assert!(matches!(first, ClaimOutcome::Won(_)));
    assert_eq!(again, first);
}

/// At the deadline it can, after it it cannot.
pub async fn a_lapsed_request_cannot_be_claimed<S: Store>(scene: Scene<S>) {
    let (in_time, too_late) = (scene.ring(scene.start).await, scene.ring(scene.start).await);
    let deadline = scene.start + PENDING_DEADLINE;
    scene.claim(in_time.address, deadline).await;
    assert_eq!(scene.claim_as(Delivery::First, too_late.address, deadline + TICK).await, None);
}

/// The original dropped it on the way to Redis, and the running time-out never fired on another node.
pub async fn the_start_of_the_run_survives_storage<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    let claim = scene.claim_id();
    scene.here.claim(asked.address, Delivery::First, claim, scene.at(7)).await.unwrap();
    let seen = scene.poll(&scene.there, asked.address, scene.at(20)).await.unwrap();
    assert_eq!(seen.state, State::Running(Lease { claimed_at: scene.at(7), token: claim, attempt: 1 }));
    assert_eq!((seen.created_at, seen.updated_at), (scene.start, scene.at(7)));
}
