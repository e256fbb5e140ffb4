//! Snapshots of the catalog: what reports do to them, and which rings they answer.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use doorbell_protocol::limits::{CATALOG_RETENTION, IDEMPOTENCY_RETENTION, ONLINE_WINDOW, RESULT_BYTES};
use doorbell_protocol::{Kind, Timestamp};
use futures_util::future::join_all;

use super::TestContext;
use super::context::{TICK, completed, kind};
use crate::catalog::{CatalogUpdate, ServedSnapshot};
use crate::kinds::model_list::MODEL_LIST;
use crate::request::{ErrorText, KindFilter, Payload, Request, RequestOutcome, Ring};
use crate::store::{FindSnapshotOutcome, ReportOutcome, Store};

/// What a ring of `kind` finds on replica B.
async fn find_kind<S: Store>(test: &TestContext<S>, kind: Kind, now: Timestamp) -> Option<ServedSnapshot> {
    match test.replica_b.find_snapshot(test.runtime, kind, None, &test.caller, now).await.unwrap() {
        FindSnapshotOutcome::Found(snapshot, _) => Some(snapshot),
        FindSnapshotOutcome::NotFound => None,
    }
}

/// What a ring of `model_list` finds on replica B.
async fn find<S: Store>(test: &TestContext<S>, now: Timestamp) -> Option<ServedSnapshot> {
    find_kind(test, MODEL_LIST.kind, now).await
}

/// What a ring with an idempotency key finds on replica B.
async fn find_with_key<S: Store>(test: &TestContext<S>, key: &str, now: Timestamp) -> FindSnapshotOutcome {
    let key = key.parse().unwrap();
    test.replica_b.find_snapshot(test.runtime, MODEL_LIST.kind, Some(&key), &test.caller, now).await.unwrap()
}

fn snapshot(result: &str, stored_at: Timestamp) -> Option<ServedSnapshot> {
    Some(ServedSnapshot { result: Payload::try_from(result.to_owned()).unwrap(), stored_at })
}

/// Reports on `request`, which must be open.
async fn end<S: Store>(
    test: &TestContext<S>,
    update: CatalogUpdate,
    request: &Request,
    outcome: &RequestOutcome,
    now: Timestamp,
) {
    let reported = test.report_with(update, request.address, outcome, now).await;
    assert!(matches!(reported, ReportOutcome::Recorded { .. }), "{reported:?}");
}

/// Rings at the start of the test, and stores a snapshot with this result at `now`.
async fn list<S: Store>(test: &TestContext<S>, result: &str, now: Timestamp) {
    let request = test.ring(test.start).await;
    end(test, CatalogUpdate::Replace, &request, &completed(result), now).await;
}

pub async fn other_replica_finds_reported_snapshot_at_once<S: Store>(test: TestContext<S>) {
    assert_eq!(find(&test, test.at(1)).await, None);
    list(&test, "[1]", test.at(1)).await;
    assert_eq!(find(&test, test.at(1)).await, snapshot("[1]", test.at(1)));
}

/// Small and large results are stored in different attributes.
pub async fn newer_report_replaces_snapshot<S: Store>(test: TestContext<S>) {
    let large = "[]".repeat(10_000);
    for (second, result) in [(1, "[1]"), (2, &large), (3, "[3]"), (4, &large)] {
        list(&test, result, test.at(second)).await;
        assert_eq!(find(&test, test.at(second)).await, snapshot(result, test.at(second)), "{second}");
    }
}

/// The instance of the older report is slower, or has an earlier clock.
pub async fn late_older_report_changes_no_snapshot<S: Store>(test: TestContext<S>) {
    let older = test.ring(test.start).await;
    list(&test, "[3]", test.at(3)).await;
    end(&test, CatalogUpdate::Replace, &older, &completed("[2]"), test.at(2)).await;
    assert_eq!(find(&test, test.at(4)).await, snapshot("[3]", test.at(3)));
}

pub async fn concurrent_reports_leave_newest_snapshot<S: Store>(test: TestContext<S>) {
    let mut requests = Vec::new();
    for _ in 0..8 {
        requests.push(test.ring(test.start).await);
    }
    let reports = requests.iter().rev().zip((1..=8).rev()).map(|(request, second)| {
        let replica = if second % 2 == 0 { &test.replica_a } else { &test.replica_b };
        let (test, outcome) = (&test, completed(&format!("[{second}]")));
        async move {
            let (kinds, update) = (KindFilter::Any, CatalogUpdate::Replace);
            let now = test.at(second);
            replica.report(request.address, kinds, &test.caller, &outcome, update, now).await.unwrap();
        }
    });
    join_all(reports).await;
    assert_eq!(find(&test, test.at(9)).await, snapshot("[8]", test.at(8)));
}

