//! Questions in registrations and in the list.

use doorbell_protocol::limits::QUESTIONS_PER_RUNTIME;
use serde_json::{Value, json};

use super::Target;
use crate::{ApiResponse, Caller, new_daemon_id};

async fn register(api: &Target, daemon: &str, questions: Option<Value>) -> ApiResponse {
    let mut runtime = json!({"name": "Codex", "type": "codex"});
    if let Some(questions) = questions {
        runtime["questions"] = questions;
    }
    let body = json!({"workspace_id": api.a.id, "daemon_id": daemon, "runtimes": [runtime]});
    api.post(Caller::DaemonA, "/api/daemon/register", body).await
}

async fn assert_rejected(api: &Target, question: Value, name: &str) {
    let response = register(api, &new_daemon_id(), Some(json!([question]))).await;
    assert_eq!(response, ApiResponse::error(400, &format!("invalid question: {name}")), "{question}");
}

fn disk_usage() -> Value {
    json!({
        "name": "disk_usage", "description": "Free space by file system",
        "args_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
        "result_schema": true, "timeout_s": 30,
    })
}

pub async fn record_shows_declared_questions(api: &Target) {
    let declared = json!([disk_usage(), {"name": "uptime"}]);
    let registered = register(api, &new_daemon_id(), Some(declared.clone())).await;
    let record = &registered.body["runtimes"][0];
    assert_eq!(record["questions"], declared, "{registered:?}");
    let listed = api.find_runtime(record["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(listed["questions"], declared);
}

pub async fn registration_replaces_questions(api: &Target) {
    let daemon = new_daemon_id();
    register(api, &daemon, Some(json!([disk_usage()]))).await;
    let replaced = register(api, &daemon, Some(json!([{"name": "uptime"}]))).await;
    let runtime = replaced.body["runtimes"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(api.find_runtime(&runtime).await.unwrap()["questions"], json!([{"name": "uptime"}]));
    for none in [None, Some(json!([])), Some(json!(null))] {
        register(api, &daemon, Some(json!([disk_usage()]))).await;
        let record = register(api, &daemon, none.clone()).await.body["runtimes"][0].clone();
        assert_eq!(record.get("questions"), None, "{none:?}");
        assert_eq!(api.find_runtime(&runtime).await.unwrap().get("questions"), None, "{none:?}");
    }
}

pub async fn rejects_invalid_question(api: &Target) {
    for name in ["A", "a b", "a-b", "model_list", "local_skills"] {
        assert_rejected(api, json!({ "name": name }), name).await;
    }
    for part in [
        json!({"timeout_s": 0}),
        json!({"timeout_s": 901}),
        json!({"timeout_s": "1"}),
        json!({"args_schema": 5}),
        json!({"result_schema": "x"}),
        json!({"description": 5}),
    ] {
        let mut question = json!({"name": "disk_usage"});
        question.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        assert_rejected(api, question, "disk_usage").await;
    }
    for nameless in [json!({}), json!(5), json!({"name": 5}), json!(["disk_usage"])] {
        assert_rejected(api, nameless, "without a name").await;
    }
}

pub async fn name_is_unique(api: &Target) {
    let twice = register(api, &new_daemon_id(), Some(json!([{"name": "a"}, {"name": "a"}]))).await;
    assert_eq!(twice, ApiResponse::error(400, "invalid question: a"));
}

pub async fn questions_are_bounded(api: &Target) {
    let named = |count: usize| {
        let questions: Vec<_> = (0..count).map(|index| json!({"name": format!("q{index}")})).collect();
        Some(json!(questions))
    };
    assert_eq!(register(api, &new_daemon_id(), named(QUESTIONS_PER_RUNTIME)).await.status, 200);
    let many = register(api, &new_daemon_id(), named(QUESTIONS_PER_RUNTIME + 1)).await;
    assert_eq!(many, ApiResponse::error(400, "more than 50 questions"));
    let long = json!([{"name": "a", "description": "x".repeat(64 * 1024)}]);
    let long = register(api, &new_daemon_id(), Some(long)).await;
    assert_eq!(long, ApiResponse::error(400, "more than 64 KB of questions"));
}
