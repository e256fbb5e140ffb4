//! A catalog that fails, is slow or corrupt is a miss. A failed refresh is no error of the ring; a failed snapshot is one of the report.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_gateway::invoke;
use doorbell_protocol::Scope;
use doorbell_protocol::limits::CATALOG_FRESHNESS;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::AppState;
use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::{CATALOG_READ_TIMEOUT, REFRESH_TIMEOUT};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Fault, Interceptor, ServiceError, TABLE};
use doorbell_test_support::TestClock;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::event::event;
use doorbell_test_support::log::CapturedLog;
use serde_json::{Value, json};

/// Longer than any call.
const STALLED: Duration = Duration::from_secs(3600);

/// The fault of each call of an operation, from the one with this number on.
#[derive(Debug, Default)]
struct Faulty(Mutex<Option<(&'static str, usize, Fault)>>);

impl Interceptor for Faulty {
    fn fault(&self, operation: &str) -> Fault {
        match &mut *self.0.lock().unwrap() {
            Some((faulty, 0, fault)) if *faulty == operation => *fault,
            Some((faulty, before, _)) if *faulty == operation => {
                *before -= 1;
                Fault::None
            }
            _ => Fault::None,
        }
    }
}

/// The functions, with a runtime that has listed a model.
struct Fixture {
    engine: EmbeddedDynamoDb,
    faulty: Arc<Faulty>,
    clock: Arc<TestClock>,
    state: AppState<DynamoDbStore>,
    runtime: String,
}

impl Fixture {
    async fn new() -> Self {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let (faulty, clock) = (Arc::new(Faulty::default()), Arc::new(TestClock::default()));
        let store = engine.store_with_interceptor(Arc::<Faulty>::clone(&faulty));
        let state = AppState { clock: Arc::<TestClock>::clone(&clock), ..AppState::new(store) };
        let mut fixture = Self { engine, faulty, clock, state, runtime: String::new() };
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
        let (_, registered) = fixture.call(Function::Register, "/api/daemon/register", body).await;
        fixture.runtime = registered["runtimes"][0]["id"].as_str().unwrap().to_owned();
        let (_, asked) = fixture.ring("").await;
        assert_eq!(fixture.report(&asked).await.0, 200);
        fixture
    }

    async fn call(&self, function: Function, path: &str, body: Value) -> (u16, Value) {
        let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
        let response = invoke(function, &self.state, &self.state, &event(function, scope, path, &body)).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    async fn ring(&self, query: &str) -> (u16, Value) {
        let path = format!("/api/runtimes/{}/models{query}", self.runtime);
        self.call(Function::Initiate, &path, json!({})).await
    }

    async fn report(&self, asked: &Value) -> (u16, Value) {
        let request = asked["id"].as_str().unwrap();
        let path = format!("/api/daemon/runtimes/{}/models/{request}/result", self.runtime);
        let report = json!({"status": "completed", "models": [{"id": "a", "label": "A"}]});
        self.call(Function::Report, &path, report).await
    }

    /// Lets the calls of `operation` fail, from the one with this number on.
    fn fail(&self, operation: &'static str, from: usize, fault: Fault) {
        *self.faulty.0.lock().unwrap() = Some((operation, from, fault));
    }

    fn recover(&self) {
        *self.faulty.0.lock().unwrap() = None;
    }

    /// Advances until the snapshot is refreshed by the next ring.
    async fn age(&self) {
        self.clock.advance(CATALOG_FRESHNESS);
        let body = json!({"runtime_id": self.runtime});
        self.call(Function::Heartbeat, "/api/daemon/heartbeat", body).await;
    }

    /// Overwrites an attribute of the snapshot.
    async fn corrupt(&self, attribute: &str, value: AttributeValue) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let update = self.engine.client(None).update_item().table_name(TABLE);
        update
            .key("pk", text(&format!("runtime#{}", self.runtime)))
            .key("sk", text("catalog#model_list"))
            .update_expression("SET #attribute = :value")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":value", value)
            .send()
            .await
            .unwrap();
    }

    async fn assert_miss(&self) {
        let (status, record) = self.ring("").await;
        assert_eq!((status, &record["status"], record.get("cached")), (200, &json!("pending"), None));
    }

    async fn assert_hit(&self) {
        let (status, record) = self.ring("").await;
        assert_eq!((status, &record["cached"], &record["models"][0]["id"]), (200, &json!(true), &json!("a")));
    }
}

#[tokio::test]
async fn failed_catalog_read_is_a_miss() {
    let fixture = Fixture::new().await;
    fixture.fail("BatchGetItem", 0, Fault::Rejected(ServiceError::AccessDenied));
    let (log, _guard) = CapturedLog::capture();
    fixture.assert_miss().await;
    assert_eq!(log.lines("catalog not read").len(), 1, "{}", log.text());
    fixture.recover();
    fixture.assert_hit().await;
}

#[tokio::test(start_paused = true)]
async fn slow_catalog_read_is_a_miss_after_1_s() {
    let fixture = Fixture::new().await;
    fixture.fail("BatchGetItem", 0, Fault::Delayed(STALLED));
    let (log, _guard) = CapturedLog::capture();
    let running = Stopwatch::start();
    fixture.assert_miss().await;
    assert_eq!(running.elapsed(), CATALOG_READ_TIMEOUT);
    assert_eq!(log.lines("catalog read timed out").len(), 1, "{}", log.text());
}

#[tokio::test]
async fn corrupt_snapshot_is_a_miss() {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    for (attribute, value) in [
        ("stored_at", text("yesterday")),
        ("stored_at", AttributeValue::N("1e30".to_owned())),
        ("result", AttributeValue::N("1".to_owned())),
        ("result", text("")),
        ("result", text("[]")),
        ("result", text(r#"{"models":5,"supported":true}"#)),
        ("result", text(r#"{"models":["#)),
    ] {
        let fixture = Fixture::new().await;
        fixture.corrupt(attribute, value.clone()).await;
        fixture.assert_miss().await;
    }
}

/// The next good report replaces it.
#[tokio::test]
async fn unreadable_result_is_logged_and_replaced() {
    let fixture = Fixture::new().await;
    fixture.corrupt("result", AttributeValue::S("[]".to_owned())).await;
    fixture.clock.advance(Duration::from_millis(1));
    let (log, _guard) = CapturedLog::capture();
    let (_, asked) = fixture.ring("").await;
    assert_eq!(log.lines("snapshot not readable").len(), 1, "{}", log.text());
    assert_eq!(fixture.report(&asked).await.0, 200);
    fixture.assert_hit().await;
}

#[tokio::test]
async fn failed_refresh_answers_with_snapshot() {
    let fixture = Fixture::new().await;
    fixture.age().await;
    fixture.fail("UpdateItem", 0, Fault::Rejected(ServiceError::AccessDenied));
    let (log, _guard) = CapturedLog::capture();
    fixture.assert_hit().await;
    assert_eq!(log.lines("catalog not refreshed").len(), 1, "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn slow_refresh_answers_with_snapshot_after_2_s() {
    let fixture = Fixture::new().await;
    fixture.age().await;
    fixture.fail("UpdateItem", 0, Fault::Delayed(STALLED));
    let (log, _guard) = CapturedLog::capture();
    let running = Stopwatch::start();
    fixture.assert_hit().await;
    assert_eq!(running.elapsed(), REFRESH_TIMEOUT);
    assert_eq!(log.lines("refresh of the catalog timed out").len(), 1, "{}", log.text());
}

/// Acknowledged is stored: a daemon repeats a report that failed, and the snapshot has the time of the first one.
#[tokio::test]
async fn report_without_snapshot_fails_and_is_repeated() {
    let fixture = Fixture::new().await;
    let (_, asked) = fixture.ring("?refresh=true").await;
    fixture.clock.advance(Duration::from_secs(1));
    // The outcome is written; the id stays in the open set, and the snapshot is not stored.
    fixture.fail("UpdateItem", 1, Fault::Rejected(ServiceError::AccessDenied));
    let failed = (500, json!({"error": "failed to persist completion"}));
    assert_eq!(fixture.report(&asked).await, failed);
    let request = asked["id"].as_str().unwrap();
    let path = format!("/api/runtimes/{}/models/{request}", fixture.runtime);
    let (_, recorded) = fixture.call(Function::Poll, &path, Value::Null).await;
    assert_ne!(fixture.ring("").await.1["cached_at"], recorded["updated_at"]);
    fixture.recover();
    fixture.clock.advance(Duration::from_secs(2));
    assert_eq!(fixture.report(&asked).await, (200, json!({"status": "ok"})));
    assert_eq!(fixture.ring("").await.1["cached_at"], recorded["updated_at"]);
}
