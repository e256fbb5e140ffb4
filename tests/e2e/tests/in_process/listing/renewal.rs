//! Heartbeats keep the listing and the questions of a runtime from TTL.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_gateway::invoke;
use doorbell_protocol::Scope;
use doorbell_shared::clock::Clock as _;
use doorbell_shared::http::AppState;
use doorbell_shared::http::routes::Function;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, TABLE};
use doorbell_test_support::TestClock;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::event::event;
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn call(state: &AppState<DynamoDbStore>, function: Function, path: &str, body: Value) -> Value {
    let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
    let response = invoke(function, state, state, &event(function, scope, path, &body)).await;
    assert_eq!(response.status(), 200);
    serde_json::from_slice(response.body()).unwrap()
}

/// Written at registration only, the listing of a machine that runs for weeks would expire.
#[tokio::test]
async fn heartbeats_renew_listing_and_questions_before_their_expiry() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let clock = Arc::new(TestClock::default());
    let state = AppState { clock: Arc::<TestClock>::clone(&clock), ..AppState::new(engine.store()) };
    let program = json!({"type": "codex", "questions": [{"name": "disk_usage"}]});
    let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [program]});
    let registered = call(&state, Function::Register, "/api/daemon/register", body).await;
    let runtime = registered["runtimes"][0]["id"].as_str().unwrap();
    for day in 1..=30 {
        clock.advance(DAY);
        let body = json!({"runtime_id": runtime});
        call(&state, Function::Heartbeat, "/api/daemon/heartbeat", body).await;
        let listing = [format!("workspace#{WORKSPACE_A}"), format!("runtime#{runtime}")];
        let questions = [format!("runtime#{runtime}"), "questions".to_owned()];
        for key in [listing, questions] {
            let expires_at = expiry(&engine, &key).await;
            assert!(expires_at > clock.now().millis() / 1000, "day {day}: TTL may delete {key:?}");
        }
        let listed = call(&state, Function::Runtimes, "/api/runtimes", Value::Null).await;
        assert_eq!(listed[0]["id"], runtime);
    }
}

async fn expiry(engine: &EmbeddedDynamoDb, [pk, sk]: &[String; 2]) -> i64 {
    let attribute = |name: &str, value: &String| (name.to_owned(), AttributeValue::S(value.clone()));
    let key = [attribute("pk", pk), attribute("sk", sk)];
    let get = engine.client(None).get_item().table_name(TABLE).set_key(Some(key.into()));
    let item = get.send().await.unwrap().item.unwrap();
    item["expires_at"].as_n().unwrap().parse().unwrap()
}
