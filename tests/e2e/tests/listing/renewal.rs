//! Heartbeats keep the listing of a runtime from TTL.

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
    let response = invoke(function, state, &event(function, scope, path, &body)).await;
    assert_eq!(response.status(), 200);
    serde_json::from_slice(response.body()).unwrap()
}

/// Written at registration only, the listing of a machine that runs for weeks would expire.
#[tokio::test]
async fn heartbeats_renew_listing_before_its_expiry() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let clock = Arc::new(TestClock::default());
    let state = AppState { clock: Arc::<TestClock>::clone(&clock), ..AppState::new(engine.store()) };
    let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
    let registered = call(&state, Function::Register, "/api/daemon/register", body).await;
    let runtime = registered["runtimes"][0]["id"].as_str().unwrap();
    for day in 1..=30 {
        clock.advance(DAY);
        let body = json!({"runtime_id": runtime});
        call(&state, Function::Heartbeat, "/api/daemon/heartbeat", body).await;
        let expires_at = listing_expiry(&engine, runtime).await;
        assert!(expires_at > clock.now().millis() / 1000, "day {day}: TTL may delete the listing");
        let listed = call(&state, Function::Runtimes, "/api/runtimes", Value::Null).await;
        assert_eq!(listed[0]["id"], runtime);
    }
}

async fn listing_expiry(engine: &EmbeddedDynamoDb, runtime: &str) -> i64 {
    let attribute = |name: &str, value: String| (name.to_owned(), AttributeValue::S(value));
    let key =
        [attribute("pk", format!("workspace#{WORKSPACE_A}")), attribute("sk", format!("runtime#{runtime}"))];
    let get = engine.client(None).get_item().table_name(TABLE).set_key(Some(key.into()));
    let item = get.send().await.unwrap().item.unwrap();
    item["expires_at"].as_n().unwrap().parse().unwrap()
}
