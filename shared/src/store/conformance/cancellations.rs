//! Cancellations: an open request ends, an ended one stays as it is.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use doorbell_protocol::limits::{PENDING_DEADLINE, RETENTION, RUNNING_DEADLINE};

use super::TestContext;
use super::context::{TICK, completed, json};
use crate::request::{ClaimFilter, Request, State, TimeoutReason};
use crate::store::{CancelOutcome, ReportOutcome, Store};

fn cancelled(outcome: CancelOutcome) -> Request {
    match outcome {
        CancelOutcome::Cancelled(request) => request,
        other => panic!("not cancelled: {other:?}"),
    }
}

pub async fn cancels_pending_request<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let ended = cancelled(test.cancel(request.address, test.at(3)).await);
    assert_eq!(ended, Request { state: State::Cancelled, updated_at: test.at(3), ..request });
    assert_eq!(test.poll(&test.replica_b, ended.address, test.at(4)).await, Some(ended));
}

/// Its progress stays.
pub async fn cancels_running_request<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.claim(request.address, test.at(1)).await;
    test.replica_b.report_progress(request.address, &test.caller, &json("1"), test.at(2)).await.unwrap();
    let ended = cancelled(test.cancel(request.address, test.at(3)).await);
    assert_eq!((&ended.state, &ended.progress), (&State::Cancelled, &Some(json("1"))));
    assert_eq!(test.poll(&test.replica_b, ended.address, test.at(4)).await, Some(ended));
}

pub async fn report_of_cancelled_request_changes_nothing<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.claim(request.address, test.at(1)).await;
    let ended = cancelled(test.cancel(request.address, test.at(3)).await);
    assert_eq!(test.report(ended.address, &completed("{}"), test.at(4)).await, ReportOutcome::Cancelled);
    assert_eq!(test.claim_as(ClaimFilter::PendingOrLost, ended.address, test.at(20)).await, None);
    assert_eq!(test.poll(&test.replica_b, ended.address, test.at(20)).await, Some(ended));
}

pub async fn cancellation_keeps_result<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.report(request.address, &completed("{}"), test.at(1)).await;
    let reported = test.poll(&test.replica_b, request.address, test.at(1)).await.unwrap();
    assert_eq!(test.cancel(request.address, test.at(3)).await, CancelOutcome::Ended(reported.clone()));
    assert_eq!(test.poll(&test.replica_b, request.address, test.at(4)).await, Some(reported));
}

pub async fn second_cancellation_changes_nothing<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let first = cancelled(test.cancel(request.address, test.at(3)).await);
    assert_eq!(test.cancel(request.address, test.at(4)).await, CancelOutcome::Ended(first));
}

/// The response was lost, and the SDK retries within the same call.
pub async fn retried_cancellation_cancels<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let first = test.cancel(request.address, test.at(3)).await;
    assert_eq!(test.cancel(request.address, test.at(3)).await, first);
}

/// The timeout is written before it is shown.
pub async fn cancellation_of_expired_request_shows_its_timeout<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    let expired = test.start + PENDING_DEADLINE + TICK;
    let CancelOutcome::Ended(ended) = test.cancel(request.address, expired).await else {
        panic!("an expired request was cancelled")
    };
    assert_eq!(ended.state, State::Timeout(TimeoutReason::NotClaimed));
    let running = test.ring(test.start).await;
    test.claim(running.address, test.start).await;
    let expired = test.start + RUNNING_DEADLINE + TICK;
    let CancelOutcome::Ended(unreported) = test.cancel(running.address, expired).await else {
        panic!("an expired request was cancelled")
    };
    assert_eq!(unreported.state, State::Timeout(TimeoutReason::NotReported));
    assert_eq!(test.poll(&test.replica_b, request.address, test.at(20)).await, Some(ended));
}

pub async fn cancellation_past_retention_finds_nothing<S: Store>(test: TestContext<S>) {
    let request = test.ring(test.start).await;
    test.cancel(request.address, test.at(3)).await;
    let end = test.at(3) + RETENTION + TICK;
    assert_eq!(test.cancel(request.address, end).await, CancelOutcome::NotFound);
    assert_eq!(test.cancel(test.address(test.start), test.start).await, CancelOutcome::NotFound);
}

/// A daemon asks for those that are in flight and no longer in the open set.
pub async fn finds_cancelled_among_requests<S: Store>(test: TestContext<S>) {
    let open = test.ring(test.start).await;
    let reported = test.ring(test.start).await;
    test.report(reported.address, &completed("{}"), test.at(1)).await;
    let ended = test.ring(test.start).await;
    test.cancel(ended.address, test.at(3)).await;
    let asked =
        [open.address, reported.address, ended.address, test.address(test.start)].map(|asked| asked.request);
    let find = async |now| test.replica_b.find_cancelled(test.runtime, &asked, now).await.unwrap();
    assert_eq!(find(test.at(4)).await, [ended.address.request]);
    assert_eq!(find(test.at(3) + RETENTION + TICK).await, []);
    assert_eq!(test.replica_b.find_cancelled(test.runtime, &[], test.at(4)).await.unwrap(), []);
}
