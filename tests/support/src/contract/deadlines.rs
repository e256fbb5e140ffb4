//! Deadlines, retention and the online window.

use doorbell_protocol::limits::{ONLINE_WINDOW, PENDING_DEADLINE, RETENTION, RUNNING_DEADLINE};
use serde_json::json;

use super::{Target, acknowledged, models_path};
use crate::{ApiResponse, Caller};

pub async fn pending_request_times_out_after_30_s(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let deadline = api.after(PENDING_DEADLINE);
    api.advance_to(deadline).await;
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "pending");
    api.advance_past(deadline).await;
    let record = api.poll(&runtime, &request).await.body;
    assert_eq!(record["status"], "timeout");
    assert_eq!(record["error"], "daemon did not respond within 30 seconds");
}

pub async fn running_request_times_out_60_s_after_claim(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    api.advance(PENDING_DEADLINE / 2).await;
    api.heartbeat(&runtime).await;
    let deadline = api.after(RUNNING_DEADLINE);
    api.advance_to(deadline).await;
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "running");
    api.advance_past(deadline).await;
    let record = api.poll(&runtime, &request).await.body;
    assert_eq!(record["status"], "timeout");
    assert_eq!(record["error"], "daemon did not finish within 60 seconds");
}

pub async fn record_is_readable_for_2_min_after_last_change(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    api.report(&runtime, &request, json!({"status": "failed", "error": "no"})).await;
    let end = api.after(RETENTION);
    api.advance_to(end).await;
    assert_eq!(api.poll(&runtime, &request).await.status, 200);
    api.advance_past(end).await;
    assert_eq!(api.poll(&runtime, &request).await, ApiResponse::error(404, "request not found"));
}

pub async fn report_after_timeout_is_ignored(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    api.advance_past(api.after(PENDING_DEADLINE)).await;
    let late = api.report(&runtime, &request, json!({"status": "failed", "error": "late"})).await;
    assert_eq!(late, acknowledged());
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "timeout");
}

pub async fn timed_out_request_is_not_claimed(api: &Target) {
    let runtime = api.new_runtime().await;
    api.ring(&runtime).await;
    api.advance_past(api.after(PENDING_DEADLINE)).await;
    assert_eq!(api.heartbeat(&runtime).await, acknowledged());
}

pub async fn runtime_is_offline_45_s_after_last_heartbeat(api: &Target) {
    let runtime = api.new_runtime().await;
    let end = api.after(ONLINE_WINDOW);
    api.advance_to(end).await;
    assert_eq!(api.find_runtime(&runtime).await.unwrap()["status"], "online");
    api.ring(&runtime).await;
    api.advance_past(end).await;
    assert_eq!(api.find_runtime(&runtime).await.unwrap()["status"], "offline");
    let ring = api.post(Caller::UserA, &models_path(&runtime), json!({})).await;
    assert_eq!(ring, ApiResponse::error(503, "runtime is offline"));
}
