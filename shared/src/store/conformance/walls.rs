//! What is another workspace's does not exist.
#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use super::Scene;
use super::scene::answer;
use crate::access::Workspaces;
use crate::request::Address;
use crate::store::{DeregisterOutcome, HeartbeatOutcome, InitiateOutcome, PollOutcome, ReportOutcome, Store};

async fn sees_nothing<S: Store>(scene: &Scene<S>, caller: &Workspaces) {
    let asked = scene.ring(scene.start).await;
    let (address, now) = (asked.address, scene.at(1));
    let fresh = scene.address(now);
    assert_eq!(scene.here.initiate(fresh, caller, now).await.unwrap(), InitiateOutcome::NotFound);
    assert_eq!(
        scene.here.initiate(address, caller, now).await.unwrap(),
        InitiateOutcome::NotFound,
        "a known ring"
    );
    assert_eq!(scene.here.poll(address, caller, now).await.unwrap(), PollOutcome::NotFound);
    assert_eq!(
        scene.here.report(address, caller, &answer("{}"), now).await.unwrap(),
        ReportOutcome::NotFound
    );
    assert_eq!(scene.here.deregister(scene.runtime, caller, now).await.unwrap(), DeregisterOutcome::NotFound);
    assert_eq!(
        scene.here.record_heartbeat(scene.runtime, caller, now).await.unwrap(),
        HeartbeatOutcome::OtherWorkspace
    );
    assert_eq!(scene.poll(&scene.there, address, now).await, Some(asked), "a stranger changed the request");
    assert_eq!(scene.poll(&scene.there, fresh, now).await, None, "a stranger made a request");
}

/// And changes nothing either.
pub async fn another_workspace_sees_nothing<S: Store>(scene: Scene<S>) {
    let stranger = scene.stranger();
    sees_nothing(&scene, &stranger).await;
}

/// Nor makes the runtime's own daemon look for work that is not there.
pub async fn another_workspaces_ring_draws_no_attention<S: Store>(scene: Scene<S>) {
    let (address, now) = (scene.address(scene.start), scene.start);
    scene.here.initiate(address, &scene.stranger(), now).await.unwrap();
    let beat = scene.there.record_heartbeat(scene.runtime, &scene.allowed, now).await.unwrap();
    assert_eq!(beat, HeartbeatOutcome::Recorded { work_hint: false });
}

/// An empty list of workspaces is not an expression that a store could stumble over.
pub async fn a_caller_of_no_workspace_sees_nothing<S: Store>(scene: Scene<S>) {
    sees_nothing(&scene, &Workspaces::default()).await;
}

/// The original did not check: any runtime's path led to any request.
pub async fn another_runtimes_path_leads_nowhere<S: Store>(scene: Scene<S>) {
    let asked = scene.ring(scene.start).await;
    let other = scene.here.register(scene.registration("opencode"), scene.start).await.unwrap();
    let astray = Address { runtime: other.id, ..asked.address };
    assert_eq!(scene.poll(&scene.here, astray, scene.at(1)).await, None);
    assert_eq!(scene.report(astray, &answer("{}"), scene.at(1)).await, ReportOutcome::NotFound);
}

/// More workspaces than a single list of DynamoDB's may have.
pub async fn a_caller_of_many_workspaces_is_let_in<S: Store>(scene: Scene<S>) {
    let others = (0..250).flat_map(|_| scene.stranger().iter().collect::<Vec<_>>());
    let many: Workspaces = others.chain([scene.workspace]).collect();
    let beat = scene.here.record_heartbeat(scene.runtime, &many, scene.at(1)).await.unwrap();
    assert_eq!(beat, HeartbeatOutcome::Recorded { work_hint: false });
    let rung = scene.here.initiate(scene.address(scene.at(1)), &many, scene.at(1)).await.unwrap();
    assert!(matches!(rung, InitiateOutcome::Enqueued(_)));
}
