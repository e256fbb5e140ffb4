//! Metrics as CloudWatch reads them: lines of the embedded metric format, emitted as in `main`.
//!
//! A process has one recorder, so the tests take turns.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use doorbell_gateway::invoke;
use doorbell_protocol::Scope;
use doorbell_shared::http::AppState;
use doorbell_shared::http::metrics::{METRICS, NAMESPACE, STACK};
use doorbell_shared::http::routes::Function;
use doorbell_shared::lambda::{self, Recorder};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::store::{Store, TokenStore};
use doorbell_test_support::TestClock;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::event::lambda_event;
use doorbell_test_support::interceptor::Delay;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

static RECORDER: LazyLock<Mutex<Recorder>> =
    LazyLock::new(|| Mutex::new(Recorder::install("doorbell".to_owned()).unwrap()));

/// The values of the dimensions besides the deployment, and of each metric.
type Line = (Vec<String>, BTreeMap<String, Value>);

/// A deployment with one runtime.
struct Deployment<S> {
    state: AppState<S>,
    clock: Arc<TestClock>,
    runtime: String,
    recorder: MutexGuard<'static, Recorder>,
}

impl Deployment<MemoryStore> {
    async fn new() -> Self {
        Self::on(MemoryStore::default()).await
    }
}

impl Deployment<DynamoDbStore> {
    /// With a pending request, on a table with slow updates.
    async fn with_slow_updates(millis: u64) -> Self {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let mut deployment = Self::on(engine.store()).await;
        deployment.ring().await;
        deployment.slow_down(&engine, millis);
        deployment
    }

    fn slow_down(&mut self, engine: &EmbeddedDynamoDb, millis: u64) {
        let slow = Delay { operation: "UpdateItem", delay: Duration::from_millis(millis) };
        self.state.store = engine.store_with_interceptor(Arc::new(slow));
    }
}

impl<S: Store + TokenStore> Deployment<S> {
    async fn on(store: S) -> Self {
        let recorder = RECORDER.lock().await;
        let clock = Arc::new(TestClock::default());
        let state = AppState { clock: Arc::<TestClock>::clone(&clock), ..AppState::new(store) };
        let mut deployment = Self { state, clock, runtime: String::new(), recorder };
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
        let (answer, _) = deployment.call(Function::Register, "/api/daemon/register", body).await;
        deployment.runtime = answer["runtimes"][0]["id"].as_str().unwrap().to_owned();
        deployment
    }

    /// The response to an invocation, and its metrics.
    async fn call(&self, function: Function, path: &str, body: Value) -> (Value, Vec<Line>) {
        let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
        let event = lambda_event(function, scope, path, &body);
        let handle = async |request| invoke(function, &self.state, &self.state, &request).await;
        let mut output = Vec::new();
        let answer = lambda::respond(event, handle, *self.recorder, &mut output).await;
        assert_eq!(answer.status_code, 200, "{answer:?}");
        (serde_json::from_slice(&answer.body.unwrap()).unwrap(), lines(&output))
    }

    async fn ring(&self) -> String {
        let path = format!("/api/runtimes/{}/models", self.runtime);
        let (request, _) = self.call(Function::Initiate, &path, json!({})).await;
        request["id"].as_str().unwrap().to_owned()
    }

    async fn heartbeat(&self) -> Vec<Line> {
        let body = json!({"runtime_id": self.runtime});
        self.call(Function::Heartbeat, "/api/daemon/heartbeat", body).await.1
    }

    async fn report(&self, request: &str, body: Value) -> Vec<Line> {
        let path = format!("/api/daemon/runtimes/{}/models/{request}/result", self.runtime);
        self.call(Function::Report, &path, body).await.1
    }

    async fn poll(&self, request: &str) -> Vec<Line> {
        let path = format!("/api/runtimes/{}/models/{request}", self.runtime);
        self.call(Function::Poll, &path, json!({})).await.1
    }

    fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }
}

/// Sorted by the values of their dimensions, because their order has no meaning.
fn lines(output: &[u8]) -> Vec<Line> {
    let lines = std::str::from_utf8(output).unwrap().lines();
    let mut lines: Vec<Line> = lines.map(|line| parse(serde_json::from_str(line).unwrap())).collect();
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    lines
}

/// Parses a line as CloudWatch does (AWS, "Specification: Embedded metric format") and compares it with [`METRICS`].
/// Rejects every other member, so that no request data can be in it.
fn parse(line: Value) -> Line {
    let Value::Object(mut members) = line else { panic!("no object") };
    let aws = members.remove("_aws").unwrap();
    assert!(aws["Timestamp"].is_u64());
    let [directive] = aws["CloudWatchMetrics"].as_array().unwrap().as_slice() else { panic!("{aws}") };
    assert_eq!(directive["Namespace"], NAMESPACE);

    let mut metrics = BTreeMap::new();
    let mut dimensions: &[&str] = &[];
    for definition in directive["Metrics"].as_array().unwrap() {
        let metric = METRICS.iter().find(|metric| definition["Name"] == metric.name).unwrap();
        let unit = if metric.unit == metrics::Unit::Count { "Count" } else { "Milliseconds" };
        assert_eq!(definition, &json!({"Name": metric.name, "Unit": unit}));
        let all: Vec<_> = [STACK].iter().chain(metric.dimensions).collect();
        assert_eq!(directive["Dimensions"], json!([all]));
        metrics.insert(metric.name.to_owned(), members.remove(metric.name).unwrap());
        dimensions = metric.dimensions;
    }
    assert_eq!(members.remove(STACK).unwrap(), "doorbell");
    let values = dimensions.iter().map(|name| members.remove(*name).unwrap().as_str().unwrap().to_owned());
    let values = values.collect();
    assert!(members.is_empty(), "other members: {members:?}");
    (values, metrics)
}

