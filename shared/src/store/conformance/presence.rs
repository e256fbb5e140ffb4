//! Presence, push leases and connections.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::future::join_all;

use super::TestContext;
use super::context::TICK;
use super::races::HEARTBEATS;
use crate::presence::{HeartbeatChannel, Presence, PushLease};
use crate::push::ClientId;
use crate::request::{OpenRequest, Request, Ring};
use crate::runtime::Registration;
use crate::store::{InitiateOutcome, PresenceOutcome, Store};
use doorbell_protocol::limits::ONLINE_WINDOW;
use doorbell_protocol::{RuntimeId, Timestamp};

/// The presence of the runtime, as a list on replica B shows it.
async fn presence<S: Store>(test: &TestContext<S>, now: Timestamp) -> Presence {
    let listed = test.list_runtimes(now).await;
    listed.into_iter().find(|runtime| runtime.id == test.runtime).unwrap().presence
}

/// The runtimes with a lease of `client`, in the order of their ids.
async fn leases<S: Store>(
    test: &TestContext<S>,
    client: &ClientId,
    now: Timestamp,
) -> Vec<(RuntimeId, PushLease)> {
    let mut leases = test.replica_b.find_leases(client, now).await.unwrap();
    leases.sort_by_key(|(runtime, _)| *runtime);
    leases
}

fn is_replaced(outcome: &PresenceOutcome) -> bool {
    matches!(outcome, PresenceOutcome::Replaced(_))
}

/// A push lease, a deregistration, or an earlier plain heartbeat.
pub async fn plain_heartbeat_replaces_presence<S: Store>(test: TestContext<S>) {
    let lease = test.lease(test.start).await;
    for second in [1, 2] {
        let now = test.at(second);
        let recorded = test.heartbeat(&test.replica_b, HeartbeatChannel::Plain, now).await;
        assert_eq!(recorded.presence, Presence::plain(now));
        assert_eq!(presence(&test, now).await, Presence::plain(now));
    }
    assert_eq!(leases(&test, &lease.client, test.at(2)).await, []);
    test.replica_a.deregister(test.runtime, &test.caller, test.at(3)).await.unwrap();
    let recorded = test.heartbeat(&test.replica_b, HeartbeatChannel::Plain, test.at(4)).await;
    assert_eq!(recorded.presence, Presence::plain(test.at(4)));
}

/// It keeps the runtime registered.
pub async fn heartbeat_of_connected_daemon_keeps_presence<S: Store>(test: TestContext<S>) {
    let connected = async |second, expected: Presence| {
        let now = test.at(second);
        let recorded = test.heartbeat(&test.replica_b, HeartbeatChannel::Connected, now).await;
        assert_eq!(recorded.presence, expected);
        let [runtime] = &test.list_runtimes(now).await[..] else { return };
        assert_eq!((&runtime.presence, runtime.last_seen_at), (&expected, now));
    };
    connected(1, Presence::plain(test.start)).await;
    let PushLease { client, until, .. } = test.lease(test.at(2)).await;
    connected(3, Presence { online_until: until, client: Some(client) }).await;
    test.replica_a.deregister(test.runtime, &test.caller, test.at(4)).await.unwrap();
    connected(5, Presence::offline(test.at(4))).await;
}

pub async fn replaces_only_the_presence_that_was_seen<S: Store>(test: TestContext<S>) {
    let seen = Presence::plain(test.start);
    let replacement = Presence::offline(test.at(1));
    for other in [seen.online_until - TICK, seen.online_until + TICK] {
        let outcome = test.replace_presence(other, &replacement, test.at(1)).await;
        assert_eq!(outcome, PresenceOutcome::Changed);
        assert_eq!(presence(&test, test.at(1)).await, seen);
    }
    assert!(is_replaced(&test.replace_presence(seen.online_until, &replacement, test.at(1)).await));
    assert_eq!(presence(&test, test.at(1)).await, replacement);
}

/// All have seen the same lease.
pub async fn sixteen_replacements_have_one_winner<S: Store>(test: TestContext<S>) {
    let test = &test;
    let mut seen = Presence::plain(test.start);
    for round in 0..20 {
        let replacements: Vec<Presence> = (0..HEARTBEATS)
            .map(|number| Presence {
                online_until: seen.online_until + TICK + TICK * u32::try_from(number).unwrap(),
                client: (number % 2 == 0).then(|| test.client(&number.to_string())),
            })
            .collect();
        let outcomes = replacements.iter().enumerate().map(|(number, presence)| {
            let replica = if number % 4 < 2 { &test.replica_a } else { &test.replica_b };
            let replaced = replica.replace_presence(test.runtime, seen.online_until, presence, test.start);
            async move { is_replaced(&replaced.await.unwrap()).then_some(presence) }
        });
        let winners: Vec<&Presence> = join_all(outcomes).await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1, "winners in round {round}");
        seen = presence(test, test.start).await;
        assert_eq!(seen, *winners[0]);
    }
}