pub async fn deleted_snapshot_is_not_found<S: Store>(test: TestContext<S>) {
    list(&test, "[1]", test.at(1)).await;
    let empty = test.ring(test.start).await;
    end(&test, CatalogUpdate::Delete, &empty, &completed("[]"), test.at(2)).await;
    assert_eq!(find(&test, test.at(2)).await, None);
    list(&test, "[3]", test.at(3)).await;
    assert_eq!(find(&test, test.at(3)).await, snapshot("[3]", test.at(3)));
}

pub async fn late_older_report_brings_no_deleted_snapshot_back<S: Store>(test: TestContext<S>) {
    let older = test.ring(test.start).await;
    let empty = test.ring(test.start).await;
    end(&test, CatalogUpdate::Delete, &empty, &completed("[]"), test.at(3)).await;
    end(&test, CatalogUpdate::Replace, &older, &completed("[2]"), test.at(2)).await;
    assert_eq!(find(&test, test.at(4)).await, None);
}

pub async fn late_older_deletion_keeps_snapshot<S: Store>(test: TestContext<S>) {
    let empty = test.ring(test.start).await;
    list(&test, "[3]", test.at(3)).await;
    end(&test, CatalogUpdate::Delete, &empty, &completed("[]"), test.at(2)).await;
    assert_eq!(find(&test, test.at(4)).await, snapshot("[3]", test.at(3)));
}

/// Neither stores nor removes anything.
pub async fn report_that_keeps_the_catalog_changes_nothing<S: Store>(test: TestContext<S>) {
    let failed = RequestOutcome::Failed(ErrorText::from("no".to_owned()));
    for outcome in [completed("[0]"), failed.clone()] {
        let request = test.ring(test.start).await;
        end(&test, CatalogUpdate::Keep, &request, &outcome, test.at(1)).await;
        assert_eq!(find(&test, test.at(1)).await, None);
    }
    list(&test, "[1]", test.at(2)).await;
    for outcome in [completed("[0]"), failed] {
        let request = test.ring(test.start).await;
        end(&test, CatalogUpdate::Keep, &request, &outcome, test.at(3)).await;
        assert_eq!(find(&test, test.at(3)).await, snapshot("[1]", test.at(2)));
    }
}

/// A second report with another result, one after the deadline, and one of a cancelled request.
pub async fn stale_report_changes_no_snapshot<S: Store>(test: TestContext<S>) {
    let reported = test.ring(test.start).await;
    let expired = test.ring(test.start).await;
    let cancelled = test.ring(test.start).await;
    end(&test, CatalogUpdate::Replace, &reported, &completed("[1]"), test.at(1)).await;
    test.cancel(cancelled.address, test.at(1)).await;
    for (request, second) in [(reported, 2), (cancelled, 2), (expired, 31)] {
        let stale = completed("[2]");
        let report = test.report_with(CatalogUpdate::Replace, request.address, &stale, test.at(second)).await;
        assert!(
            !matches!(report, ReportOutcome::Recorded { .. } | ReportOutcome::Duplicate),
            "{report:?} at {second}"
        );
    }
    assert_eq!(find(&test, test.at(31)).await, snapshot("[1]", test.at(1)));
}

pub async fn repeated_report_keeps_time_of_the_first<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    end(&test, CatalogUpdate::Replace, &request, &completed("[1]"), test.at(1)).await;
    let report =
        async |now| test.report_with(CatalogUpdate::Replace, request.address, &completed("[1]"), now).await;
    assert_eq!(report(test.at(5)).await, ReportOutcome::Duplicate);
    assert_eq!(find(&test, test.at(5)).await, snapshot("[1]", test.at(1)));
    list(&test, "[2]", test.at(2)).await;
    assert_eq!(report(test.at(6)).await, ReportOutcome::Duplicate);
    assert_eq!(find(&test, test.at(6)).await, snapshot("[2]", test.at(2)));
}

pub async fn snapshot_is_found_for_24_h<S: Store>(test: TestContext<S>) {
    list(&test, "[1]", test.at(1)).await;
    let last = test.at(1) + CATALOG_RETENTION;
    test.open(&test.replica_a, last).await;
    assert_eq!(find(&test, last).await, snapshot("[1]", test.at(1)));
    assert_eq!(find(&test, last + TICK).await, None);
}

pub async fn finds_largest_snapshot<S: Store>(test: TestContext<S>) {
    let large = "x".repeat(RESULT_BYTES);
    list(&test, &large, test.at(1)).await;
    assert_eq!(find(&test, test.at(1)).await, snapshot(&large, test.at(1)));
}

