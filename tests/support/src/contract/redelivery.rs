//! Redelivery: a heartbeat's `in_flight`, and requests that it does not list.

use doorbell_protocol::limits::{IN_FLIGHT_PER_HEARTBEAT, RETENTION, RUNNING_DEADLINE};
use doorbell_shared::limits::REDELIVERY_AFTER;
use serde_json::{Value, json};

use super::{ABSENT_REQUEST, Target, acknowledged, handed_out};
use crate::{ApiResponse, Caller};

/// A claimed request whose lease is old enough for redelivery.
struct Lost<'t> {
    api: &'t Target,
    runtime: String,
    request: String,
    deadline: doorbell_protocol::Timestamp,
}

impl<'t> Lost<'t> {
    async fn new(api: &'t Target) -> Self {
        let runtime = api.new_runtime().await;
        let request = api.ring(&runtime).await;
        assert_eq!(api.heartbeat(&runtime).await, handed_out(&request));
        let deadline = api.after(RUNNING_DEADLINE);
        api.advance_past(api.after(REDELIVERY_AFTER)).await;
        Self { api, runtime, request, deadline }
    }

    async fn heartbeat(&self, in_flight: Value) -> ApiResponse {
        let body = json!({"runtime_id": self.runtime, "in_flight": in_flight});
        self.api.post(Caller::DaemonA, "/api/daemon/heartbeat", body).await
    }

    async fn poll(&self) -> Value {
        self.api.poll(&self.runtime, &self.request).await.body
    }

    async fn report(&self, model: &str) {
        let report = json!({"status": "completed", "models": [{"id": model, "label": model}]});
        assert_eq!(self.api.report(&self.runtime, &self.request, report).await, acknowledged());
    }
}

pub async fn redelivers_running_request_missing_from_in_flight(api: &Target) {
    let lost = Lost::new(api).await;
    assert_eq!(lost.heartbeat(json!([])).await, handed_out(&lost.request));
    assert_eq!(lost.poll().await["status"], "running");
    assert_eq!(lost.heartbeat(json!([])).await, acknowledged(), "redelivered again within 5 s");
}

pub async fn keeps_request_listed_in_flight(api: &Target) {
    let lost = Lost::new(api).await;
    assert_eq!(lost.heartbeat(json!([lost.request])).await, acknowledged());
}

pub async fn needs_in_flight(api: &Target) {
    let lost = Lost::new(api).await;
    assert_eq!(api.heartbeat(&lost.runtime).await, acknowledged());
}

/// It is neither an error nor an empty list, and its readable elements do not count.
pub async fn unreadable_in_flight_is_ignored(api: &Target) {
    let lost = Lost::new(api).await;
    for unreadable in [
        json!(null),
        json!("none"),
        json!({}),
        json!(0),
        json!([0]),
        json!([null]),
        json!(["x"]),
        json!([[]]),
        json!([lost.request.to_uppercase()]),
        json!([ABSENT_REQUEST, "x"]),
        json!(vec![ABSENT_REQUEST; IN_FLIGHT_PER_HEARTBEAT + 1]),
    ] {
        assert_eq!(lost.heartbeat(unreadable.clone()).await, acknowledged(), "{unreadable}");
    }
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for unreadable in ["1e999", "[1e999]", r#"["\ud800"]"#, &deep] {
        let body = format!(r#"{{"runtime_id":"{}","in_flight":{unreadable}}}"#, lost.runtime);
        let response = api.post_raw(Caller::DaemonA, "/api/daemon/heartbeat", body).await;
        assert_eq!(response, acknowledged(), "{unreadable}");
    }
}

pub async fn in_flight_may_reach_its_limit(api: &Target) {
    let lost = Lost::new(api).await;
    let others = vec![ABSENT_REQUEST; IN_FLIGHT_PER_HEARTBEAT];
    assert_eq!(lost.heartbeat(json!(others)).await, handed_out(&lost.request));
}

/// The oldest first, one a heartbeat, whether pending or lost.
pub async fn keeps_queue_order(api: &Target) {
    let lost = Lost::new(api).await;
    let younger = api.ring(&lost.runtime).await;
    assert_eq!(lost.heartbeat(json!([])).await, handed_out(&lost.request));
    assert_eq!(lost.heartbeat(json!([])).await, handed_out(&younger));
    assert_eq!(lost.heartbeat(json!([])).await, acknowledged());
}

pub async fn keeps_running_deadline(api: &Target) {
    let lost = Lost::new(api).await;
    lost.heartbeat(json!([])).await;
    api.advance_to(lost.deadline).await;
    assert_eq!(lost.poll().await["status"], "running");
    api.advance_past(lost.deadline).await;
    assert_eq!(lost.poll().await["error"], "daemon did not finish within 60 seconds");
    assert_eq!(lost.heartbeat(json!([])).await, acknowledged());
}

/// Two daemons work on one request.
pub async fn first_report_counts(api: &Target) {
    let lost = Lost::new(api).await;
    lost.heartbeat(json!([])).await;
    lost.report("first").await;
    let record = lost.poll().await;
    lost.report("second").await;
    assert_eq!(record["models"][0]["id"], "first");
    assert_eq!(lost.poll().await, record);
}

/// The first report's response was lost. Retention does not restart.
pub async fn repeated_report_changes_nothing(api: &Target) {
    let lost = Lost::new(api).await;
    lost.report("gpt-6").await;
    let end = api.after(RETENTION);
    let record = lost.poll().await;
    api.advance(RETENTION / 2).await;
    lost.report("gpt-6").await;
    assert_eq!(lost.poll().await, record);
    api.advance_to(end).await;
    assert_eq!(lost.poll().await, record);
    api.advance_past(end).await;
    let gone = api.poll(&lost.runtime, &lost.request).await;
    assert_eq!(gone, ApiResponse::error(404, "request not found"));
}

/// Clients and daemons that predate redelivery see what they saw before.
pub async fn record_has_no_new_field(api: &Target) {
    let lost = Lost::new(api).await;
    lost.heartbeat(json!([])).await;
    let record = lost.poll().await;
    let mut fields: Vec<_> = record.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, super::initiate::REQUIRED_FIELDS);
}
