//! Tokens that are bound to a daemon: they act for its runtimes only.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::TestContext;
use super::context::{DAEMON, completed, json, kind, recorded, text};
use super::isolation::sees_nothing;
use crate::access::{Principal, Workspaces};
use crate::catalog::CatalogUpdate;
use crate::presence::HeartbeatChannel;
use crate::questions::Questions;
use crate::request::{KindFilter, Request, Ring};
use crate::store::{
    CancelOutcome, DeregisterOutcome, FindQuestionOutcome, FindSnapshotOutcome, ForgetOutcome,
    HeartbeatOutcome, InitiateOutcome, PollOutcome, ProgressOutcome, ReportOutcome, Store,
};
use doorbell_protocol::{Question, RuntimeId, Timestamp, WorkspaceId};

const OTHER_DAEMON: &str = "daemon-2";

/// A caller of `workspace` that is bound to `daemon_id`.
fn bound(workspace: WorkspaceId, daemon_id: &str) -> Principal {
    let daemon_id = Some(text(daemon_id));
    Principal { workspaces: Workspaces::of(workspace), daemon_id, ..Principal::of_workspaces([]) }
}

/// Lets the runtime of the test declare `disk_usage`.
async fn declare<S: Store>(test: &TestContext<S>) {
    let mut registration = test.registration("codex");
    let questions: Vec<Question> = serde_json::from_str(r#"[{"name":"disk_usage"}]"#).unwrap();
    registration.runtimes[0].questions = Questions::try_from(questions).unwrap();
    test.register(&test.replica_a, registration, test.start).await;
}

/// A runtime of [`OTHER_DAEMON`] in the workspace.
async fn other_daemons_runtime<S: Store>(test: &TestContext<S>) -> RuntimeId {
    let mut registration = test.registration("codex");
    registration.daemon_id = text(OTHER_DAEMON);
    test.register(&test.replica_a, registration, test.start).await.id
}

async fn heartbeat<S: Store>(
    test: &TestContext<S>,
    runtime: RuntimeId,
    caller: &Principal,
    now: Timestamp,
) -> HeartbeatOutcome {
    test.replica_a.record_heartbeat(runtime, caller, HeartbeatChannel::Plain, now).await.unwrap()
}

async fn report<S: Store>(
    test: &TestContext<S>,
    request: &Request,
    caller: &Principal,
    now: Timestamp,
) -> ReportOutcome {
    let outcome = completed("{}");
    test.replica_a
        .report(request.address, KindFilter::Any, caller, &outcome, CatalogUpdate::Keep, now)
        .await
        .unwrap()
}

/// As its daemon's unbound token does.
pub async fn bound_token_acts_for_its_daemon<S: Store>(test: TestContext<S>) {
    declare(&test).await;
    let caller = bound(test.workspace, DAEMON);
    let store = &test.replica_a;
    let now = test.at(1);
    for channel in [HeartbeatChannel::Plain, HeartbeatChannel::Connected] {
        let outcome = store.record_heartbeat(test.runtime, &caller, channel, now).await.unwrap();
        assert!(matches!(outcome, HeartbeatOutcome::Recorded(_)), "{outcome:?}");
    }
    let question = store.find_question(test.runtime, kind("disk_usage"), &caller, now).await.unwrap();
    assert!(matches!(question, FindQuestionOutcome::Found(_)), "{question:?}");
    let listed = test.ring(test.start).await;
    test.report_with(CatalogUpdate::Replace, listed.address, &completed("[1]"), test.start).await;
    let snapshot = store.find_snapshot(test.runtime, listed.kind, None, &caller, now).await.unwrap();
    assert!(matches!(snapshot, FindSnapshotOutcome::Found(..)), "{snapshot:?}");
    let with_key = Ring { idempotency_key: Some("key".parse().unwrap()), ..test.new_ring(now) };
    let early = test.new_ring(now);
    let mut rung = Vec::new();
    for ring in [&with_key, &early, &test.queued_ring(now)] {
        match store.initiate(ring, &caller, now).await.unwrap() {
            InitiateOutcome::Enqueued(request, _) => rung.push(request),
            other => panic!("not enqueued: {other:?}"),
        }
    }
    let again = Ring { address: test.address(now), ..with_key };
    let existing = store.initiate(&again, &caller, now).await.unwrap();
    assert_eq!(existing, InitiateOutcome::Existing(rung[0].clone()));
    let polled = store.poll(rung[0].address, KindFilter::Any, &caller, now).await.unwrap();
    assert_eq!(polled, PollOutcome::Found(rung[0].clone()));
    let claimed = test.claim(rung[0].address, now).await;
    let progress = store.report_progress(claimed.address, &caller, &json("1"), now).await.unwrap();
    assert_eq!(progress, ProgressOutcome::Recorded);
    assert_eq!(report(&test, &claimed, &caller, now).await, recorded(&claimed));
    assert_eq!(report(&test, &claimed, &caller, test.at(2)).await, ReportOutcome::Duplicate);
    let cancelled = store.cancel(rung[1].address, KindFilter::Any, &caller, now).await.unwrap();
    assert!(matches!(cancelled, CancelOutcome::Cancelled(_)), "{cancelled:?}");
    let deregistered = store.deregister(test.runtime, &caller, now).await.unwrap();
    assert_eq!(deregistered, DeregisterOutcome::Deregistered);
    assert_eq!(store.forget_runtime(test.runtime, &caller, now).await.unwrap(), ForgetOutcome::Forgotten);
}

pub async fn bound_token_sees_nothing_of_other_daemon<S: Store>(test: TestContext<S>) {
    declare(&test).await;
    let caller = bound(test.workspace, OTHER_DAEMON);
    other_daemons_runtime(&test).await;
    sees_nothing(&test, &caller).await;
}

/// A daemon id is not unique across workspaces.
pub async fn bound_token_sees_nothing_of_other_workspace<S: Store>(test: TestContext<S>) {
    let other = test.other_tenant().workspaces.iter().next().unwrap();
    sees_nothing(&test, &bound(other, DAEMON)).await;
}

/// Every text that is no equal daemon id is another one.
pub async fn similar_daemon_id_is_another<S: Store>(test: TestContext<S>) {
    for daemon_id in ["", "Daemon", "daemon ", "daemo", "daemon-2"] {
        let caller = bound(test.workspace, daemon_id);
        let outcome = heartbeat(&test, test.runtime, &caller, test.start).await;
        assert_eq!(outcome, HeartbeatOutcome::OtherWorkspace, "{daemon_id:?}");
    }
}

/// The reports of each are accepted after those of the other were not.
pub async fn daemons_report_own_requests_only<S: Store>(test: TestContext<S>) {
    let other = other_daemons_runtime(&test).await;
    let ours = test.ring(test.start).await;
    let test = test.with_runtime(other);
    let theirs = test.ring(test.start).await;
    let [us, them] = [DAEMON, OTHER_DAEMON].map(|daemon_id| bound(test.workspace, daemon_id));
    for request in [&ours, &theirs] {
        test.claim(request.address, test.at(1)).await;
    }
    let now = test.at(2);
    assert_eq!(report(&test, &theirs, &us, now).await, ReportOutcome::NotFound);
    assert_eq!(report(&test, &ours, &them, now).await, ReportOutcome::NotFound);
    assert_eq!(report(&test, &ours, &us, now).await, recorded(&ours));
    assert_eq!(report(&test, &theirs, &them, now).await, recorded(&theirs));
    // Nor is the end of a request shown to the other daemon, which would read "ok".
    assert_eq!(report(&test, &ours, &them, now).await, ReportOutcome::NotFound);
}

/// Tokens without a daemon stay valid.
pub async fn unbound_token_acts_for_every_daemon<S: Store>(test: TestContext<S>) {
    let other = other_daemons_runtime(&test).await;
    for runtime in [test.runtime, other] {
        let outcome = heartbeat(&test, runtime, &test.caller, test.at(1)).await;
        assert!(matches!(outcome, HeartbeatOutcome::Recorded(_)), "{outcome:?}");
    }
    let test = test.with_runtime(other);
    let theirs = test.ring(test.at(1)).await;
    assert_eq!(report(&test, &theirs, &test.caller, test.at(2)).await, recorded(&theirs));
}