pub async fn snapshot_is_of_one_runtime_and_kind<S: Store>(test: TestContext<S>) {
    list(&test, "[1]", test.at(1)).await;
    assert_eq!(find_kind(&test, kind("uptime"), test.at(1)).await, None);
    let uptime = test.enqueue(&Ring { kind: kind("uptime"), ..test.new_ring(test.at(2)) }, test.at(2)).await;
    end(&test, CatalogUpdate::Replace, &uptime, &completed("2"), test.at(2)).await;
    assert_eq!(find_kind(&test, kind("uptime"), test.at(2)).await, snapshot("2", test.at(2)));
    assert_eq!(find(&test, test.at(2)).await, snapshot("[1]", test.at(1)));
    let other = test.register(&test.replica_a, test.registration("opencode"), test.start).await;
    let now = test.at(2);
    assert_eq!(find(&test.with_runtime(other.id), now).await, None);
}

/// The next heartbeat makes it valid again.
pub async fn offline_runtime_has_no_snapshot<S: Store>(test: TestContext<S>) {
    list(&test, "[1]", test.at(1)).await;
    let last = test.start + ONLINE_WINDOW;
    let stored = snapshot("[1]", test.at(1));
    assert_eq!((find(&test, last).await, find(&test, last + TICK).await), (stored.clone(), None));
    test.open(&test.replica_a, last + TICK).await;
    assert_eq!(find(&test, last + TICK).await, stored);
    let deregistered = last + 2 * TICK;
    test.replica_a.deregister(test.runtime, &test.caller, deregistered).await.unwrap();
    assert_eq!(find(&test, deregistered).await, None);
    test.open(&test.replica_a, deregistered + TICK).await;
    assert_eq!(find(&test, deregistered + TICK).await, stored);
}

pub async fn repeated_registration_keeps_snapshot<S: Store>(test: TestContext<S>) {
    list(&test, "[1]", test.at(1)).await;
    test.register(&test.replica_a, test.registration("codex"), test.at(2)).await;
    assert_eq!(find(&test, test.at(2)).await, snapshot("[1]", test.at(1)));
}

/// Not even when it is registered again: the machine may have other programs and logins since.
pub async fn forgotten_runtime_has_no_snapshot<S: Store>(test: TestContext<S>) {
    list(&test, "[1]", test.at(1)).await;
    test.replica_a.forget_runtime(test.runtime, &test.caller, test.at(2)).await.unwrap();
    assert_eq!(find(&test, test.at(2)).await, None);
    let again = test.register(&test.replica_a, test.registration("codex"), test.at(3)).await;
    assert_eq!(again.id, test.runtime);
    assert_eq!(find(&test, test.at(3)).await, None);
    let request = test.enqueue(&test.new_ring(test.at(4)), test.at(4)).await;
    end(&test, CatalogUpdate::Replace, &request, &completed("[5]"), test.at(5)).await;
    assert_eq!(find(&test, test.at(5)).await, snapshot("[5]", test.at(5)));
}

/// An earlier ring with the key is answered with its request.
pub async fn used_key_finds_no_snapshot<S: Store>(test: TestContext<S>) {
    list(&test, "[1]", test.at(1)).await;
    let ring = Ring { idempotency_key: Some("a".parse().unwrap()), ..test.new_ring(test.at(2)) };
    test.enqueue(&ring, test.at(2)).await;
    let last = test.at(2) + IDEMPOTENCY_RETENTION;
    test.open(&test.replica_a, last).await;
    for now in [test.at(2), last] {
        assert_eq!(find_with_key(&test, "a", now).await, FindSnapshotOutcome::NotFound);
        let unused = find_with_key(&test, "b", now).await;
        assert!(matches!(unused, FindSnapshotOutcome::Found(..)), "{unused:?}");
    }
    let forgotten = find_with_key(&test, "a", last + TICK).await;
    assert!(matches!(forgotten, FindSnapshotOutcome::Found(..)), "{forgotten:?}");
}

/// Whether it is being refreshed is a matter of the caller, which gets every open request.
pub async fn snapshot_comes_with_open_set<S: Store>(test: TestContext<S>) {
    list(&test, "[1]", test.start).await;
    let mut open = Vec::new();
    for millis in 1..4 {
        let now = test.start + Duration::from_millis(millis);
        let name = if millis == 2 { kind("uptime") } else { MODEL_LIST.kind };
        let request = test.enqueue(&Ring { kind: name, ..test.new_ring(now) }, now).await;
        open.push((request.address.request, name));
    }
    let found = test.replica_b.find_snapshot(test.runtime, MODEL_LIST.kind, None, &test.caller, test.at(1));
    match found.await.unwrap() {
        FindSnapshotOutcome::Found(_, found) => {
            let found: Vec<_> = found.into_iter().map(|entry| (entry.request, entry.kind)).collect();
            assert_eq!(found, open);
        }
        FindSnapshotOutcome::NotFound => panic!("no snapshot"),
    }
}
