//! Knowing runtimes, and whether they can be rung.
#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use super::Scene;
use super::scene::TICK;
use crate::runtime::Registration;
use crate::store::{DeregisterOutcome, HeartbeatOutcome, InitiateOutcome, Store};
use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::ONLINE_WINDOW;

async fn rung<S: Store>(scene: &Scene<S>, now: Timestamp) -> InitiateOutcome {
    scene.there.initiate(scene.address(now), &scene.allowed, now).await.unwrap()
}

/// What has changed is taken over.
pub async fn registering_again_keeps_id_and_first_date<S: Store>(scene: Scene<S>) {
    let renamed =
        Registration { name: "Renamed".to_owned().try_into().unwrap(), ..scene.registration("codex") };
    let runtime = scene.there.register(renamed, scene.at(9)).await.unwrap();
    assert_eq!((runtime.id, runtime.name.as_str()), (scene.runtime, "Renamed"));
    assert_eq!((runtime.registered_at, runtime.last_seen_at), (scene.start, scene.at(9)));
}

/// Three beats missed.
pub async fn a_runtime_goes_offline_without_beats<S: Store>(scene: Scene<S>) {
    let last = scene.start + ONLINE_WINDOW;
    assert!(matches!(rung(&scene, last).await, InitiateOutcome::Enqueued(_)));
    assert_eq!(rung(&scene, last + TICK).await, InitiateOutcome::Offline);
    scene.here.record_heartbeat(scene.runtime, &scene.allowed, last).await.unwrap();
    assert!(matches!(rung(&scene, last + TICK).await, InitiateOutcome::Enqueued(_)));
}

/// Anonymous rings it and waits.
pub async fn deregistering_takes_a_runtime_offline_at_once<S: Store>(scene: Scene<S>) {
    let done = scene.here.deregister(scene.runtime, &scene.allowed, scene.at(1)).await.unwrap();
    assert_eq!(done, DeregisterOutcome::Deregistered);
    assert_eq!(rung(&scene, scene.at(1)).await, InitiateOutcome::Offline);
    let listed = scene.there.list_runtimes(scene.workspace, scene.at(1)).await.unwrap();
    assert!(!listed[0].is_online(scene.at(1)));
}

/// Its daemon runs after all.
pub async fn a_beat_brings_a_deregistered_runtime_back<S: Store>(scene: Scene<S>) {
    scene.here.deregister(scene.runtime, &scene.allowed, scene.at(1)).await.unwrap();
    scene.there.record_heartbeat(scene.runtime, &scene.allowed, scene.at(2)).await.unwrap();
    assert!(matches!(rung(&scene, scene.at(2)).await, InitiateOutcome::Enqueued(_)));
}

/// Known, and not to be rung.
pub async fn a_runtime_may_register_as_offline<S: Store>(scene: Scene<S>) {
    let offline = Registration { online: false, ..scene.registration("codex") };
    let runtime = scene.here.register(offline, scene.at(1)).await.unwrap();
    assert!(!runtime.is_online(scene.at(1)));
    assert_eq!(rung(&scene, scene.at(1)).await, InitiateOutcome::Offline);
}

/// More of them than one batch holds.
pub async fn every_runtime_of_a_workspace_is_listed<S: Store>(scene: Scene<S>) {
    let mut expected = vec![scene.runtime];
    for number in 0..120 {
        let runtime = scene.here.register(scene.registration(&format!("agent-{number}")), scene.start).await;
        expected.push(runtime.unwrap().id);
    }
    let listed = scene.there.list_runtimes(scene.workspace, scene.at(1)).await.unwrap();
    let mut listed: Vec<_> = listed.into_iter().map(|runtime| runtime.id).collect();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

/// And is told so: its daemon then registers it.
pub async fn an_unknown_runtime_cannot_be_rung_or_beat<S: Store>(scene: Scene<S>) {
    let unknown = scene.registration("never registered").id;
    let address = crate::request::Address { runtime: unknown, ..scene.address(scene.start) };
    let rung = scene.here.initiate(address, &scene.allowed, scene.start).await.unwrap();
    assert_eq!(rung, InitiateOutcome::NotFound);
    let beat = scene.here.record_heartbeat(unknown, &scene.allowed, scene.start).await.unwrap();
    assert_eq!(beat, HeartbeatOutcome::NotFound);
}
