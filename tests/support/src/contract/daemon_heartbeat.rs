//! The heartbeat of a whole daemon.

use doorbell_protocol::limits::{CLAIMS_PER_RUNTIME, RUNNING_DEADLINE, RUNTIMES_PER_HEARTBEAT};
use doorbell_shared::limits::REDELIVERY_AFTER;
use serde_json::{Value, json};

use super::{ABSENT_REQUEST, ABSENT_RUNTIME, Target};
use crate::{ApiResponse, Caller, new_daemon_id};

async fn heartbeat(api: &Target, runtimes: Value) -> ApiResponse {
    api.post(Caller::DaemonA, "/api/daemon/heartbeat", json!({ "runtimes": runtimes })).await
}

/// The part of one runtime in a heartbeat that lists `in_flight`.
async fn heartbeat_of(api: &Target, runtime: &str, in_flight: &[String]) -> Value {
    let response = heartbeat(api, json!([{"id": runtime, "in_flight": in_flight}])).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.body["runtimes"][0].clone()
}

fn ids(work: &Value) -> Vec<String> {
    let work = work.as_array().unwrap().iter();
    work.map(|work| work["id"].as_str().unwrap().to_owned()).collect()
}

async fn foreign_runtime(api: &Target) -> String {
    let runtimes = json!([{"name": "Codex", "type": "codex"}]);
    let body = json!({"workspace_id": api.b.id, "daemon_id": new_daemon_id(), "runtimes": runtimes});
    let response = api.post(Caller::DaemonB, "/api/daemon/register", body).await;
    response.body["runtimes"][0]["id"].as_str().unwrap().to_owned()
}

pub async fn idle_heartbeat_has_no_work(api: &Target) {
    let runtime = api.new_runtime().await;
    let expected = json!({
        "status": "ok", "next_heartbeat_s": 15, "runtimes": [{"id": runtime, "status": "ok"}],
    });
    assert_eq!(heartbeat(api, json!([{"id": runtime}])).await, ApiResponse::ok(expected));
}

pub async fn hands_out_work_of_each_runtime(api: &Target) {
    let runtimes = [api.new_runtime().await, api.new_runtime().await];
    let requests = [api.ring(&runtimes[0]).await, api.ring(&runtimes[1]).await];
    let body = json!([{"id": runtimes[0]}, {"id": runtimes[1], "in_flight": []}]);
    let response = heartbeat(api, body).await.body;
    for (index, request) in requests.iter().enumerate() {
        let part = &response["runtimes"][index];
        assert_eq!((&part["id"], &part["status"]), (&json!(runtimes[index]), &json!("ok")));
        let work = part["work"][0].as_object().unwrap();
        let mut fields: Vec<_> = work.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["attempt", "deadline", "id", "kind"]);
        assert_eq!((&work["id"], &work["kind"]), (&json!(request), &json!("model_list")));
        assert_eq!(work["attempt"], 1);
        let deadline: doorbell_protocol::Timestamp =
            serde_json::from_value(work["deadline"].clone()).unwrap();
        let left = deadline.since(api.after(std::time::Duration::ZERO));
        assert!(left <= RUNNING_DEADLINE + REDELIVERY_AFTER && left >= RUNNING_DEADLINE - REDELIVERY_AFTER);
        assert_eq!(api.poll(&runtimes[index], request).await.body["status"], "running");
    }
}

pub async fn hands_out_oldest_first_up_to_ten(api: &Target) {
    let runtime = api.new_runtime().await;
    let mut requests = Vec::new();
    for _ in 0..CLAIMS_PER_RUNTIME + 2 {
        requests.push(api.ring_apart(&runtime).await);
    }
    let (first, rest) = requests.split_at(CLAIMS_PER_RUNTIME);
    assert_eq!(ids(&heartbeat_of(api, &runtime, &[]).await["work"]), first);
    assert_eq!(ids(&heartbeat_of(api, &runtime, first).await["work"]), rest);
    assert_eq!(heartbeat_of(api, &runtime, &requests).await.get("work"), None);
}

pub async fn redelivery_counts_attempts(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    heartbeat_of(api, &runtime, &[]).await;
    api.advance_past(api.after(REDELIVERY_AFTER)).await;
    assert_eq!(heartbeat_of(api, &runtime, std::slice::from_ref(&request)).await.get("work"), None);
    let again = heartbeat_of(api, &runtime, &[]).await;
    assert_eq!((&again["work"][0]["id"], &again["work"][0]["attempt"]), (&json!(request), &json!(2)));
}

pub async fn shows_status_of_each_runtime(api: &Target) {
    let runtime = api.new_runtime().await;
    let foreign = foreign_runtime(api).await;
    let response = heartbeat(api, json!([{"id": ABSENT_RUNTIME}, {"id": runtime}, {"id": foreign}])).await;
    let expected = json!([
        {"id": ABSENT_RUNTIME, "status": "unknown"},
        {"id": runtime, "status": "ok"},
        {"id": foreign, "status": "foreign"},
    ]);
    assert_eq!((response.status, &response.body["runtimes"]), (200, &expected));
}

pub async fn in_flight_of_ended_requests_is_ignored(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    heartbeat_of(api, &runtime, &[]).await;
    api.report(&runtime, &request, json!({"status": "completed", "models": []})).await;
    let part = heartbeat_of(api, &runtime, &[request, ABSENT_REQUEST.to_owned()]).await;
    assert_eq!(part, json!({"id": runtime, "status": "ok"}));
}

pub async fn number_of_runtimes_is_bounded(api: &Target) {
    let of = |count: usize| json!(vec![json!({"id": ABSENT_RUNTIME}); count]);
    assert_eq!(heartbeat(api, of(RUNTIMES_PER_HEARTBEAT)).await.status, 200);
    let many = heartbeat(api, of(RUNTIMES_PER_HEARTBEAT + 1)).await;
    assert_eq!(many, ApiResponse::error(400, "too many runtimes"));
    assert_eq!(heartbeat(api, json!([])).await, ApiResponse::error(400, "runtimes is required"));
}

pub async fn rejects_unreadable_runtimes(api: &Target) {
    for runtimes in [json!({}), json!("x"), json!([["x"]]), json!([null]), json!([ABSENT_RUNTIME])] {
        let response = heartbeat(api, runtimes.clone()).await;
        assert_eq!(response, ApiResponse::error(400, "invalid request body"), "{runtimes}");
    }
    for runtime in [json!({}), json!({"id": "x"}), json!({"id": ABSENT_RUNTIME.replace('-', "")})] {
        let response = heartbeat(api, json!([runtime])).await;
        assert_eq!(response, ApiResponse::error(400, "invalid runtime_id"), "{runtime}");
    }
}