fn line<const N: usize>(dimensions: &[&str], metrics: [(&str, Value); N]) -> Line {
    let dimensions = dimensions.iter().map(|value| (*value).to_owned());
    (dimensions.collect(), metrics.map(|(name, value)| (name.to_owned(), value)).into())
}

const NOTHING: [Line; 0] = [];

#[tokio::test]
async fn idle_heartbeat_emits_nothing() {
    let deployment = Deployment::new().await;
    assert_eq!(deployment.heartbeat().await, NOTHING);
}

#[tokio::test]
async fn claim_emits_age_of_request() {
    let deployment = Deployment::new().await;
    deployment.ring().await;
    deployment.advance(1_234);
    let claim = line(&[], [("ClaimsWon", json!(1))]);
    let age = line(&["model_list"], [("AgeAtClaim", json!([1_234.0]))]);
    assert_eq!(deployment.heartbeat().await, [claim, age]);
}

#[tokio::test]
async fn redelivery_is_no_claim() {
    let deployment = Deployment::new().await;
    deployment.ring().await;
    deployment.heartbeat().await;
    deployment.advance(5_001);
    let body = json!({"runtime_id": deployment.runtime, "in_flight": []});
    let (_, left) = deployment.call(Function::Heartbeat, "/api/daemon/heartbeat", body).await;
    assert_eq!(left, [line(&[], [("Redeliveries", json!(1))])]);
}

#[tokio::test]
async fn heartbeat_with_request_in_flight_emits_nothing() {
    let deployment = Deployment::new().await;
    let request = deployment.ring().await;
    deployment.heartbeat().await;
    let body = json!({"runtime_id": deployment.runtime, "in_flight": [request]});
    let (_, left) = deployment.call(Function::Heartbeat, "/api/daemon/heartbeat", body).await;
    assert_eq!(left, NOTHING);
}

/// A daemon that does not list what it has in flight tries to claim it again.
#[tokio::test]
async fn heartbeat_without_in_flight_loses_claim_of_running_request() {
    let deployment = Deployment::new().await;
    deployment.ring().await;
    deployment.heartbeat().await;
    assert_eq!(deployment.heartbeat().await, [line(&[], [("ClaimsLost", json!(1))])]);
}

#[tokio::test]
async fn heartbeat_after_timeout_emits_nothing() {
    let deployment = Deployment::new().await;
    deployment.ring().await;
    deployment.advance(30_001);
    assert_eq!(deployment.heartbeat().await, NOTHING);
}

/// Writes are slow, so both read the open set before either claims.
#[tokio::test(start_paused = true)]
async fn concurrent_claims_count_one_win_and_one_loss() {
    let deployment = Deployment::with_slow_updates(100).await;
    let (one, other) = tokio::join!(deployment.heartbeat(), deployment.heartbeat());
    let counted: Vec<_> = [one, other].concat().into_iter().flat_map(|(_, metrics)| metrics).collect();
    let count = |name: &str| counted.iter().filter(|(counted, value)| counted == name && value == 1).count();
    assert_eq!((count("ClaimsWon"), count("ClaimsLost")), (1, 1), "{counted:?}");
}

#[tokio::test]
async fn report_emits_status_and_time() {
    let deployment = Deployment::new().await;
    for (status, millis) in [("completed", 2_500), ("failed", 20_000)] {
        let request = deployment.ring().await;
        deployment.advance(millis);
        let left = deployment.report(&request, json!({ "status": status })).await;
        let expected = [("RequestsEnded", json!(1)), ("TimeToAnswer", json!([millis as f64]))];
        assert_eq!(left, [line(&["model_list", status], expected)]);
    }
}

#[tokio::test]
async fn ineffective_report_emits_nothing() {
    let deployment = Deployment::new().await;
    let request = deployment.ring().await;
    deployment.report(&request, json!({"status": "completed"})).await;
    deployment.advance(500);
    assert_eq!(deployment.report(&request, json!({"status": "completed"})).await, NOTHING, "repeated");
    assert_eq!(deployment.report(&request, json!({"status": "failed"})).await, NOTHING, "stale");
}

#[tokio::test]
async fn timeout_is_counted_once() {
    let deployment = Deployment::new().await;
    let request = deployment.ring().await;
    assert_eq!(deployment.poll(&request).await, NOTHING, "still pending");
    deployment.advance(30_001);
    assert_eq!(
        deployment.poll(&request).await,
        [line(&["model_list", "timeout"], [("RequestsEnded", json!(1))])]
    );
    assert_eq!(deployment.poll(&request).await, NOTHING, "counted before");
}

/// The claim of the running request is lost, and it is then too late for the next one.
#[tokio::test(start_paused = true)]
async fn claims_stopped_by_slow_store_are_counted() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let mut deployment = Deployment::on(engine.store()).await;
    deployment.ring().await;
    deployment.heartbeat().await;
    deployment.ring().await;
    deployment.slow_down(&engine, 1_600);
    let expected = [("ClaimsLost", json!(1)), ("HeartbeatQueueSkips", json!(1))];
    assert_eq!(deployment.heartbeat().await, [line(&[], expected)]);
}

#[tokio::test(start_paused = true)]
async fn skipped_queue_is_counted() {
    let deployment = Deployment::with_slow_updates(2_100).await;
    assert_eq!(deployment.heartbeat().await, [line(&[], [("HeartbeatQueueSkips", json!(1))])]);
}

#[tokio::test(start_paused = true)]
async fn idle_heartbeat_on_slow_store_emits_nothing() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let mut deployment = Deployment::on(engine.store()).await;
    deployment.slow_down(&engine, 2_100);
    assert_eq!(deployment.heartbeat().await, NOTHING);
}
