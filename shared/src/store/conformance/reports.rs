//! Reports: acknowledged is stored, stale changes nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::TestContext;
use super::context::{TICK, completed, json, kind, recorded};
use crate::catalog::CatalogUpdate;
use crate::request::{Address, ErrorText, KindFilter, RequestOutcome, Ring, State};
use crate::store::{PollOutcome, ProgressOutcome, ReportOutcome, Store};
use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::{
    ARGS_BYTES, PENDING_DEADLINE, PROGRESS_BYTES, RESULT_BYTES, RUNNING_DEADLINE,
};

/// Compressed or not; and the result is recognised in a repeated report.
pub async fn stores_any_result_unchanged<S: Store>(test: TestContext<S>) {
    let catalog: String =
        (0..500).map(|number| format!(r#"{{"id":"{number}","label":"Ä {number}"}},"#)).collect();
    let [short, long] = [catalog[..500].to_owned(), catalog[..1_500].to_owned()];
    for json in [String::new(), short, long, catalog] {
        let request = test.ring(test.start).await;
        let outcome = completed(&json);
        assert_eq!(test.report(request.address, &outcome, test.at(2)).await, recorded(&request));
        assert_eq!(test.report(request.address, &outcome, test.at(3)).await, ReportOutcome::Duplicate);
        let other = completed(&format!("{json} "));
        assert_eq!(test.report(request.address, &other, test.at(3)).await, ReportOutcome::Stale);
        let shown = test.poll(&test.replica_b, request.address, test.at(4)).await.unwrap();
        assert_eq!(shown.state, State::from(outcome));
    }
}

pub async fn every_later_poll_shows_result<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.claim(request.address, test.at(1)).await;
    let outcome = completed(r#"{"models":[{"id":"a","label":"Ä"}]}"#);
    assert_eq!(test.report(request.address, &outcome, test.at(2)).await, recorded(&request));
    for (replica, second) in [(&test.replica_a, 2), (&test.replica_b, 3), (&test.replica_b, 100)] {
        let shown = test.poll(replica, request.address, test.at(second)).await.unwrap();
        assert_eq!((shown.state, shown.updated_at), (State::from(outcome.clone()), test.at(2)));
    }
}

pub async fn poll_shows_error_of_failure<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.claim(request.address, test.at(1)).await;
    let error = ErrorText::from("codex is not logged in".to_owned());
    test.report(request.address, &RequestOutcome::Failed(error.clone()), test.at(2)).await;
    let shown = test.poll(&test.replica_b, request.address, test.at(3)).await.unwrap();
    assert_eq!(shown.state, State::Failed(error));
}

pub async fn accepts_report_of_pending_request<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    assert_eq!(test.report(request.address, &completed("{}"), test.at(2)).await, recorded(&request));
}

/// The response to the report was lost, and the daemon repeats it.
pub async fn repeated_report_is_duplicate<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.report(request.address, &completed("{}"), test.at(2)).await;
    assert_eq!(test.report(request.address, &completed("{}"), test.at(3)).await, ReportOutcome::Duplicate);
    let shown = test.poll(&test.replica_b, request.address, test.at(4)).await.unwrap();
    assert_eq!(shown.updated_at, test.at(2), "the second report moved the record");
}

/// The response was lost, and the SDK retries within the same call: not a duplicate.
pub async fn retried_report_is_recorded<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.report(request.address, &completed("{}"), test.at(2)).await;
    assert_eq!(test.report(request.address, &completed("{}"), test.at(2)).await, recorded(&request));
}

pub async fn different_second_report_is_stale<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.report(request.address, &completed("[1]"), test.at(2)).await;
    assert_eq!(test.report(request.address, &completed("[2]"), test.at(3)).await, ReportOutcome::Stale);
    let shown = test.poll(&test.replica_b, request.address, test.at(4)).await.unwrap();
    assert_eq!(shown.state, State::from(completed("[1]")));
}

/// Also before the timeout is written.
pub async fn report_after_deadline_is_stale<S: Store>(test: TestContext<S>) {
    let pending = test.ring(test.start).await;
    let running = test.ring(test.start).await;
    test.claim(running.address, test.at(10)).await;
    let (pending_deadline, running_deadline) =
        (test.start + PENDING_DEADLINE, test.at(10) + RUNNING_DEADLINE);
    for (request, deadline) in [(pending, pending_deadline), (running, running_deadline)] {
        let late = test.report(request.address, &completed("{}"), deadline + TICK).await;
        assert_eq!(late, ReportOutcome::Stale);
        assert_eq!(test.report(request.address, &completed("{}"), deadline).await, recorded(&request));
    }
}

