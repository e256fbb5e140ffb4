//! The functions on the embedded engine, with their DynamoDB calls recorded.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorbell_functions::auth::AuthorizerEvent;
use doorbell_functions::auth::oidc::Oidc;
use doorbell_functions::connect::{self, ConnectionScope};
use doorbell_functions::presence;
use doorbell_protocol::limits::{CATALOG_RETENTION, RETENTION};
use doorbell_protocol::{Kind, ModelListReport, RuntimeId, Scope};
use doorbell_shared::access::Principal;
use doorbell_shared::clock::Clock;
use doorbell_shared::http::AppState;
use doorbell_shared::http::input::Caller;
use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::RING_INTERVAL;
use doorbell_shared::push::ClientId;
use doorbell_shared::request::{Address, Deadlines, Ring};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{CallRecorder, EmbeddedDynamoDb, RecordedCall};
use doorbell_shared::store::{InitiateOutcome, Store as _};
use serde_json::{Value, json};

use crate::TestClock;
use crate::api::WORKSPACE_A;
use crate::event::event;
use crate::push::{DEPLOYMENT, ScriptedPush};

/// The catalog has no snapshot of the lifecycle before.
const BETWEEN_LIFECYCLES: Duration = Duration::from_secs(CATALOG_RETENTION.as_secs() + RETENTION.as_secs());

/// The DynamoDB calls of one function call.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost(pub Vec<RecordedCall>);

impl Cost {
    /// Names and units.
    pub fn by_name(&self) -> Vec<(&str, f64)> {
        self.0.iter().map(|call| (call.operation.as_str(), call.units)).collect()
    }

    pub fn write_units(&self) -> f64 {
        units(self.0.iter().filter(|call| !is_read(call)))
    }

    pub fn read_units(&self) -> f64 {
        units(self.0.iter().filter(|call| is_read(call)))
    }

    /// The calls that read.
    #[must_use]
    pub fn reads(&self) -> Self {
        Self(self.0.iter().filter(|call| is_read(call)).cloned().collect())
    }

    pub fn sent_bytes(&self) -> usize {
        self.0.iter().map(|call| call.request_bytes).sum()
    }

    pub fn received_bytes(&self) -> usize {
        self.0.iter().map(|call| call.response_bytes).sum()
    }
}

fn is_read(call: &RecordedCall) -> bool {
    ["GetItem", "BatchGetItem", "Query"].contains(&call.operation.as_str())
}

fn units<'c>(calls: impl Iterator<Item = &'c RecordedCall>) -> f64 {
    // `sum` of nothing is -0.
    calls.fold(0.0, |total, call| total + call.units)
}

/// The cost of one operation.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationCost {
    pub operation: &'static str,
    pub cost: Cost,
}

/// The functions on a store whose calls are recorded.
pub struct RecordedApi {
    /// The clock of the functions.
    pub clock: Arc<TestClock>,
    state: AppState<DynamoDbStore>,
    recorder: Arc<CallRecorder>,
}

impl RecordedApi {
    /// Uses the table of `engine`.
    pub fn new(engine: &EmbeddedDynamoDb) -> Self {
        let recorder = Arc::new(CallRecorder::default());
        let store = engine.store_with_interceptor(Arc::<CallRecorder>::clone(&recorder));
        let clock = Arc::new(TestClock::default());
        let state = AppState { clock: Arc::<TestClock>::clone(&clock), ..AppState::new(store) };
        Self { clock, state, recorder }
    }

    /// The same with the push channel of `push`.
    pub fn with_push(engine: &EmbeddedDynamoDb, push: &Arc<ScriptedPush>) -> Self {
        let api = Self::new(engine);
        Self { state: AppState { push: Some(push.channel()), ..api.state }, ..api }
    }

    /// Calls `function` in workspace A, and expects a 200.
    pub async fn call(&self, function: Function, path: &str, body: Value) -> (Value, Cost) {
        let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
        let response = doorbell_gateway::invoke(
            function,
            &self.state,
            &self.state,
            &event(function, scope, path, &body),
        )
        .await;
        assert_eq!(response.status(), 200, "{function:?}: {:?}", response.body());
        (serde_json::from_slice(response.body()).unwrap(), Cost(self.recorder.take()))
    }

