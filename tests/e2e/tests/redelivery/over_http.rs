//! What a heartbeat's `in_flight` does, and what it does not do when it cannot be read.

use std::collections::BTreeSet;

use doorbell_protocol::limits::IN_FLIGHT_PER_HEARTBEAT;
use doorbell_test_support::{ApiResponse, Caller, TestApi};
use serde_json::{Value, json};

/// An API on which a request was handed out, longer ago than its answer can have taken.
struct HandedOut {
    api: TestApi,
    runtime: String,
    request: String,
}

async fn handed_out() -> HandedOut {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let request = api.ring(&runtime).await;
    assert_eq!(api.heartbeat(&runtime).await.body["pending_model_list"]["id"], request.as_str());
    api.advance_secs(5.001);
    HandedOut { api, runtime, request }
}

impl HandedOut {
    async fn beat(&self, in_flight: Value) -> ApiResponse {
        let body = json!({"runtime_id": self.runtime, "in_flight": in_flight});
        self.api.post(Caller::DaemonA, "/api/daemon/heartbeat", body).await
    }

    async fn poll(&self) -> Value {
        self.api.poll(&self.runtime, &self.request).await.body
    }

    async fn report(&self, model: &str) {
        let report = json!({"status": "completed", "models": [{"id": model, "label": model}]});
        let answer = self.api.report(&self.runtime, &self.request, report).await;
        assert_eq!(answer, ApiResponse::ok(json!({"status": "ok"})));
    }
}

fn nothing() -> ApiResponse {
    ApiResponse::ok(json!({"status": "ok"}))
}

#[tokio::test]
async fn what_was_handed_out_and_is_not_in_flight_is_handed_out_again() {
    let test = handed_out().await;
    let again = test.beat(json!([])).await;
    assert_eq!(again, ApiResponse::ok(json!({"status": "ok", "pending_model_list": {"id": test.request}})));
    assert_eq!(test.poll().await["status"], "running");
    assert_eq!(test.beat(json!([])).await, nothing(), "handed out again before the answer can have arrived");
}

#[tokio::test]
async fn what_is_in_flight_is_not_handed_out_again() {
    let test = handed_out().await;
    assert_eq!(test.beat(json!([test.request])).await, nothing());
}

#[tokio::test]
async fn a_daemon_that_does_not_say_what_is_in_flight_is_handed_nothing_again() {
    let test = handed_out().await;
    assert_eq!(test.api.heartbeat(&test.runtime).await, nothing());
}

/// Neither refused, nor taken for a list without what could not be read in it.
#[tokio::test]
async fn a_list_that_cannot_be_read_is_no_list() {
    let test = handed_out().await;
    let other = "01930000000070008000000000000001";
    for unreadable in [
        json!(null),
        json!("none"),
        json!({}),
        json!(0),
        json!([0]),
        json!([null]),
        json!(["x"]),
        json!([[]]),
        json!([test.request.to_uppercase()]),
        json!([other, "x"]),
        json!(vec![other; IN_FLIGHT_PER_HEARTBEAT + 1]),
    ] {
        assert_eq!(test.beat(unreadable.clone()).await, nothing(), "{unreadable}");
    }
    for unreadable in ["1e999", "[1e999]", &format!("{}{}", "[".repeat(500), "]".repeat(500))] {
        let body = format!(r#"{{"runtime_id":"{}","in_flight":{unreadable}}}"#, test.runtime);
        let answer = test.api.post_raw(Caller::DaemonA, "/api/daemon/heartbeat", body).await;
        assert_eq!(answer, nothing(), "{unreadable}");
    }
}

#[tokio::test]
async fn a_list_may_be_as_long_as_the_limit() {
    let test = handed_out().await;
    let others = vec!["01930000000070008000000000000001"; IN_FLIGHT_PER_HEARTBEAT];
    assert_eq!(test.beat(json!(others)).await.body["pending_model_list"]["id"], test.request.as_str());
}

/// The oldest first, and one a beat, whether or not it was handed out before.
#[tokio::test]
async fn what_is_handed_out_again_takes_its_place_in_the_queue() {
    let test = handed_out().await;
    let younger = test.api.ring(&test.runtime).await;
    let mut collected = Vec::new();
    for _ in 0..3 {
        collected.push(test.beat(json!([])).await.body["pending_model_list"]["id"].clone());
    }
    assert_eq!(collected, [json!(test.request), json!(younger), Value::Null]);
}

#[tokio::test]
async fn the_running_clock_goes_on_when_a_request_is_handed_out_again() {
    let test = handed_out().await;
    test.beat(json!([])).await;
    test.api.advance_secs(60.0 - 5.001);
    assert_eq!(test.poll().await["status"], "running");
    test.api.advance_secs(0.001);
    assert_eq!(test.poll().await["error"], "daemon did not finish within 60 seconds");
    assert_eq!(test.beat(json!([])).await, nothing());
}

/// The daemon that was thought to have lost it, and the one that it was handed to then.
#[tokio::test]
async fn of_two_daemons_that_work_on_one_request_the_first_to_report_has_answered_it() {
    let test = handed_out().await;
    test.beat(json!([])).await;
    test.report("first").await;
    let answered = test.poll().await;
    test.api.advance_secs(1.0);
    test.report("second").await;
    assert_eq!(answered["models"][0]["id"], "first");
    assert_eq!(test.poll().await, answered);
}

/// Its answer was lost on the way. The record is not even touched: it is gone when it would have been.
#[tokio::test]
async fn a_report_that_is_repeated_changes_nothing() {
    let test = handed_out().await;
    test.report("gpt-6").await;
    let answered = test.poll().await;
    test.api.advance_secs(60.0);
    test.report("gpt-6").await;
    assert_eq!(test.poll().await, answered);
    test.api.advance_secs(60.0);
    assert_eq!(test.poll().await, answered);
    test.api.advance_secs(0.001);
    let gone = test.api.poll(&test.runtime, &test.request).await;
    assert_eq!(gone, ApiResponse::error(404, "request not found"));
}

/// What a daemon is told of its work, and a client of its request, is what they were told before there was redelivery.
#[tokio::test]
async fn nothing_new_is_on_the_wire() {
    let test = handed_out().await;
    test.beat(json!([])).await;
    let running = test.poll().await;
    let fields: BTreeSet<&str> = running.as_object().unwrap().keys().map(String::as_str).collect();
    let contract = ["created_at", "id", "runtime_id", "status", "supported", "updated_at"];
    assert_eq!(fields, BTreeSet::from(contract));
}
