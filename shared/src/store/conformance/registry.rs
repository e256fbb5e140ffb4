//! Registration and the online state.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::TestContext;
use super::context::{TICK, text};
use crate::limits::RUNTIME_RETENTION;
use crate::presence::HeartbeatChannel;
use crate::runtime::{Registration, Runtime, RuntimeDescription};
use crate::store::{
    DeregisterOutcome, ForgetOutcome, HeartbeatOutcome, InitiateOutcome, RegisterOutcome, RuntimePage, Store,
};
use doorbell_protocol::limits::ONLINE_WINDOW;
use doorbell_protocol::{RuntimeId, Timestamp};
use uuid::Uuid;

async fn rung<S: Store>(test: &TestContext<S>, now: Timestamp) -> InitiateOutcome {
    test.initiate(&test.new_ring(now), now).await
}

pub async fn repeated_registration_keeps_id_and_date<S: Store>(test: TestContext<S>) {
    let mut renamed = test.registration("codex");
    renamed.runtimes[0].name = text("Renamed");
    let runtime = test.register(&test.replica_b, renamed, test.at(9)).await;
    assert_eq!((runtime.id, runtime.name.as_str()), (test.runtime, "Renamed"));
    assert_eq!((runtime.registered_at, runtime.last_seen_at), (test.start, test.at(9)));
}

async fn registered<S: Store>(test: &TestContext<S>, registration: Registration) -> Vec<Runtime> {
    match test.replica_a.register(registration, test.namespace(), test.start).await.unwrap() {
        RegisterOutcome::Registered(runtimes) => runtimes,
        RegisterOutcome::WorkspaceFull => panic!("the workspace is full"),
    }
}

/// Whether or not TTL has deleted its item.
pub async fn expired_runtime_registers_as_new<S: Store>(test: TestContext<S>) {
    let later = test.start + RUNTIME_RETENTION + TICK;
    let runtime = test.register(&test.replica_b, test.registration("codex"), later).await;
    assert_eq!((runtime.id, runtime.registered_at), (test.runtime, later));
}

pub async fn registers_runtimes_in_order<S: Store>(test: TestContext<S>) {
    let providers: Vec<_> = (0..50).map(|number| format!("agent-{number}")).collect();
    let registration = test.registration_of(providers.iter().map(String::as_str));
    let registered = registered(&test, registration).await;
    let found: Vec<_> = registered.iter().map(|runtime| runtime.provider.as_str()).collect();
    assert_eq!(found, providers);
}

/// Two parallel writes of one item have no order.
pub async fn last_description_of_a_runtime_counts<S: Store>(test: TestContext<S>) {
    let mut registration = test.registration_of(["a", "b", "a"]);
    registration.runtimes[2].name = text("Last");
    let registered = registered(&test, registration).await;
    assert_eq!((&registered[0], registered[0].name.as_str()), (&registered[2], "Last"));
    assert_eq!(registered[1].provider.as_str(), "b");
    let listed = test.list_runtimes(test.at(1)).await;
    assert!(listed.contains(&registered[2]), "{listed:?}");
}

pub async fn registration_of_nothing_changes_nothing<S: Store>(test: TestContext<S>) {
    assert_eq!(registered(&test, test.registration_of([])).await, []);
    assert_eq!(test.list_runtimes(test.start).await.len(), 1);
}

pub async fn registration_stores_and_replaces_every_field<S: Store>(test: TestContext<S>) {
    let full = Registration {
        device_name: Some(text("Anna's laptop")),
        cli_version: Some(text("0.1.0")),
        owner_id: Some(text("daemon-a")),
        runtimes: vec![RuntimeDescription {
            profile_id: Some(text("work")),
            version: Some(text("0.169.0")),
            ..test.registration("codex").runtimes.remove(0)
        }],
        ..test.registration("codex")
    };
    let expected = full.clone();
    let registered = test.register(&test.replica_a, full, test.start).await;
    let Runtime { profile_id, device_name, version, cli_version, owner_id, .. } = registered.clone();
    assert_eq!(
        (&device_name, &cli_version, &owner_id),
        (&expected.device_name, &expected.cli_version, &expected.owner_id)
    );
    let description = &expected.runtimes[0];
    assert_eq!((&profile_id, &version), (&description.profile_id, &description.version));
    let listed = test.list_runtimes(test.start).await;
    assert!(listed.contains(&registered), "{listed:?}");

    let mut sparse = test.registration("codex");
    sparse.runtimes[0].profile_id = profile_id;
    let replaced = test.register(&test.replica_b, sparse, test.at(1)).await;
    assert_eq!(replaced.id, registered.id);
    let Runtime { device_name, version, cli_version, owner_id, .. } = replaced;
    assert_eq!([device_name, version, cli_version, owner_id], [None, None, None, None]);
}

