//! What only time does, in real time: each test waits as long as the contract says.

use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::{ONLINE_WINDOW, PENDING_DEADLINE, RETENTION, RUNNING_DEADLINE};
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::limits::CLOCK_SKEW;
use doorbell_test_support::{ApiResponse, Caller, Client, stack};
use serde_json::{Value, json};

/// Time between two looks.
const PACE: Duration = Duration::from_secs(2);
/// How much later than it happens something may be seen.
const DELAY: Duration = Duration::from_secs(20);

/// Polls until `is_over`, which has to be soon after `deadline`.
async fn poll_past(
    deadline: Duration,
    client: &Client,
    runtime: &str,
    request: &str,
    is_over: impl Fn(&Answer) -> bool,
) -> ApiResponse {
    for _ in 0..(deadline + DELAY).as_secs() / PACE.as_secs() {
        let seen = client.poll(runtime, request).await;
        if is_over(&seen) {
            return seen;
        }
        tokio::time::sleep(PACE).await;
    }
    panic!("{request} is not over {deadline:?} after the last change");
}

/// A time of a record.
fn time(record: &Value, field: &str) -> Timestamp {
    serde_json::from_value(record[field].clone()).unwrap()
}

fn assert_timed_out(record: &Value, error: &str, deadline: Timestamp) {
    assert_eq!((&record["status"], &record["error"]), (&json!("timeout"), &json!(error)));
    assert!(time(record, "updated_at") > deadline, "{record} lapsed before {deadline}");
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn nobody_collecting_is_a_time_out_after_thirty_seconds() {
    let client = stack::client();
    let runtime = client.new_runtime().await;
    let request = client.ring(&runtime).await;
    let changed = |seen: &Answer| seen.body["status"] != "pending";
    let lapsed = poll_past(PENDING_DEADLINE, &client, &runtime, &request, changed).await.body;
    let text = "daemon did not respond within 30 seconds";
    assert_timed_out(&lapsed, text, time(&lapsed, "created_at") + PENDING_DEADLINE);
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn nobody_reporting_is_a_time_out_sixty_seconds_after_the_claim() {
    let client = stack::client();
    let runtime = client.new_runtime().await;
    let request = client.ring(&runtime).await;
    client.heartbeat(&runtime).await;
    let claimed = client.poll(&runtime, &request).await.body;
    let changed = |seen: &Answer| seen.body["status"] != "running";
    let lapsed = poll_past(RUNNING_DEADLINE, &client, &runtime, &request, changed).await.body;
    let text = "daemon did not finish within 60 seconds";
    assert_timed_out(&lapsed, text, time(&claimed, "updated_at") + RUNNING_DEADLINE);
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn a_record_is_gone_two_minutes_after_its_last_change() {
    let client = stack::client();
    let runtime = client.new_runtime().await;
    let request = client.ring(&runtime).await;
    let since = Stopwatch::start();
    client.report(&runtime, &request, json!({"status": "failed", "error": "no"})).await;
    let gone = poll_past(RETENTION, &client, &runtime, &request, |seen| seen.status != 200).await;
    assert_eq!(gone, ApiResponse::error(404, "request not found"));
    assert!(since.elapsed() > RETENTION - CLOCK_SKEW, "gone after {:?}", since.elapsed());
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn a_runtime_is_offline_forty_five_seconds_after_its_last_beat() {
    let client = stack::client();
    let since = Stopwatch::start();
    let runtime = client.new_runtime().await;
    while client.find_runtime(&runtime).await.unwrap()["status"] == "online" {
        assert!(since.elapsed() < ONLINE_WINDOW + DELAY, "online for {:?}", since.elapsed());
        tokio::time::sleep(PACE).await;
    }
    assert!(since.elapsed() > ONLINE_WINDOW - CLOCK_SKEW, "offline after {:?}", since.elapsed());
    let rung = client.post(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
    assert_eq!(rung, ApiResponse::error(503, "runtime is offline"));
}