    /// Adds pending requests of a question, which wait for a week and which heartbeats of this form do not claim.
    pub async fn open_questions(&self, runtime: &str, count: usize) {
        let runtime: RuntimeId = runtime.parse().unwrap();
        let caller = Principal::of_workspaces([WORKSPACE_A.parse().unwrap()]);
        let kind: Kind = "disk_usage".parse().unwrap();
        let deadlines = Deadlines::of_seconds(30, 60, 3_600).with_queue(Duration::from_secs(7 * 24 * 3_600));
        for _ in 0..count {
            let now = self.clock.now();
            let address = Address { runtime, request: self.state.id_gen.request_id(now) };
            let ring = Ring::new(address, kind, deadlines);
            let outcome = self.state.store.initiate(&ring, &caller, now).await.unwrap();
            assert!(matches!(outcome, InitiateOutcome::Enqueued(..)), "{outcome:?}");
            self.clock.advance(RING_INTERVAL);
        }
        self.recorder.take();
    }

    /// Registers the single runtime of `daemon`, with all fields; returns its id.
    pub async fn register(&self, daemon: &str) -> (String, Cost) {
        let program = json!({
            "name": "Claude Code (annas-macbook-pro.local)", "type": "claude", "version": "2.1.34 (Claude Code)",
            "status": "online", "profile_id": "3d1f1c52-7f5e-4c2b-9a56-0a1f3b7d9e10",
        });
        let body = json!({
            "workspace_id": WORKSPACE_A, "daemon_id": daemon, "device_name": "annas-macbook-pro.local",
            "cli_version": "0.3.17", "runtimes": [program],
        });
        let (registered, cost) = self.call(Function::Register, "/api/daemon/register", body).await;
        (registered["runtimes"][0]["id"].as_str().unwrap().to_owned(), cost)
    }

    /// Sends a heartbeat; returns the claimed request.
    pub async fn heartbeat(&self, runtime: &str, in_flight: Option<&Value>) -> (Option<String>, Cost) {
        let mut body = json!({"runtime_id": runtime});
        if let Some(in_flight) = in_flight {
            body["in_flight"] = in_flight.clone();
        }
        let (response, cost) = self.call(Function::Heartbeat, "/api/daemon/heartbeat", body).await;
        (response["pending_model_list"]["id"].as_str().map(str::to_owned), cost)
    }

    /// Sends the heartbeat of a whole daemon; returns the seconds until the next one.
    pub async fn daemon_heartbeat(&self, runtimes: &[String], connected: bool) -> (u64, Cost) {
        let runtimes: Vec<Value> = runtimes.iter().map(|id| json!({"id": id, "in_flight": []})).collect();
        let body = json!({"runtimes": runtimes, "push": {"connected": connected}});
        let (response, cost) = self.call(Function::Heartbeat, "/api/daemon/heartbeat", body).await;
        (response["next_heartbeat_s"].as_u64().unwrap(), cost)
    }

    /// Tells the server that the connection of `client` has ended.
    pub async fn disconnected(&self, client: &ClientId) -> Cost {
        let event = serde_json::from_value(json!({"clientId": client.as_str()})).unwrap();
        presence::handle(&self.state, &event).await.unwrap();
        Cost(self.recorder.take())
    }

    /// Connects `client` to the push channel, with the daemon's token of workspace A.
    pub async fn connect(&self, client: &ClientId) -> Cost {
        doorbell_gateway::issue_dev_tokens(&self.state.store, self.clock.now()).await.unwrap();
        self.recorder.take();
        let scope = ConnectionScope {
            deployment: DEPLOYMENT.parse().unwrap(),
            arn_prefix: "arn:aws:iot:us-east-1:000000000000".to_owned(),
        };
        let mqtt = json!({"clientId": client.as_str(), "password": STANDARD.encode("dbd_dev_a")});
        let event = serde_json::from_value(json!({"protocolData": {"mqtt": mqtt}})).unwrap();
        let response = connect::handle(&self.state, &scope, &event).await.unwrap();
        assert_eq!(json!(response)["isAuthenticated"], true);
        Cost(self.recorder.take())
    }

