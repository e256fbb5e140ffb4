//! The catalog of the kind `model_list`: rings that a snapshot answers, and what reports do to it.

use std::time::Duration;

use doorbell_protocol::limits::WAIT_MAX_S;
use doorbell_shared::clock::Stopwatch;
use reqwest::Method;
use serde_json::{Value, json};

use super::requests::{ask, requests_path};
use super::{ABSENT_RUNTIME, Target, models, models_path};
use crate::{ApiResponse, Caller, Client};

/// Reports on a new request; returns the record that polls show.
pub async fn report(api: &Client, runtime: &str, body: Value) -> Value {
    let asked = api.post(Caller::UserA, &format!("{}?refresh=true", models_path(runtime)), json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    let request = asked.body["id"].as_str().unwrap();
    let reported = api.report(runtime, request, body).await;
    assert_eq!(reported, super::acknowledged());
    api.poll(runtime, request).await.body
}

/// Reports one model with this id; returns the record that polls show.
pub async fn list(api: &Client, runtime: &str, id: &str) -> Value {
    report(api, runtime, json!({"status": "completed", "models": [{"id": id, "label": "A"}]})).await
}

/// Rings as workspace A's user with this query; returns the record.
pub async fn ring(api: &Client, runtime: &str, query: &str) -> Value {
    let response = api.post(Caller::UserA, &format!("{}{query}", models_path(runtime)), json!({})).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.body
}

/// Whether `record` is that of a new request.
pub fn is_pending(record: &Value) -> bool {
    let has_no_new_field =
        ["cached", "cached_at", "fallback"].iter().all(|field| record.get(field).is_none());
    record["status"] == "pending" && has_no_new_field
}

/// The id of the first model of a record from the catalog.
pub fn cached_model(record: &Value) -> Option<&str> {
    Some(record).filter(|record| record["cached"] == true)?["models"][0]["id"].as_str()
}

pub async fn snapshot_answers_next_ring(api: &Target) {
    let runtime = api.new_runtime().await;
    let reported = report(api, &runtime, json!({"status": "completed", "models": models()})).await;
    let record = ring(api, &runtime, "").await;
    let stored_at = &reported["updated_at"];
    let expected = json!({
        "id": record["id"], "runtime_id": runtime, "status": "completed", "supported": true, "models": models(),
        "cached": true, "cached_at": stored_at, "created_at": stored_at, "updated_at": stored_at,
    });
    assert_eq!(record, expected);
    let id = record["id"].as_str().unwrap();
    assert!(id.len() == 32 && id.as_bytes()[12] == b'7', "{id} is not a UUIDv7 in hex digits");
    assert_ne!(ring(api, &runtime, "").await["id"], record["id"], "every answer has its own id");
}

pub async fn snapshot_answers_ring_on_generic_route(api: &Target) {
    let runtime = api.new_runtime().await;
    let reported = report(api, &runtime, json!({"status": "completed", "models": models()})).await;
    let record = ask(api, &runtime, json!({"kind": "model_list"})).await.body;
    let stored_at = &reported["updated_at"];
    let expected = json!({
        "id": record["id"], "runtime_id": runtime, "kind": "model_list", "status": "completed",
        "result": {"models": models(), "supported": true},
        "cached": true, "cached_at": stored_at, "created_at": stored_at, "updated_at": stored_at,
    });
    assert_eq!(record, expected);
}

/// A daemon may report on the route of every kind.
pub async fn generic_report_is_snapshot(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let result = json!({"status": "completed", "result": {"models": [{"id": "a", "label": "A"}]}});
    super::requests::report(api, &runtime, &request, result).await;
    assert_eq!(cached_model(&ring(api, &runtime, "").await), Some("a"));
}

pub async fn cached_id_cannot_be_polled_or_cancelled(api: &Target) {
    let runtime = api.new_runtime().await;
    list(api, &runtime, "a").await;
    let record = ring(api, &runtime, "").await;
    let id = record["id"].as_str().unwrap();
    let not_found = ApiResponse::error(404, "request not found");
    assert_eq!(api.poll(&runtime, id).await, not_found);
    let generic = format!("{}/{id}", requests_path(&runtime));
    assert_eq!(api.get(Caller::UserA, &generic).await, not_found);
    assert_eq!(api.delete(Caller::UserA, &generic).await, not_found);
}

/// The next heartbeat has no work.
pub async fn fresh_snapshot_makes_no_request(api: &Target) {
    let runtime = api.new_runtime().await;
    list(api, &runtime, "a").await;
    ring(api, &runtime, "").await;
    ask(api, &runtime, json!({"kind": "model_list"})).await;
    assert_eq!(api.heartbeat(&runtime).await, super::acknowledged());
}

pub async fn newer_report_replaces_snapshot(api: &Target) {
    let runtime = api.new_runtime().await;
    for id in ["a", "b"] {
        let reported = list(api, &runtime, id).await;
        let record = ring(api, &runtime, "").await;
        assert_eq!((cached_model(&record), &record["cached_at"]), (Some(id), &reported["updated_at"]));
        api.advance(Duration::from_millis(1)).await;
    }
}

pub async fn fallback_is_shown_and_keeps_snapshot(api: &Target) {
    let runtime = api.new_runtime().await;
    let fallback = json!({"status": "completed", "models": [{"id": "f", "label": "F"}], "fallback": true});
    let reported = report(api, &runtime, fallback.clone()).await;
    assert_eq!(reported["fallback"], true);
    assert!(is_pending(&ring(api, &runtime, "").await), "there is no snapshot to keep");
    let listed = list(api, &runtime, "a").await;
    assert_eq!(listed.get("fallback"), None);
    report(api, &runtime, fallback).await;
    let record = ring(api, &runtime, "").await;
    assert_eq!(cached_model(&record), Some("a"));
    assert_eq!((record.get("fallback"), &record["cached_at"]), (None, &listed["updated_at"]));
}

pub async fn empty_or_unsupported_list_deletes_snapshot(api: &Target) {
    let runtime = api.new_runtime().await;
    for deleting in [
        json!({"status": "completed", "models": []}),
        json!({"status": "completed"}),
        json!({"status": "completed", "models": [{"id": "b", "label": "B"}], "supported": false}),
    ] {
        list(api, &runtime, "a").await;
        api.advance(Duration::from_millis(1)).await;
        report(api, &runtime, deleting.clone()).await;
        for record in
            [ring(api, &runtime, "").await, ask(api, &runtime, json!({"kind": "model_list"})).await.body]
        {
            assert!(is_pending(&record), "{deleting}: {record}");
        }
        api.advance(Duration::from_millis(1)).await;
    }
}

pub async fn failed_report_keeps_snapshot(api: &Target) {
    let runtime = api.new_runtime().await;
    list(api, &runtime, "a").await;
    let failed = report(api, &runtime, json!({"status": "failed", "error": "not logged in"})).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(cached_model(&ring(api, &runtime, "").await), Some("a"));
    let request = api.ring(&runtime).await;
    let malformed = json!({"status": "completed", "models": [{"label": "no id"}]});
    assert_eq!(api.report(&runtime, &request, malformed).await.status, 400);
    assert_eq!(api.poll(&runtime, &request).await.body["status"], "failed");
    assert_eq!(cached_model(&ring(api, &runtime, "").await), Some("a"));
}

pub async fn stale_report_changes_no_snapshot(api: &Target) {
    let runtime = api.new_runtime().await;
    let first = list(api, &runtime, "a").await;
    let second = json!({"status": "completed", "models": [{"id": "b", "label": "B"}]});
    let stale = api.report(&runtime, first["id"].as_str().unwrap(), second).await;
    assert_eq!(stale, super::acknowledged());
    assert_eq!(cached_model(&ring(api, &runtime, "").await), Some("a"));
}

/// Any value but `true` does not.
pub async fn refresh_bypasses_snapshot_and_joins(api: &Target) {
    let runtime = api.new_runtime().await;
    list(api, &runtime, "a").await;
    for other in ["?refresh", "?refresh=", "?refresh=1", "?refresh=TRUE", "?refresh=false", "?other=true"] {
        assert_eq!(cached_model(&ring(api, &runtime, other).await), Some("a"), "{other}");
    }
    let refreshed = ring(api, &runtime, "?refresh=true").await;
    assert!(is_pending(&refreshed), "{refreshed}");
    assert_eq!(ring(api, &runtime, "?refresh=true").await, refreshed);
    let path = format!("{}?refresh=true", requests_path(&runtime));
    let generic = api.post(Caller::UserA, &path, json!({"kind": "model_list"})).await;
    assert_eq!(generic.body["id"], refreshed["id"]);
    assert_eq!(api.heartbeat(&runtime).await, super::handed_out(refreshed["id"].as_str().unwrap()));
}

/// Args have no meaning for the kind, but a ring with args asks something of its own.
pub async fn args_bypass_snapshot(api: &Target) {
    let runtime = api.new_runtime().await;
    list(api, &runtime, "a").await;
    let with_args = ask(api, &runtime, json!({"kind": "model_list", "args": {}})).await.body;
    assert!(is_pending(&with_args), "{with_args}");
}

/// 400, then 404, then 503, then the snapshot.
pub async fn snapshot_hides_no_error(api: &Target) {
    let runtime = api.new_runtime().await;
    list(api, &runtime, "a").await;
    let models = models_path(&runtime);
    let requests = requests_path(&runtime);
    let body = json!({"kind": "model_list"});
    for path in [&models, &requests] {
        let invalid_wait = api.post(Caller::UserA, &format!("{path}?wait=x"), body.clone()).await;
        assert_eq!(invalid_wait, ApiResponse::error(400, "invalid wait"));
        let foreign = api.post(Caller::UserB, path, body.clone()).await;
        assert_eq!(foreign, ApiResponse::error(404, "runtime not found"));
        let with_key = api.request(Method::POST, path).bearer_auth(api.token(Caller::UserA));
        let invalid_key = api.send(with_key.header("idempotency-key", "a b").json(&body)).await;
        assert_eq!(invalid_key, ApiResponse::error(400, "invalid idempotency key"));
    }
    let invalid_queue = ask(api, &runtime, json!({"kind": "model_list", "queue_s": -1})).await;
    assert_eq!(invalid_queue, ApiResponse::error(400, "invalid queue_s"));
    let absent = api.post(Caller::UserA, &models_path(ABSENT_RUNTIME), json!({})).await;
    assert_eq!(absent, ApiResponse::error(404, "runtime not found"));
    api.post(Caller::DaemonA, "/api/daemon/deregister", json!({"runtime_ids": [runtime]})).await;
    for path in [models, requests] {
        let offline = api.post(Caller::UserA, &path, body.clone()).await;
        assert_eq!(offline, ApiResponse::error(503, "runtime is offline"));
    }
    let queued = ask(api, &runtime, json!({"kind": "model_list", "queue_s": 60})).await.body;
    assert!(is_pending(&queued), "{queued}");
}

async fn ring_with_key(api: &Target, runtime: &str, query: &str, key: &str) -> Value {
    let request = api.request(Method::POST, &format!("{}{query}", models_path(runtime)));
    let response =
        api.send(request.bearer_auth(api.token(Caller::UserA)).header("idempotency-key", key)).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.body
}

/// A used key answers its request, and a snapshot uses up no key.
pub async fn idempotency_key_comes_before_snapshot(api: &Target) {
    let runtime = api.new_runtime().await;
    let first = ring_with_key(api, &runtime, "", "first").await;
    assert!(is_pending(&first), "{first}");
    list(api, &runtime, "a").await;
    assert_eq!(ring_with_key(api, &runtime, "", "first").await["id"], first["id"]);
    assert_eq!(cached_model(&ring_with_key(api, &runtime, "", "second").await), Some("a"));
    assert!(is_pending(&ring_with_key(api, &runtime, "?refresh=true", "second").await));
}

/// Half of the wait is far more than a call takes.
pub async fn snapshot_is_not_waited_for(api: &Target) {
    let runtime = api.new_runtime().await;
    list(api, &runtime, "a").await;
    let started = Stopwatch::start();
    let record = ring(api, &runtime, &format!("?wait={WAIT_MAX_S}")).await;
    assert_eq!(cached_model(&record), Some("a"));
    assert!(started.elapsed() < Duration::from_secs(u64::from(WAIT_MAX_S) / 2));
}

/// Clients validate with strict schemas, which `null` fails.
pub async fn cached_record_contains_no_null(api: &Target) {
    let runtime = api.new_runtime().await;
    let model = json!({"id": "a", "label": "A", "provider": null, "thinking": {"default_level": null}});
    report(api, &runtime, json!({"status": "completed", "models": [model], "fallback": null})).await;
    let generic = ask(api, &runtime, json!({"kind": "model_list"})).await.body;
    for record in [ring(api, &runtime, "").await, generic] {
        assert_eq!(record["cached"], true);
        assert!(!record.to_string().contains("null"), "{record}");
    }
}

/// Only the removal of a runtime, not its registration, invalidates its snapshot.
pub async fn snapshot_ends_with_its_runtime(api: &Target) {
    let daemon = crate::new_daemon_id();
    let runtime = api.register(&daemon).await;
    list(api, &runtime, "a").await;
    api.advance(Duration::from_millis(1)).await;
    assert_eq!(api.register(&daemon).await, runtime);
    assert_eq!(cached_model(&ring(api, &runtime, "").await), Some("a"));
    api.delete(Caller::UserA, &format!("/api/runtimes/{runtime}")).await;
    assert_eq!(api.register(&daemon).await, runtime);
    assert!(is_pending(&ring(api, &runtime, "").await));
}
