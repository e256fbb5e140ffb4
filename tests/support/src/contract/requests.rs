//! Requests of any kind: asking and polling on the generic routes.

use std::time::Duration;

use doorbell_protocol::limits::{ARGS_BYTES, OPEN_REQUESTS_PER_RUNTIME, QUEUE_MAX_S};
use doorbell_shared::limits::RING_INTERVAL;
use serde_json::{Value, json};

use super::{ABSENT_REQUEST, ABSENT_RUNTIME, Target};
use crate::{ApiResponse, Caller, new_daemon_id};

/// The running deadline of the question of [`new_runtime`].
pub const TIMEOUT_S: u64 = 5;

/// A new runtime in workspace A that declares the question `disk_usage`.
pub async fn new_runtime(api: &Target) -> String {
    let question = json!({"name": "disk_usage", "timeout_s": TIMEOUT_S});
    let runtime = json!({"name": "Codex", "type": "codex", "questions": [question]});
    let body = json!({"workspace_id": api.a.id, "daemon_id": new_daemon_id(), "runtimes": [runtime]});
    let registered = api.post(Caller::DaemonA, "/api/daemon/register", body).await;
    registered.body["runtimes"][0]["id"].as_str().unwrap().to_owned()
}

pub fn requests_path(runtime: &str) -> String {
    format!("/api/runtimes/{runtime}/requests")
}

pub async fn ask(api: &Target, runtime: &str, body: Value) -> ApiResponse {
    api.post(Caller::UserA, &requests_path(runtime), body).await
}

