//! Tenant isolation.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::TestContext;
use super::context::{completed, json, kind};
use crate::access::Principal;
use crate::catalog::CatalogUpdate;
use crate::kinds::model_list::MODEL_LIST;
use crate::limits::WORKSPACES_PER_TOKEN;
use crate::presence::HeartbeatChannel;
use crate::questions::Questions;
use crate::request::{Address, ClaimFilter, KindFilter, Ring};
use crate::store::{
    CancelOutcome, ClaimOutcome, DeregisterOutcome, FindQuestionOutcome, FindSnapshotOutcome, ForgetOutcome,
    HeartbeatOutcome, InitiateOutcome, PollOutcome, ProgressOutcome, ReportOutcome, Store,
};
use doorbell_protocol::Question;

/// Checks that no operation of `caller` sees or changes the runtime. Every outcome but that of a
/// heartbeat is the one of an unknown runtime.
pub(super) async fn sees_nothing<S: Store>(test: &TestContext<S>, caller: &Principal) {
    let ring = Ring { idempotency_key: Some("key".parse().unwrap()), ..test.new_ring(test.start) };
    let request = test.enqueue(&ring, test.start).await;
    let running = test.enqueue(&test.question_ring("{}", test.start), test.start).await;
    let running = test.claim(running.address, test.start).await;
    let listed = test.ring(test.start).await;
    test.report_with(CatalogUpdate::Replace, listed.address, &completed("[1]"), test.start).await;
    let address = request.address;
    // The runtime is within its rate.
    let now = test.at(5);
    let store = &test.replica_a;
    let fresh = test.new_ring(now);
    let with_key = Ring { address: test.address(now), ..ring.clone() };
    let joining = Ring { joins: true, ..test.new_ring(now) };
    for foreign in [&fresh, &test.queued_ring(now), &with_key, &joining, &ring] {
        let outcome = store.initiate(foreign, caller, now).await.unwrap();
        assert_eq!(outcome, InitiateOutcome::NotFound, "{foreign:?}");
    }
    let question = store.find_question(test.runtime, kind("disk_usage"), caller, now).await.unwrap();
    assert_eq!(question, FindQuestionOutcome::RuntimeNotFound);
    let snapshot = store.find_snapshot(test.runtime, MODEL_LIST.kind, None, caller, now).await.unwrap();
    assert_eq!(snapshot, FindSnapshotOutcome::NotFound);
    assert_eq!(store.poll(address, KindFilter::Any, caller, now).await.unwrap(), PollOutcome::NotFound);
    let report = store
        .report(address, KindFilter::Any, caller, &completed("{}"), CatalogUpdate::Keep, now)
        .await
        .unwrap();
    assert_eq!(report, ReportOutcome::NotFound);
    let progress = store.report_progress(running.address, caller, &json("1"), now).await.unwrap();
    assert_eq!(progress, ProgressOutcome::NotFound);
    for open in [address, running.address] {
        let cancel = store.cancel(open, KindFilter::Any, caller, now).await.unwrap();
        assert_eq!(cancel, CancelOutcome::NotFound);
    }
    assert_eq!(store.deregister(test.runtime, caller, now).await.unwrap(), DeregisterOutcome::NotFound);
    assert_eq!(store.forget_runtime(test.runtime, caller, now).await.unwrap(), ForgetOutcome::NotFound);
    for channel in [HeartbeatChannel::Plain, HeartbeatChannel::Connected] {
        let heartbeat = store.record_heartbeat(test.runtime, caller, channel, now).await.unwrap();
        assert_eq!(heartbeat, HeartbeatOutcome::OtherWorkspace);
    }
    for unchanged in [&request, &running] {
        let seen = test.poll(&test.replica_b, unchanged.address, now).await;
        assert_eq!(seen.as_ref(), Some(unchanged), "the other tenant changed the request");
    }
    let made = test.poll(&test.replica_b, fresh.address, now).await;
    assert_eq!(made, None, "the other tenant made a request");
    let open = [request, running].map(|request| request.address.request);
    assert_eq!(test.open_ids(now).await, open, "the other tenant changed the open set");
}

pub async fn other_workspace_sees_nothing<S: Store>(test: TestContext<S>) {
    let other_tenant = test.other_tenant();
    sees_nothing(&test, &other_tenant).await;
}

