//! What is past its retention does not exist, whether or not it has been deleted.
#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use super::Scene;
use super::scene::{TICK, answer};
use crate::limits::RUNTIME_RETENTION;
use crate::store::{DeregisterOutcome, HeartbeatOutcome, InitiateOutcome, ReportOutcome, Store};
use doorbell_protocol::limits::RETENTION;

/// And gone for the report that comes after.
pub async fn a_request_is_readable_for_two_minutes_after_its_last_change<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    scene.report(asked.address, &answer("{}"), scene.at(20)).await;
    let end = scene.at(20) + RETENTION;
    assert!(scene.poll(&scene.here, asked.address, end).await.is_some());
    assert_eq!(scene.poll(&scene.here, asked.address, end + TICK).await, None);
    assert_eq!(scene.report(asked.address, &answer("{}"), end + TICK).await, ReportOutcome::NotFound);
}

/// Its daemon is told so, and registers anew.
pub async fn a_runtime_is_forgotten_a_week_after_its_last_beat<S: Store>(scene: Scene<S>) {
    let end = scene.start + RUNTIME_RETENTION;
    let known = scene.here.list_runtimes(scene.workspace, end).await.unwrap();
    assert_eq!(known.len(), 1);
    let gone = end + TICK;
    assert_eq!(scene.here.list_runtimes(scene.workspace, gone).await.unwrap(), []);
    assert_eq!(
        scene.here.initiate(scene.address(gone), &scene.allowed, gone).await.unwrap(),
        InitiateOutcome::NotFound
    );
    assert_eq!(
        scene.here.record_heartbeat(scene.runtime, &scene.allowed, gone).await.unwrap(),
        HeartbeatOutcome::NotFound
    );
    let deregistered = scene.here.deregister(scene.runtime, &scene.allowed, gone).await.unwrap();
    assert_eq!(deregistered, DeregisterOutcome::NotFound);
}