/// Asks `disk_usage` with args, so that no other request is joined; returns the request's id.
pub async fn ask_disk_usage(api: &Target, runtime: &str) -> String {
    let asked = ask(api, runtime, json!({"kind": "disk_usage", "args": {"path": "/"}})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    asked.body["id"].as_str().unwrap().to_owned()
}

pub async fn record(api: &Target, runtime: &str, request: &str) -> Value {
    let response = api.get(Caller::UserA, &format!("{}/{request}", requests_path(runtime))).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.body
}

/// The work of a heartbeat of the whole daemon.
pub async fn claim(api: &Target, runtime: &str) -> Value {
    let body = json!({"runtimes": [{"id": runtime, "in_flight": []}]});
    let response = api.post(Caller::DaemonA, "/api/daemon/heartbeat", body).await;
    response.body["runtimes"][0]["work"].clone()
}

pub async fn report(api: &Target, runtime: &str, request: &str, body: Value) -> ApiResponse {
    let path = format!("/api/daemon/runtimes/{runtime}/requests/{request}/result");
    api.post(Caller::DaemonA, &path, body).await
}

fn fields(record: &Value) -> Vec<&str> {
    let mut fields: Vec<_> = record.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    fields
}

pub async fn question_is_claimed_reported_and_shown(api: &Target) {
    let runtime = new_runtime(api).await;
    let asked = ask(api, &runtime, json!({"kind": "disk_usage", "args": {"path": "/"}})).await.body;
    assert_eq!(fields(&asked), ["args", "created_at", "id", "kind", "runtime_id", "status", "updated_at"]);
    let request = asked["id"].as_str().unwrap();
    assert_eq!((&asked["kind"], &asked["status"]), (&json!("disk_usage"), &json!("pending")));
    let work = claim(api, &runtime).await;
    assert_eq!((&work[0]["id"], &work[0]["args"]), (&asked["id"], &json!({"path": "/"})));
    let running = record(api, &runtime, request).await;
    assert_eq!((&running["status"], &running["attempt"]), (&json!("running"), &json!(1)));
    let result = json!({"free": [1.5, null], "text": "ä"});
    let reported = report(api, &runtime, request, json!({"status": "completed", "result": result})).await;
    assert_eq!(reported, super::acknowledged());
    let completed = record(api, &runtime, request).await;
    assert_eq!((&completed["status"], &completed["result"]), (&json!("completed"), &result));
    assert_eq!(completed.get("error"), None);
}

pub async fn any_args_pass_through(api: &Target) {
    let runtime = new_runtime(api).await;
    for args in [json!(0), json!(false), json!(""), json!([]), json!({}), json!({"a": [null, 1.5]})] {
        let asked = ask(api, &runtime, json!({"kind": "disk_usage", "args": args})).await;
        assert_eq!(asked.body["args"], args, "{asked:?}");
    }
    let none = ask(api, &runtime, json!({"kind": "disk_usage", "args": null})).await.body;
    assert_eq!(none.get("args"), None);
}

pub async fn size_of_args_is_bounded(api: &Target) {
    let runtime = new_runtime(api).await;
    let args = |bytes: usize| json!({"kind": "disk_usage", "args": "x".repeat(bytes - 2)});
    assert_eq!(ask(api, &runtime, args(ARGS_BYTES)).await.status, 200);
    let over = ask(api, &runtime, args(ARGS_BYTES + 1)).await;
    assert_eq!(over, ApiResponse::error(413, "args too large"));
}

pub async fn rejects_invalid_bodies(api: &Target) {
    let runtime = new_runtime(api).await;
    for (body, error) in [
        (json!({}), "kind is required"),
        (json!({"kind": null}), "kind is required"),
        (json!({"kind": ""}), "kind is required"),
        (json!({"kind": 5}), "invalid request body"),
        (json!({"kind": "Disk"}), "invalid kind"),
        (json!({"kind": "disk-usage"}), "invalid kind"),
        (json!({"kind": "a".repeat(65)}), "invalid kind"),
        (json!({"kind": "disk_usage", "queue_s": -1}), "invalid queue_s"),
        (json!({"kind": "disk_usage", "queue_s": 1.5}), "invalid queue_s"),
        (json!({"kind": "disk_usage", "queue_s": "1"}), "invalid queue_s"),
        (json!({"kind": "disk_usage", "queue_s": QUEUE_MAX_S + 1}), "invalid queue_s"),
        (json!([]), "invalid request body"),
    ] {
        assert_eq!(ask(api, &runtime, body.clone()).await, ApiResponse::error(400, error), "{body}");
    }
}

pub async fn undeclared_kind_is_unknown(api: &Target) {
    let runtime = new_runtime(api).await;
    let unknown = ask(api, &runtime, json!({"kind": "uptime"})).await;
    assert_eq!(unknown, ApiResponse::error(404, "unknown kind"));
}

pub async fn foreign_or_absent_runtime_is_not_found(api: &Target) {
    let runtime = new_runtime(api).await;
    for (caller, runtime) in [(Caller::UserB, runtime.as_str()), (Caller::UserA, ABSENT_RUNTIME)] {
        for kind in ["disk_usage", "uptime", "model_list"] {
            let response = api.post(caller, &requests_path(runtime), json!({ "kind": kind })).await;
            assert_eq!(response, ApiResponse::error(404, "runtime not found"), "{kind}");
        }
    }
    let malformed = ask(api, "nonsense", json!({"kind": "disk_usage"})).await;
    assert_eq!(malformed, ApiResponse::error(400, "invalid runtime_id"));
}

pub async fn foreign_or_absent_request_is_not_found(api: &Target) {
    let runtime = new_runtime(api).await;
    let other = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    let not_found = ApiResponse::error(404, "request not found");
    for (caller, runtime, request) in [
        (Caller::UserB, runtime.as_str(), request.as_str()),
        (Caller::UserA, &other, &request),
        (Caller::UserA, &runtime, ABSENT_REQUEST),
        (Caller::UserA, &runtime, "nonsense"),
        (Caller::UserA, "nonsense", &request),
    ] {
        let path = format!("{}/{request}", requests_path(runtime));
        assert_eq!(api.get(caller, &path).await, not_found);
        assert_eq!(api.delete(caller, &path).await, not_found);
    }
    assert_eq!(api.poll(&runtime, &request).await, not_found, "a question has no own route");
}

pub async fn offline_runtime_is_asked_with_queue_only(api: &Target) {
    let runtime = new_runtime(api).await;
    api.post(Caller::DaemonA, "/api/daemon/deregister", json!({"runtime_ids": [runtime]})).await;
    let offline = ask(api, &runtime, json!({"kind": "disk_usage"})).await;
    assert_eq!(offline, ApiResponse::error(503, "runtime is offline"));
    let queued = ask(api, &runtime, json!({"kind": "disk_usage", "queue_s": 3_600})).await;
    assert_eq!((queued.status, &queued.body["status"]), (200, &json!("pending")));
    assert_eq!(claim(api, &runtime).await[0]["id"], queued.body["id"]);
}

pub async fn question_times_out_by_its_own_deadline(api: &Target) {
    let runtime = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    claim(api, &runtime).await;
    api.advance_past(api.after(Duration::from_secs(TIMEOUT_S))).await;
    let timed_out = record(api, &runtime, &request).await;
    assert_eq!(timed_out["status"], "timeout");
    assert_eq!(timed_out["error"], "daemon did not finish within 5 seconds");
}

pub async fn repeated_question_joins_pending_request(api: &Target) {
    let runtime = new_runtime(api).await;
    let body = json!({"kind": "disk_usage"});
    let first = ask(api, &runtime, body.clone()).await.body;
    assert_eq!(ask(api, &runtime, body.clone()).await.body, first);
    claim(api, &runtime).await;
    assert_ne!(ask(api, &runtime, body).await.body["id"], first["id"]);
}

/// A ring of a built-in kind joins on any of its routes.
pub async fn own_routes_join_pending_request(api: &Target) {
    let runtime = api.new_runtime().await;
    let first = api.ring(&runtime).await;
    assert_eq!(api.ring(&runtime).await, first);
    assert_eq!(ask(api, &runtime, json!({"kind": "model_list"})).await.body["id"], first.as_str());
    let path = format!("/api/runtimes/{runtime}/local-skills");
    let skills = api.post(Caller::UserA, &path, json!({})).await.body;
    assert_ne!(skills["id"], first.as_str());
    assert_eq!(api.post(Caller::UserA, &path, json!({})).await.body, skills);
    assert_ne!(
        ask_with_key(api, &super::models_path(&runtime), "key", json!({})).await.body["id"],
        first.as_str()
    );
    assert_eq!(api.heartbeat(&runtime).await.body["pending_model_list"]["id"], first.as_str());
    assert_ne!(api.ring(&runtime).await, first, "a claimed request may have begun before the ring");
}

pub async fn open_requests_are_bounded(api: &Target) {
    let runtime = new_runtime(api).await;
    for asked in 0..OPEN_REQUESTS_PER_RUNTIME {
        ask_disk_usage(api, &runtime).await;
        if asked + 3 >= OPEN_REQUESTS_PER_RUNTIME {
            // The rate limit has a smaller burst.
            api.advance(RING_INTERVAL).await;
        }
    }
    let full = ask(api, &runtime, json!({"kind": "disk_usage", "args": 1})).await;
    assert_eq!(full, ApiResponse::error(429, "too many open requests for this runtime"));
}

pub async fn built_in_kind_is_asked_here_too(api: &Target) {
    let runtime = api.new_runtime().await;
    let asked = ask(api, &runtime, json!({"kind": "model_list"})).await.body;
    let request = asked["id"].as_str().unwrap();
    assert_eq!(api.heartbeat(&runtime).await, super::handed_out(request));
    let models = super::models();
    api.report(&runtime, request, json!({"status": "completed", "models": models})).await;
    assert_eq!(api.poll(&runtime, request).await.body["models"], models);
    let record = record(api, &runtime, request).await;
    assert_eq!(record["result"], json!({"models": models, "supported": true}));
}

async fn ask_with_key(api: &Target, path: &str, key: &str, body: Value) -> ApiResponse {
    let request = api.request(reqwest::Method::POST, path).bearer_auth(api.token(Caller::UserA));
    api.send(request.header("idempotency-key", key).json(&body)).await
}

pub async fn idempotency_key_answers_same_request(api: &Target) {
    let runtime = new_runtime(api).await;
    let path = requests_path(&runtime);
    let body = json!({"kind": "disk_usage", "args": 1});
    let first = ask_with_key(api, &path, "key", body.clone()).await;
    assert_eq!(first.status, 200);
    assert_eq!(ask_with_key(api, &path, "key", body.clone()).await, first);
    assert_ne!(ask_with_key(api, &path, "other", body).await.body["id"], first.body["id"]);
    let used = ApiResponse::error(409, "idempotency key was used for another request");
    assert_eq!(ask_with_key(api, &path, "key", json!({"kind": "disk_usage", "args": 2})).await, used);
    assert_eq!(ask_with_key(api, &path, "key", json!({"kind": "model_list"})).await, used);
}

pub async fn idempotency_key_works_on_own_route(api: &Target) {
    let path = super::models_path(&api.new_runtime().await);
    let first = ask_with_key(api, &path, "key", json!({})).await;
    assert_eq!(ask_with_key(api, &path, "key", json!({})).await, first);
}

pub async fn rejects_invalid_idempotency_key(api: &Target) {
    let path = requests_path(&new_runtime(api).await);
    for key in ["", "a b", &"x".repeat(65)] {
        let response = ask_with_key(api, &path, key, json!({"kind": "disk_usage"})).await;
        assert_eq!(response, ApiResponse::error(400, "invalid idempotency key"), "{key:?}");
    }
}
