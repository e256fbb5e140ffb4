//! Registration and the online state.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::TestContext;
use super::context::TICK;
use crate::runtime::Registration;
use crate::store::{DeregisterOutcome, HeartbeatOutcome, InitiateOutcome, Store};
use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::ONLINE_WINDOW;

async fn rung<S: Store>(test: &TestContext<S>, now: Timestamp) -> InitiateOutcome {
    test.replica_b.initiate(test.address(now), &test.caller, now).await.unwrap()
}

pub async fn repeated_registration_keeps_id_and_date<S: Store>(test: TestContext<S>) {
    let renamed =
        Registration { name: "Renamed".to_owned().try_into().unwrap(), ..test.registration("codex") };
    let runtime = test.replica_b.register(renamed, test.at(9)).await.unwrap();
    assert_eq!((runtime.id, runtime.name.as_str()), (test.runtime, "Renamed"));
    assert_eq!((runtime.registered_at, runtime.last_seen_at), (test.start, test.at(9)));
}

pub async fn runtime_without_heartbeat_goes_offline<S: Store>(test: TestContext<S>) {
    let last = test.start + ONLINE_WINDOW;
    assert!(matches!(rung(&test, last).await, InitiateOutcome::Enqueued(_)));
    assert_eq!(rung(&test, last + TICK).await, InitiateOutcome::Offline);
    test.replica_a.record_heartbeat(test.runtime, &test.caller, last).await.unwrap();
    assert!(matches!(rung(&test, last + TICK).await, InitiateOutcome::Enqueued(_)));
}

pub async fn deregistered_runtime_is_offline_at_once<S: Store>(test: TestContext<S>) {
    let done = test.replica_a.deregister(test.runtime, &test.caller, test.at(1)).await.unwrap();
    assert_eq!(done, DeregisterOutcome::Deregistered);
    assert_eq!(rung(&test, test.at(1)).await, InitiateOutcome::Offline);
    let listed = test.replica_b.list_runtimes(test.workspace, test.at(1)).await.unwrap();
    assert!(!listed[0].is_online(test.at(1)));
}

pub async fn heartbeat_ends_deregistration<S: Store>(test: TestContext<S>) {
    test.replica_a.deregister(test.runtime, &test.caller, test.at(1)).await.unwrap();
    test.replica_b.record_heartbeat(test.runtime, &test.caller, test.at(2)).await.unwrap();
    assert!(matches!(rung(&test, test.at(2)).await, InitiateOutcome::Enqueued(_)));
}

pub async fn accepts_registration_as_offline<S: Store>(test: TestContext<S>) {
    let offline = Registration { online: false, ..test.registration("codex") };
    let runtime = test.replica_a.register(offline, test.at(1)).await.unwrap();
    assert!(!runtime.is_online(test.at(1)));
    assert_eq!(rung(&test, test.at(1)).await, InitiateOutcome::Offline);
}

/// More than one batch read holds.
pub async fn lists_every_runtime_of_a_workspace<S: Store>(test: TestContext<S>) {
    let mut expected = vec![test.runtime];
    for number in 0..120 {
        let runtime =
            test.replica_a.register(test.registration(&format!("agent-{number}")), test.start).await;
        expected.push(runtime.unwrap().id);
    }
    let listed = test.replica_b.list_runtimes(test.workspace, test.at(1)).await.unwrap();
    let mut listed: Vec<_> = listed.into_iter().map(|runtime| runtime.id).collect();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

pub async fn renewed_listing_changes_no_runtime<S: Store>(test: TestContext<S>) {
    let list = async || test.replica_b.list_runtimes(test.workspace, test.at(1)).await.unwrap();
    let before = list().await;
    test.replica_a.renew_listing(test.workspace, test.runtime, test.at(1)).await.unwrap();
    assert_eq!(list().await, before);
}

pub async fn unknown_runtime_is_not_found<S: Store>(test: TestContext<S>) {
    let unknown = test.registration("never registered").id;
    let address = crate::request::Address { runtime: unknown, ..test.address(test.start) };
    let rung = test.replica_a.initiate(address, &test.caller, test.start).await.unwrap();
    assert_eq!(rung, InitiateOutcome::NotFound);
    let outcome = test.replica_a.record_heartbeat(unknown, &test.caller, test.start).await.unwrap();
    assert_eq!(outcome, HeartbeatOutcome::NotFound);
}
