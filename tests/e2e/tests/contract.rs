//! The wire contract, line by line, over HTTP: every status and every text. The suite runs here on the embedded engine, and
//! in `stack` wherever Doorbell is deployed; what needs a clock that can be set is here alone.

use doorbell_test_support::{ApiResponse, Caller, TestApi};
use serde_json::json;

mod embedded {
    doorbell_test_support::contract_suite!([] doorbell_test_support::TestApi::start);
}

#[tokio::test]
async fn a_runtime_rung_too_fast_is_told_with_when_to_try_again() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    for _ in 0..60 {
        api.ring(&runtime).await;
    }
    let path = format!("/api/runtimes/{runtime}/models");
    let one_more = api.request(reqwest::Method::POST, &path).bearer_auth("dbu_dev_a").send().await.unwrap();
    assert_eq!(
        (one_more.status().as_u16(), &one_more.headers()["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    let answer = api.post(Caller::UserA, &path, json!({})).await;
    assert_eq!(answer, ApiResponse::error(429, "too many requests for this runtime"));
    api.advance_secs(1.0);
    api.ring(&runtime).await;
}

#[tokio::test]
async fn a_runtime_is_offline_forty_five_seconds_after_its_last_beat() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    api.advance_secs(45.0);
    api.ring(&runtime).await;
    api.advance_secs(0.001);
    let answer = api.post(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
    assert_eq!(answer, ApiResponse::error(503, "runtime is offline"));
}

#[tokio::test]
async fn nobody_collecting_is_a_time_out_after_thirty_seconds() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let request = api.ring(&runtime).await;
    api.advance_secs(30.0);
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");
    api.advance_secs(0.001);
    let lapsed = api.poll(&runtime, &request).await.body;
    assert_eq!(lapsed["status"], "timeout");
    assert_eq!(lapsed["error"], "daemon did not respond within 30 seconds");
}

#[tokio::test]
async fn nobody_reporting_is_a_time_out_sixty_seconds_after_the_claim() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let request = api.ring(&runtime).await;
    api.advance_secs(20.0);
    api.heartbeat(&runtime).await;
    api.advance_secs(60.0);
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "running");
    api.advance_secs(0.001);
    let lapsed = api.poll(&runtime, &request).await.body;
    assert_eq!(lapsed["status"], "timeout");
    assert_eq!(lapsed["error"], "daemon did not finish within 60 seconds");
}

#[tokio::test]
async fn a_record_is_gone_two_minutes_after_its_last_change() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let request = api.ring(&runtime).await;
    api.report(&runtime, &request, json!({"status": "failed", "error": "no"})).await;
    api.advance_secs(120.0);
    assert_eq!(api.poll(&runtime, &request).await.status, 200);
    api.advance_secs(0.001);
    assert_eq!(api.poll(&runtime, &request).await, ApiResponse::error(404, "request not found"));
}

#[tokio::test]
async fn a_report_on_a_lapsed_request_is_ignored_and_still_ok() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let request = api.ring(&runtime).await;
    api.advance_secs(30.001);
    let late = api.report(&runtime, &request, json!({"status": "failed", "error": "late"})).await;
    assert_eq!(late, ApiResponse::ok(json!({"status": "ok"})));
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "timeout");
}