/// The response was lost, and the SDK retries. Another request may have come in between.
pub async fn retried_replacement_is_the_same<S: Store>(test: TestContext<S>) {
    let seen = Presence::plain(test.start).online_until;
    let leased = Presence { online_until: test.at(3_600), client: Some(test.client("daemon")) };
    let first = test.replace_presence(seen, &leased, test.start).await;
    let retry = test.replace_presence(seen, &leased, test.start).await;
    assert_eq!((first, retry), (PresenceOutcome::Replaced(vec![]), PresenceOutcome::Replaced(vec![])));
    let request = test.ring(test.start).await;
    let retry = test.replace_presence(seen, &leased, test.start).await;
    assert_eq!(retry, PresenceOutcome::Replaced(vec![OpenRequest::of(&request)]));
    let other_client = Presence { client: Some(test.client("other")), ..leased.clone() };
    let no_client = Presence { client: None, ..leased };
    for other in [other_client, no_client] {
        assert_eq!(test.replace_presence(seen, &other, test.start).await, PresenceOutcome::Changed);
    }
}

/// A ring before it may have seen no lease, so no daemon is notified.
pub async fn replacement_returns_open_set<S: Store>(test: TestContext<S>) {
    let mut open = Vec::new();
    for second in [0, 1] {
        open.push(OpenRequest::of(&test.ring(test.at(second)).await));
    }
    let plain = |second| Presence::plain(test.at(second));
    let replaced = test.replace_presence(plain(0).online_until, &plain(2), test.at(2)).await;
    assert_eq!(replaced, PresenceOutcome::Replaced(open));
}

/// Of a runtime that was forgotten: nothing is created.
pub async fn unknown_runtime_has_no_presence<S: Store>(test: TestContext<S>) {
    let lease = test.lease(test.start).await;
    test.replica_b.forget_runtime(test.runtime, &test.caller, test.at(1)).await.unwrap();
    let outcome = test.replace_presence(lease.until, &lease.ended(test.at(1)), test.at(1)).await;
    assert_eq!(outcome, PresenceOutcome::Changed);
    assert_eq!(leases(&test, &lease.client, test.at(1)).await, []);
    assert_eq!(test.list_runtimes(test.at(1)).await, []);
}

/// Another runtime, which was registered at the start.
async fn second_runtime<S: Store>(test: &TestContext<S>) -> RuntimeId {
    test.register(&test.replica_a, test.registration("opencode"), test.start).await.id
}

pub async fn finds_leases_of_one_client<S: Store>(test: TestContext<S>) {
    let ours = test.lease(test.start).await;
    let other = second_runtime(&test).await;
    // It was a runtime of the first client before.
    test.replica_a.record_connection(&ours.client, &[other], ours.until).await.unwrap();
    let seen = Presence::plain(test.start).online_until;
    let theirs = test.lease_of(other, &test.client("other"), seen, test.start).await;
    assert_eq!(leases(&test, &ours.client, test.at(1)).await, [(test.runtime, ours.clone())]);
    assert_eq!(leases(&test, &theirs.client, test.at(1)).await, [(other, theirs.clone())]);
    assert_eq!(leases(&test, &test.client("unknown"), test.at(1)).await, []);
}

/// A heartbeat that gives a lease has to record the connection first.
pub async fn finds_only_lease_of_recorded_connection<S: Store>(test: TestContext<S>) {
    let client = test.client("daemon");
    let leased = Presence { online_until: test.at(3_600), client: Some(client.clone()) };
    test.replace_presence(Presence::plain(test.start).online_until, &leased, test.start).await;
    assert_eq!(leases(&test, &client, test.start).await, []);
    test.replica_a.record_connection(&client, &[test.runtime], test.at(3_600)).await.unwrap();
    assert_eq!(leases(&test, &client, test.start).await.len(), 1);
}

pub async fn finds_no_ended_lease<S: Store>(test: TestContext<S>) {
    let client = test.client("daemon");
    test.replica_a.record_connection(&client, &[test.runtime], test.at(3_600)).await.unwrap();
    assert_eq!(leases(&test, &client, test.start).await, [], "recorded, but not leased");
    let lease = test.lease(test.start).await;
    assert_eq!(leases(&test, &client, lease.until - TICK).await, [(test.runtime, lease.clone())]);
    assert_eq!(leases(&test, &client, lease.until).await, []);
    assert!(is_replaced(&test.replace_presence(lease.until, &lease.ended(test.at(9)), test.at(9)).await));
    assert_eq!(leases(&test, &client, test.at(9)).await, []);
}

/// A daemon with many runtimes sends more than one heartbeat.
pub async fn connection_keeps_earlier_runtimes<S: Store>(test: TestContext<S>) {
    let other = second_runtime(&test).await;
    let lease = test.lease(test.start).await;
    let seen = Presence::plain(test.start).online_until;
    let others = test.lease_of(other, &lease.client, seen, test.start).await;
    let mut expected = [(test.runtime, lease), (other, others)];
    expected.sort_by_key(|(runtime, _)| *runtime);
    assert_eq!(leases(&test, &expected[0].1.client, test.at(1)).await, expected);
}