/// Otherwise ids could be computed from workspace, daemon and type.
pub async fn runtime_ids_depend_on_the_first_namespace<S: Store>(test: TestContext<S>) {
    let [first, other] = [test.namespace(), test.namespace()];
    let workspace = test.other_tenant().workspaces.iter().next().unwrap();
    let registration = || Registration { workspace, ..test.registration("codex") };
    for namespace in [first, other] {
        let registered = test.replica_a.register(registration(), namespace, test.start).await.unwrap();
        let RegisterOutcome::Registered(registered) = registered else { panic!("{registered:?}") };
        assert_eq!(registered[0].id, first.runtime_id("daemon", "codex", ""));
    }
    assert_ne!(test.runtime, first.runtime_id("daemon", "codex", ""));
}

pub async fn runtime_without_heartbeat_goes_offline<S: Store>(test: TestContext<S>) {
    let last = test.start + ONLINE_WINDOW;
    let offline = last + TICK;
    assert!(matches!(rung(&test, last).await, InitiateOutcome::Enqueued(..)));
    assert_eq!(rung(&test, offline).await, InitiateOutcome::Offline(None));
    test.heartbeat(&test.replica_a, HeartbeatChannel::Plain, last).await;
    assert!(matches!(rung(&test, offline).await, InitiateOutcome::Enqueued(..)));
}

pub async fn deregistered_runtime_is_offline_at_once<S: Store>(test: TestContext<S>) {
    let done = test.replica_a.deregister(test.runtime, &test.caller, test.at(1)).await.unwrap();
    assert_eq!(done, DeregisterOutcome::Deregistered);
    assert_eq!(rung(&test, test.at(1)).await, InitiateOutcome::Offline(None));
    let listed = test.list_runtimes(test.at(1)).await;
    assert!(!listed[0].is_online(test.at(1)));
}

pub async fn heartbeat_ends_deregistration<S: Store>(test: TestContext<S>) {
    test.replica_a.deregister(test.runtime, &test.caller, test.at(1)).await.unwrap();
    test.replica_b
        .record_heartbeat(test.runtime, &test.caller, HeartbeatChannel::Plain, test.at(2))
        .await
        .unwrap();
    assert!(matches!(rung(&test, test.at(2)).await, InitiateOutcome::Enqueued(..)));
}

pub async fn accepts_registration_as_offline<S: Store>(test: TestContext<S>) {
    let mut offline = test.registration("codex");
    offline.runtimes[0].online = false;
    let runtime = test.register(&test.replica_a, offline, test.at(1)).await;
    assert!(!runtime.is_online(test.at(1)));
    assert_eq!(rung(&test, test.at(1)).await, InitiateOutcome::Offline(None));
}

/// Registers `count` more runtimes; returns the ids of all, in order.
async fn register_more<S: Store>(test: &TestContext<S>, count: usize) -> Vec<RuntimeId> {
    let providers: Vec<_> = (0..count).map(|number| format!("agent-{number}")).collect();
    let registration = test.registration_of(providers.iter().map(String::as_str));
    let mut ids: Vec<_> = registered(test, registration).await.iter().map(|runtime| runtime.id).collect();
    ids.push(test.runtime);
    ids.sort();
    ids
}

/// The ids of all pages, and the number of pages.
async fn paged<S: Store>(test: &TestContext<S>, limit: usize) -> (Vec<RuntimeId>, usize) {
    let mut ids = Vec::new();
    let mut after = None;
    for pages in 1.. {
        let page = test.replica_b.list_runtimes(test.workspace, after, limit, test.at(1)).await.unwrap();
        assert!(page.runtimes.len() <= limit);
        ids.extend(page.runtimes.iter().map(|runtime| runtime.id));
        after = page.next;
        if after.is_none() {
            return (ids, pages);
        }
    }
    unreachable!()
}