/// Not even the kinds that it declares.
pub async fn foreign_runtime_hides_its_questions<S: Store>(test: TestContext<S>) {
    let mut registration = test.registration("codex");
    let questions: Vec<Question> = serde_json::from_str(r#"[{"name":"disk_usage"}]"#).unwrap();
    registration.runtimes[0].questions = Questions::try_from(questions).unwrap();
    test.register(&test.replica_a, registration, test.start).await;
    let other_tenant = test.other_tenant();
    for name in ["disk_usage", "other"] {
        let found = test.replica_b.find_question(test.runtime, kind(name), &other_tenant, test.start).await;
        assert_eq!(found.unwrap(), FindQuestionOutcome::RuntimeNotFound);
    }
}

/// `IN ()` is not a valid expression.
pub async fn caller_without_workspace_sees_nothing<S: Store>(test: TestContext<S>) {
    sees_nothing(&test, &Principal::of_workspaces([])).await;
}

/// The reference server did not check this.
pub async fn request_is_bound_to_its_runtime<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let other = test.register(&test.replica_a, test.registration("opencode"), test.start).await;
    let astray = Address { runtime: other.id, ..request.address };
    assert_eq!(test.poll(&test.replica_a, astray, test.at(1)).await, None);
    assert_eq!(test.report(astray, &completed("{}"), test.at(1)).await, ReportOutcome::NotFound);
}

/// The maximum of a token, and more than one `IN` of DynamoDB may have, in every operation that checks workspaces.
pub async fn accepts_caller_in_250_workspaces<S: Store>(test: TestContext<S>) {
    let others =
        (1..WORKSPACES_PER_TOKEN).flat_map(|_| test.other_tenant().workspaces.iter().collect::<Vec<_>>());
    let many = Principal::of_workspaces(others.chain([test.workspace]));
    assert_eq!(many.workspaces.iter().count(), 250);
    let store = &test.replica_a;
    let now = test.at(1);
    for channel in [HeartbeatChannel::Plain, HeartbeatChannel::Connected] {
        let outcome = store.record_heartbeat(test.runtime, &many, channel, now).await.unwrap();
        assert!(matches!(outcome, HeartbeatOutcome::Recorded(_)), "{outcome:?}");
    }
    // The second ring is early, the third request times out, the last one is cancelled: each is an update of its own.
    let mut rung = Vec::new();
    for _ in 0..4 {
        let InitiateOutcome::Enqueued(request, _) =
            store.initiate(&test.new_ring(now), &many, now).await.unwrap()
        else {
            panic!("not enqueued");
        };
        rung.push(request.address);
    }
    let queued = store.initiate(&test.queued_ring(now), &many, now).await.unwrap();
    assert!(matches!(queued, InitiateOutcome::Enqueued(..)));
    for (filter, now) in [(ClaimFilter::Pending, now), (ClaimFilter::PendingOrLost, test.at(7))] {
        let claimed = store.claim(rung[0], &many, filter, test.lease_token(), now).await.unwrap();
        assert!(matches!(claimed, ClaimOutcome::Won(_)));
    }
    let later = test.at(7);
    let progress = store.report_progress(rung[0], &many, &json("1"), later).await.unwrap();
    assert_eq!(progress, ProgressOutcome::Recorded);
    for address in &rung[..2] {
        let reported = store
            .report(*address, KindFilter::Any, &many, &completed("{}"), CatalogUpdate::Keep, later)
            .await
            .unwrap();
        assert!(matches!(reported, ReportOutcome::Recorded { .. }));
    }
    let only = KindFilter::Only(MODEL_LIST.kind);
    let cancelled = store.cancel(rung[3], only, &many, later).await.unwrap();
    assert!(matches!(cancelled, CancelOutcome::Cancelled(_)));
    let polled = store.poll(rung[0], KindFilter::Any, &many, later).await.unwrap();
    assert!(matches!(polled, PollOutcome::Found(_)));
    let expired = store.poll(rung[2], KindFilter::Any, &many, test.at(32)).await.unwrap();
    assert!(matches!(expired, PollOutcome::TimedOut(_)));
    let outcome = store.deregister(test.runtime, &many, later).await.unwrap();
    assert_eq!(outcome, DeregisterOutcome::Deregistered);
}