/// The limit leaves room for the largest args and the other attributes.
pub async fn stores_largest_allowed_result<S: Store>(test: TestContext<S>) {
    let args = format!("\"{}\"", "x".repeat(ARGS_BYTES - 2));
    let request = test.enqueue(&test.question_ring(&args, test.start), test.start).await;
    test.claim(request.address, test.at(1)).await;
    let progress = format!("\"{}\"", "x".repeat(PROGRESS_BYTES - 2));
    assert_eq!(progressed(&test, request.address, &progress, test.at(2)).await, ProgressOutcome::Recorded);
    let large = completed(&"x".repeat(RESULT_BYTES));
    assert_eq!(test.report(request.address, &large, test.at(2)).await, recorded(&request));
    let shown = test.poll(&test.replica_b, request.address, test.at(3)).await.unwrap();
    assert_eq!((shown.state, shown.args), (State::from(large), request.args));
}

async fn progressed<S: Store>(
    test: &TestContext<S>,
    address: Address,
    progress: &str,
    now: Timestamp,
) -> ProgressOutcome {
    test.replica_a.report_progress(address, &test.caller, &json(progress), now).await.unwrap()
}

pub async fn polls_show_last_progress<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let running = test.claim(request.address, test.at(1)).await;
    for (second, progress) in [(2, "[1]"), (3, r#"{"percent":20}"#)] {
        let outcome = progressed(&test, request.address, progress, test.at(second)).await;
        assert_eq!(outcome, ProgressOutcome::Recorded);
        let shown = test.poll(&test.replica_b, request.address, test.at(second)).await.unwrap();
        assert_eq!((shown.progress, shown.updated_at), (Some(json(progress)), test.at(second)));
        assert_eq!(shown.state, running.state, "the lease has changed");
    }
    test.report(request.address, &completed("{}"), test.at(4)).await;
    let shown = test.poll(&test.replica_b, request.address, test.at(4)).await.unwrap();
    assert_eq!(shown.progress, None, "the result replaces the progress");
}

pub async fn progress_extends_no_deadline<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.claim(request.address, test.start).await;
    let deadline = test.start + RUNNING_DEADLINE;
    assert_eq!(progressed(&test, request.address, "1", deadline).await, ProgressOutcome::Recorded);
    assert_eq!(progressed(&test, request.address, "2", deadline + TICK).await, ProgressOutcome::Stale);
    let shown = test.poll(&test.replica_b, request.address, deadline + TICK).await.unwrap();
    assert!(matches!(shown.state, State::Timeout(_)), "{shown:?}");
}

pub async fn only_running_request_accepts_progress<S: Store>(test: TestContext<S>) {
    let pending = test.ring(test.start).await;
    let reported = test.ring(test.start).await;
    test.claim(reported.address, test.at(1)).await;
    test.report(reported.address, &completed("{}"), test.at(1)).await;
    let cancelled = test.ring(test.start).await;
    test.claim(cancelled.address, test.at(1)).await;
    test.cancel(cancelled.address, test.at(1)).await;
    for (request, expected) in [
        (pending, ProgressOutcome::Stale),
        (reported, ProgressOutcome::Stale),
        (cancelled, ProgressOutcome::Cancelled),
    ] {
        let before = test.poll(&test.replica_b, request.address, test.at(1)).await;
        assert_eq!(progressed(&test, request.address, "1", test.at(2)).await, expected);
        assert_eq!(test.poll(&test.replica_b, request.address, test.at(2)).await, before);
    }
    let unknown = progressed(&test, test.address(test.start), "1", test.at(2)).await;
    assert_eq!(unknown, ProgressOutcome::NotFound);
}

/// A route of a kind serves requests of this kind only.
pub async fn request_of_other_kind_is_not_found<S: Store>(test: TestContext<S>) {
    let ring = Ring { kind: kind("uptime"), ..test.new_ring(test.start) };
    let request = test.enqueue(&ring, test.start).await;
    let only = |name| KindFilter::Only(kind(name));
    let caller = &test.caller;
    let now = test.at(1);
    let poll = test.replica_b.poll(request.address, only("disk_usage"), caller, now).await.unwrap();
    assert_eq!(poll, PollOutcome::NotFound);
    let poll = test.replica_b.poll(request.address, only("uptime"), caller, now).await.unwrap();
    assert_eq!(poll, PollOutcome::Found(request.clone()));
    let cancel = test.replica_b.cancel(request.address, only("disk_usage"), caller, now).await.unwrap();
    assert_eq!(cancel, crate::store::CancelOutcome::NotFound);
    let outcome = completed("{}");
    let report = test
        .replica_b
        .report(request.address, only("disk_usage"), caller, &outcome, CatalogUpdate::Keep, now)
        .await
        .unwrap();
    assert_eq!(report, ReportOutcome::NotFound);
    assert_eq!(test.poll(&test.replica_a, request.address, now).await, Some(request.clone()));
    let report = test
        .replica_b
        .report(request.address, only("uptime"), caller, &outcome, CatalogUpdate::Keep, now)
        .await
        .unwrap();
    assert_eq!(report, recorded(&request));
}