/// More than one batch read holds.
pub async fn lists_every_runtime_of_a_workspace<S: Store>(test: TestContext<S>) {
    let expected = register_more(&test, 120).await;
    let listed: Vec<_> = test.list_runtimes(test.at(1)).await.into_iter().map(|runtime| runtime.id).collect();
    assert_eq!(listed, expected);
}

pub async fn pages_list_each_runtime_once<S: Store>(test: TestContext<S>) {
    let expected = register_more(&test, 11).await;
    // Only a page that another one follows has a `next`.
    for (limit, pages) in [(1, 12), (4, 3), (5, 3), (11, 2), (12, 1), (13, 1)] {
        assert_eq!(paged(&test, limit).await, (expected.clone(), pages), "limit {limit}");
    }
}

pub async fn page_begins_after_any_id<S: Store>(test: TestContext<S>) {
    let ids = register_more(&test, 3).await;
    test.replica_a.forget_runtime(ids[1], &test.caller, test.at(1)).await.unwrap();
    let page = test.replica_b.list_runtimes(test.workspace, Some(ids[1]), 1, test.at(1)).await.unwrap();
    assert_eq!((page.runtimes[0].id, page.next), (ids[2], Some(ids[2])));
    let end = test.replica_b.list_runtimes(test.workspace, Some(ids[3]), 1, test.at(1)).await.unwrap();
    assert_eq!(end, RuntimePage::default());
}

pub async fn forgotten_runtime_is_gone_until_registration<S: Store>(test: TestContext<S>) {
    let forget =
        async || test.replica_a.forget_runtime(test.runtime, &test.caller, test.at(1)).await.unwrap();
    assert_eq!(forget().await, ForgetOutcome::Forgotten);
    assert_eq!(test.list_runtimes(test.at(1)).await, []);
    assert_eq!(rung(&test, test.at(1)).await, InitiateOutcome::NotFound);
    let heartbeat = test
        .replica_b
        .record_heartbeat(test.runtime, &test.caller, HeartbeatChannel::Plain, test.at(1))
        .await
        .unwrap();
    assert_eq!(heartbeat, HeartbeatOutcome::NotFound);
    assert_eq!(forget().await, ForgetOutcome::NotFound);

    let again = test.register(&test.replica_b, test.registration("codex"), test.at(2)).await;
    assert_eq!((again.id, again.registered_at), (test.runtime, test.at(2)));
    assert_eq!(test.list_runtimes(test.at(2)).await, [again]);
}

/// A client may still poll it.
pub async fn request_of_forgotten_runtime_stays_readable<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.replica_a.forget_runtime(test.runtime, &test.caller, test.at(1)).await.unwrap();
    assert_eq!(test.poll(&test.replica_b, request.address, test.at(1)).await, Some(request));
}

pub async fn renewed_listing_changes_no_runtime<S: Store>(test: TestContext<S>) {
    let before = test.list_runtimes(test.at(1)).await;
    test.replica_a.renew_listing(test.workspace, test.runtime, test.at(1)).await.unwrap();
    assert_eq!(test.list_runtimes(test.at(1)).await, before);
    test.replica_a.forget_runtime(test.runtime, &test.caller, test.at(1)).await.unwrap();
    test.replica_a.renew_listing(test.workspace, test.runtime, test.at(1)).await.unwrap();
    assert_eq!(test.list_runtimes(test.at(1)).await, []);
}

pub async fn unknown_runtime_is_not_found<S: Store>(test: TestContext<S>) {
    let unknown = RuntimeId::from_uuid(Uuid::from_u128(1));
    let address = crate::request::Address { runtime: unknown, ..test.address(test.start) };
    for ring in [test.new_ring(test.start), test.queued_ring(test.start)] {
        let ring = crate::request::Ring { address, ..ring };
        assert_eq!(test.initiate(&ring, test.start).await, InitiateOutcome::NotFound);
    }
    let outcome = test
        .replica_a
        .record_heartbeat(unknown, &test.caller, HeartbeatChannel::Plain, test.start)
        .await
        .unwrap();
    assert_eq!(outcome, HeartbeatOutcome::NotFound);
}
