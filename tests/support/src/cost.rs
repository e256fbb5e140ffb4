//! The functions on the embedded engine, with each call to DynamoDB counted: what the tests hold and the bench shows.

use std::sync::Arc;
use std::time::Duration;

use doorbell_functions::auth::AuthorizerEvent;
use doorbell_functions::auth::oidc::Oidc;
use doorbell_protocol::ModelListReport;
use doorbell_protocol::Scope;
use doorbell_protocol::Timestamp;
use doorbell_shared::clock::Clock;
use doorbell_shared::http::AppState;
use doorbell_shared::http::caller::Caller;
use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::WORK_HINT_LIFETIME;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{CallRecorder, EmbeddedDynamoDb, RecordedCall};
use serde_json::{Value, json};

use crate::TestClock;
use crate::api::WORKSPACE_A;
use crate::event::event;

const BETWEEN_LIFECYCLES: Duration = Duration::from_secs(2 * WORK_HINT_LIFETIME.as_secs());

/// The calls to DynamoDB that one call of a function made.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost(pub Vec<RecordedCall>);

impl Cost {
    /// Their names and units.
    pub fn by_name(&self) -> Vec<(&str, f64)> {
        self.0.iter().map(|call| (call.operation.as_str(), call.units)).collect()
    }

    /// The write units.
    pub fn write_units(&self) -> f64 {
        units(self.0.iter().filter(|call| !is_read(call)))
    }

    /// The read units.
    pub fn read_units(&self) -> f64 {
        units(self.0.iter().filter(|call| is_read(call)))
    }

    /// The calls that read.
    #[must_use]
    pub fn reads(&self) -> Self {
        Self(self.0.iter().filter(|call| is_read(call)).cloned().collect())
    }

    /// The bytes of the requests' bodies.
    pub fn sent_bytes(&self) -> usize {
        self.0.iter().map(|call| call.request_bytes).sum()
    }

    /// The bytes of the answers' bodies.
    pub fn received_bytes(&self) -> usize {
        self.0.iter().map(|call| call.response_bytes).sum()
    }
}

fn is_read(call: &RecordedCall) -> bool {
    ["GetItem", "BatchGetItem", "Query"].contains(&call.operation.as_str())
}

fn units<'c>(calls: impl Iterator<Item = &'c RecordedCall>) -> f64 {
    // Not `sum`, which makes -0 of nothing.
    calls.fold(0.0, |total, call| total + call.units)
}

/// What one operation cost.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationCost {
    /// The operation, in the words of the figures.
    pub operation: &'static str,
    /// What it cost.
    pub cost: Cost,
}

/// The functions, in front of a store whose calls are counted.
pub struct RecordedApi {
    /// What time the functions think it is.
    pub clock: Arc<TestClock>,
    backend: AppState<DynamoDbStore>,
    recorder: Arc<CallRecorder>,
}

impl RecordedApi {
    /// On the table of `engine`.
    pub fn new(engine: &EmbeddedDynamoDb) -> Self {
        let recorder = Arc::new(CallRecorder::default());
        let store = engine.store_with_interceptor(Arc::<CallRecorder>::clone(&recorder));
        let clock = Arc::new(TestClock::default());
        let backend = AppState { clock: Arc::<TestClock>::clone(&clock), ..AppState::new(store) };
        Self { clock, backend, recorder }
    }

    /// Calls `function` at `path` with a JSON body, as somebody in workspace A, and expects a 200.
    pub async fn call(&self, function: Function, path: &str, body: Value) -> (Value, Cost) {
        let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
        let response =
            doorbell_gateway::invoke(function, &self.backend, &event(function, scope, path, &body)).await;
        assert_eq!(response.status(), 200, "{function:?}: {:?}", response.body());
        (serde_json::from_slice(response.body()).unwrap(), Cost(self.recorder.take()))
    }

    /// Registers the one runtime of `daemon` and gives its id.
    pub async fn register(&self, daemon: &str) -> (String, Cost) {
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": daemon, "runtimes": [{"type": "codex"}]});
        let (registered, cost) = self.call(Function::Register, "/api/daemon/register", body).await;
        (registered["runtimes"][0]["id"].as_str().unwrap().to_owned(), cost)
    }

