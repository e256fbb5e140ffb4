//! Reports: acknowledged is stored, stale changes nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::TestContext;
use super::context::{TICK, completed, recorded};
use crate::request::{ErrorText, RequestOutcome, State};
use crate::store::{ReportOutcome, Store};
use doorbell_protocol::limits::{PENDING_DEADLINE, RESULT_BYTES, RUNNING_DEADLINE};

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

/// The limit leaves room for the other attributes.
pub async fn stores_largest_allowed_result<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.claim(request.address, test.at(1)).await;
    let large = completed(&"x".repeat(RESULT_BYTES));
    assert_eq!(test.report(request.address, &large, test.at(2)).await, recorded(&request));
    let shown = test.poll(&test.replica_b, request.address, test.at(3)).await.unwrap();
    assert_eq!(shown.state, State::from(large));
}
