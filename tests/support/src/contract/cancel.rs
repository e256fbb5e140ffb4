//! Cancellations, and the responses to the daemon.

use serde_json::json;

use super::requests::{ask_disk_usage, claim, new_runtime, record, report, requests_path};
use super::{Target, acknowledged, models_path};
use crate::{ApiResponse, Caller};

async fn cancel(api: &Target, runtime: &str, request: &str) -> ApiResponse {
    api.delete(Caller::UserA, &format!("{}/{request}", requests_path(runtime))).await
}

pub async fn open_request_fails_as_cancelled(api: &Target) {
    let runtime = new_runtime(api).await;
    let pending = ask_disk_usage(api, &runtime).await;
    let cancelled = cancel(api, &runtime, &pending).await;
    assert_eq!(
        (&cancelled.body["status"], &cancelled.body["error"]),
        (&json!("failed"), &json!("cancelled"))
    );
    assert_eq!(record(api, &runtime, &pending).await, cancelled.body);
    assert_eq!(claim(api, &runtime).await, json!(null));
}

pub async fn ended_request_stays_as_it_is(api: &Target) {
    let runtime = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    report(api, &runtime, &request, json!({"status": "completed", "result": 1})).await;
    let ended = record(api, &runtime, &request).await;
    assert_eq!(cancel(api, &runtime, &request).await, ApiResponse::ok(ended));
}

pub async fn report_of_cancelled_request_says_so(api: &Target) {
    let runtime = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    claim(api, &runtime).await;
    let cancelled = cancel(api, &runtime, &request).await;
    let expected = ApiResponse::ok(json!({"status": "ok", "cancelled": true}));
    for body in [
        json!({"status": "running", "progress": 1}),
        json!({"status": "completed", "result": 1}),
        json!({"status": "failed", "error": "no"}),
    ] {
        assert_eq!(report(api, &runtime, &request, body.clone()).await, expected, "{body}");
    }
    assert_eq!(record(api, &runtime, &request).await, cancelled.body);
}

pub async fn heartbeat_names_cancelled_request_in_flight(api: &Target) {
    let runtime = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    claim(api, &runtime).await;
    cancel(api, &runtime, &request).await;
    let body = json!({"runtimes": [{"id": runtime, "in_flight": [request]}]});
    let response = api.post(Caller::DaemonA, "/api/daemon/heartbeat", body).await;
    assert_eq!(response.body["runtimes"][0]["cancelled"], json!([request]));
}

/// Its responses are older than cancellation.
pub async fn model_report_of_cancelled_request_is_unchanged(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    assert_eq!(cancel(api, &runtime, &request).await.body["error"], "cancelled");
    let reported = api.report(&runtime, &request, json!({"status": "completed", "models": []})).await;
    assert_eq!(reported, acknowledged());
    let polled = api.poll(&runtime, &request).await.body;
    assert_eq!((&polled["status"], &polled["error"]), (&json!("failed"), &json!("cancelled")));
}

pub async fn own_routes_cannot_cancel(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let path = format!("{}/{request}", models_path(&runtime));
    let response = api.request(reqwest::Method::DELETE, &path).bearer_auth(api.token(Caller::UserA));
    let response = response.send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"GET".parse().unwrap()));
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");
}