    /// Beats, and gives the request that was handed out. `in_flight` is what the daemon says it has, if it says so.
    pub async fn heartbeat(&self, runtime: &str, in_flight: Option<&Value>) -> (Option<String>, Cost) {
        let mut body = json!({"runtime_id": runtime});
        if let Some(in_flight) = in_flight {
            body["in_flight"] = in_flight.clone();
        }
        let (beat, cost) = self.call(Function::Heartbeat, "/api/daemon/heartbeat", body).await;
        (beat["pending_model_list"]["id"].as_str().map(str::to_owned), cost)
    }

    /// Rings, and gives the request's id.
    pub async fn ring(&self, runtime: &str) -> (String, Cost) {
        let (asked, cost) = self.call(Function::Initiate, &models(runtime), json!({})).await;
        (asked["id"].as_str().unwrap().to_owned(), cost)
    }

    /// Polls, and gives the record.
    pub async fn poll(&self, runtime: &str, request: &str) -> (Value, Cost) {
        self.call(Function::Poll, &format!("{}/{request}", models(runtime)), json!({})).await
    }

    /// Reports.
    pub async fn report(&self, runtime: &str, request: &str, report: &ModelListReport) -> Cost {
        let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
        self.call(Function::Report, &path, json!(report)).await.1
    }

    /// Asks who calls with a daemon's token, which there is.
    pub async fn authorize(&self) -> Cost {
        doorbell_gateway::issue_dev_tokens(&self.backend.store, self.clock.now()).await.unwrap();
        self.recorder.take();
        let event = json!({"headers": {"authorization": "Bearer dbd_dev_a"}});
        let event: AuthorizerEvent = serde_json::from_value(event).unwrap();
        let oidc: Option<&Oidc> = None;
        let answer = doorbell_functions::auth::handle(&self.backend, oidc, &event).await.unwrap();
        assert!(matches!(answer.context, Caller::Known(_)));
        Cost(self.recorder.take())
    }

    /// When the next [`lifecycle`](Self::lifecycle) begins: when nothing of the one before can be found any more.
    pub fn next_lifecycle(&self) -> Timestamp {
        self.clock.now() + BETWEEN_LIFECYCLES
    }

    /// Everything once, from registering to signing off: one question, answered with `report`, to a daemon that says
    /// `in_flight`.
    pub async fn lifecycle(&self, report: &ModelListReport, in_flight: Option<&Value>) -> Vec<OperationCost> {
        self.clock.advance(BETWEEN_LIFECYCLES);
        let (runtime, register) = self.register("d").await;
        let (nothing, heartbeat_idle) = self.heartbeat(&runtime, in_flight).await;
        assert_eq!(nothing, None);
        let (request, initiate) = self.ring(&runtime).await;
        let (_, poll) = self.poll(&runtime, &request).await;
        let (handed_out, heartbeat_work) = self.heartbeat(&runtime, in_flight).await;
        assert_eq!(handed_out.as_ref(), Some(&request));
        let reported = self.report(&runtime, &request, report).await;
        let (shown, poll_result) = self.poll(&runtime, &request).await;
        assert_eq!(shown["models"], json!(report)["models"]);
        let (_, runtimes) = self.call(Function::Runtimes, "/api/runtimes", json!({})).await;
        let gone = json!({"runtime_ids": [runtime]});
        let (_, deregister) = self.call(Function::Deregister, "/api/daemon/deregister", gone).await;
        [
            ("register", register),
            ("heartbeat_idle", heartbeat_idle),
            ("initiate", initiate),
            ("poll", poll),
            ("heartbeat_work", heartbeat_work),
            ("report", reported),
            ("poll_result", poll_result),
            ("runtimes", runtimes),
            ("deregister", deregister),
            ("authorizer", self.authorize().await),
        ]
        .map(|(operation, cost)| OperationCost { operation, cost })
        .into()
    }
}

fn models(runtime: &str) -> String {
    format!("/api/runtimes/{runtime}/models")
}