    /// Rings past the catalog; returns the request's id.
    pub async fn ring(&self, runtime: &str) -> (String, Cost) {
        let (record, cost) = self.call(Function::Initiate, &refresh(runtime), json!({})).await;
        (record["id"].as_str().unwrap().to_owned(), cost)
    }

    /// Rings; returns the record, which may be that of the catalog.
    pub async fn ring_catalog(&self, runtime: &str) -> (Value, Cost) {
        self.call(Function::Initiate, &models(runtime), json!({})).await
    }

    /// The status of a ring past the catalog, which may be rejected.
    pub async fn try_ring(&self, runtime: &str) -> (u16, Cost) {
        let event = event(Function::Initiate, Scope::User, &refresh(runtime), &json!({}));
        let response = doorbell_gateway::invoke(Function::Initiate, &self.state, &self.state, &event).await;
        (response.status().as_u16(), Cost(self.recorder.take()))
    }

    /// Polls; returns the record.
    pub async fn poll(&self, runtime: &str, request: &str) -> (Value, Cost) {
        self.call(Function::Poll, &format!("{}/{request}", models(runtime)), json!({})).await
    }

    /// Reports.
    pub async fn report(&self, runtime: &str, request: &str, report: &ModelListReport) -> Cost {
        let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
        self.call(Function::Report, &path, json!(report)).await.1
    }

    /// Authorizes a daemon's token, for the second time on this day.
    pub async fn authorize(&self) -> Cost {
        doorbell_gateway::issue_dev_tokens(&self.state.store, self.clock.now()).await.unwrap();
        self.authorize_with("Bearer dbd_dev_a").await;
        let (caller, cost) = self.authorize_with("Bearer dbd_dev_a").await;
        assert!(matches!(caller, Caller::Known(_)));
        cost
    }

    /// The caller of an `authorization` header.
    pub async fn authorize_with(&self, header: &str) -> (Caller, Cost) {
        self.recorder.take();
        let event = json!({"headers": {"authorization": header}});
        let event: AuthorizerEvent = serde_json::from_value(event).unwrap();
        let oidc: Option<&Oidc> = None;
        let response = doorbell_functions::auth::handle(&self.state, oidc, &event).await.unwrap();
        (response.context, Cost(self.recorder.take()))
    }

    /// Each operation once, from a repeated register to deregister: one request, reported with `report`, by a daemon with `in_flight`.
    pub async fn lifecycle(&self, report: &ModelListReport, in_flight: Option<&Value>) -> Vec<OperationCost> {
        self.register("d").await;
        // Longer than the interval within which a second registration of the token would be charged.
        self.clock.advance(BETWEEN_LIFECYCLES);
        let (runtime, register) = self.register("d").await;
        let (idle, heartbeat_idle) = self.heartbeat(&runtime, in_flight).await;
        assert_eq!(idle, None);
        let (rung, initiate) = self.ring_catalog(&runtime).await;
        let request = rung["id"].as_str().unwrap().to_owned();
        let (_, poll) = self.poll(&runtime, &request).await;
        let (claimed, heartbeat_work) = self.heartbeat(&runtime, in_flight).await;
        assert_eq!(claimed.as_ref(), Some(&request));
        let reported = self.report(&runtime, &request, report).await;
        let (shown, poll_result) = self.poll(&runtime, &request).await;
        assert_eq!(shown["models"], json!(report)["models"]);
        let (cached, initiate_cached) = self.ring_catalog(&runtime).await;
        assert_eq!(cached["cached"], true);
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
            ("initiate_cached", initiate_cached),
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

fn refresh(runtime: &str) -> String {
    format!("{}?refresh=true", models(runtime))
}