/// What a call that has seen `lease` finds after something else has ended it at `second`.
async fn is_ended<S: Store>(test: &TestContext<S>, lease: PushLease, second: u64, expected: Presence) {
    let now = test.at(second);
    assert_eq!(presence(test, now).await, expected);
    assert_eq!(leases(test, &lease.client, now).await, []);
    let late = test.replace_presence(lease.until, &lease.ended(now), now).await;
    assert_eq!(late, PresenceOutcome::Changed);
    assert_eq!(presence(test, now).await, expected);
}

/// The daemon has to prove the channel again.
pub async fn registration_ends_lease<S: Store>(test: TestContext<S>) {
    for (second, online) in [(1, true), (3, false)] {
        let lease = test.lease(test.at(second - 1)).await;
        let now = test.at(second);
        let mut registration: Registration = test.registration("codex");
        registration.runtimes[0].online = online;
        let registered = test.register(&test.replica_b, registration, now).await;
        let expected = if online { Presence::plain(now) } else { Presence::offline(now) };
        assert_eq!(registered.presence, expected);
        is_ended(&test, lease, second, expected).await;
    }
}

pub async fn deregistration_ends_lease<S: Store>(test: TestContext<S>) {
    let lease = test.lease(test.start).await;
    test.replica_b.deregister(test.runtime, &test.caller, test.at(1)).await.unwrap();
    is_ended(&test, lease, 1, Presence::offline(test.at(1))).await;
}

/// The request of `ring`, and the lease of its runtime.
async fn rung<S: Store>(
    test: &TestContext<S>,
    ring: &Ring,
    now: Timestamp,
) -> Option<(Request, Option<PushLease>)> {
    match test.initiate(ring, now).await {
        InitiateOutcome::Enqueued(request, lease) => Some((request, lease)),
        _ => None,
    }
}

/// Any ring that creates a request.
pub async fn ring_returns_lease_and_is_notified<S: Store>(test: TestContext<S>) {
    let lease = test.lease(test.start).await;
    let with_key = Ring { idempotency_key: Some("key".parse().unwrap()), ..test.new_ring(test.start) };
    for ring in [test.new_ring(test.start), with_key, test.queued_ring(test.start)] {
        let (request, found) = rung(&test, &ring, test.start).await.unwrap();
        assert_eq!((request.notified_at, found), (Some(test.start), Some(lease.clone())));
        assert_eq!(test.poll(&test.replica_b, request.address, test.start).await, Some(request));
    }
}

/// The daemon may not have been notified.
pub async fn retried_ring_returns_lease<S: Store>(test: TestContext<S>) {
    let lease = test.lease(test.start).await;
    let with_key = Ring { idempotency_key: Some("key".parse().unwrap()), ..test.new_ring(test.start) };
    for ring in [test.new_ring(test.start), with_key] {
        let first = rung(&test, &ring, test.start).await;
        assert_eq!(rung(&test, &ring, test.start).await, first);
        assert_eq!(first.unwrap().1, Some(lease.clone()));
    }
}

pub async fn ring_without_lease_is_not_notified<S: Store>(test: TestContext<S>) {
    let (request, lease) = rung(&test, &test.new_ring(test.start), test.start).await.unwrap();
    assert_eq!((request.notified_at, lease), (None, None));
    // An ended lease is none, although its client is still stored.
    let until = test.lease(test.start).await.until;
    let (request, lease) = rung(&test, &test.queued_ring(until), until).await.unwrap();
    assert_eq!((request.notified_at, lease), (None, None));
}

pub async fn leased_runtime_is_online_until_its_lease_ends<S: Store>(test: TestContext<S>) {
    let PushLease { client, until, .. } = test.lease(test.start).await;
    for now in [test.start + ONLINE_WINDOW, test.at(3_600), until - TICK] {
        assert!(rung(&test, &test.new_ring(now), now).await.is_some(), "{now:?}");
    }
    assert_eq!(test.initiate(&test.new_ring(until), until).await, InitiateOutcome::Offline(Some(client)));
}

/// The connection has broken, or a hint was not delivered.
pub async fn ended_lease_leaves_window_of_last_heartbeat<S: Store>(test: TestContext<S>) {
    let lease = test.lease(test.start).await;
    let end = async |lease: &PushLease, now| {
        assert!(is_replaced(&test.replace_presence(lease.until, &lease.ended(now), now).await));
    };
    end(&lease, test.at(1)).await;
    let last = test.start + ONLINE_WINDOW - TICK;
    assert!(rung(&test, &test.new_ring(last), last).await.is_some());
    let lease = test.lease(test.start).await;
    let now = test.start + ONLINE_WINDOW + Duration::from_secs(1);
    end(&lease, now).await;
    assert_eq!(test.initiate(&test.new_ring(now), now).await, InitiateOutcome::Offline(None));
    let (request, found) = rung(&test, &test.queued_ring(now), now).await.unwrap();
    assert_eq!((request.notified_at, found), (None, None));
}
