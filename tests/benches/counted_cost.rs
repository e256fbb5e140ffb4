//! Counted cost: DynamoDB calls, request units and bytes of every operation, as JSON lines. The same on every machine.
//!
//! `lifecycle` results vary one thing at a time; `concurrent_heartbeats` results count the wasted calls of lost claims, `joined_rings`
//! results the requests of rings at once, as pairs of a number and its runs.
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorbell_bench::{emit, is_brief};
use doorbell_gateway::{WORKSPACE_A, invoke};
use doorbell_protocol::Scope;
use doorbell_protocol::limits::RETENTION;
use doorbell_shared::http::AppState;
use doorbell_shared::http::routes::Function;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{
    CallRecorder, EmbeddedDynamoDb, Fault, Interceptor, RecordedCall,
};
use doorbell_test_support::TestClock;
use doorbell_test_support::catalog::catalog_report;
use doorbell_test_support::cost::{OperationCost, RecordedApi};
use doorbell_test_support::event::event;
use doorbell_test_support::ring_burst::{BurstOutcome, RingBurst};
use doorbell_test_support::seed::TableSeeder;
use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::{Value, json};

const MODELS: u16 = 20;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let brief = is_brief();
    for [has_daemon, refresh] in [[true, false], [true, true], [false, false], [false, true]] {
        joined_rings(RingBurst { clients: 100, has_daemon, refresh }, if brief { 1 } else { 25 }).await;
    }
    models(if brief { &[1, MODELS] } else { &[1, MODELS, 200] }).await;
    dead_requests(if brief { &[0, 10] } else { &[0, 10, 1_000, 100_000] }).await;
    runtimes(if brief { &[1, 10] } else { &[1, 100, 10_000] }).await;
    open_requests(if brief { &[1, 10] } else { &[1, 10, 32] }).await;
    for heartbeats in if brief { &[1, 2][..] } else { &[1, 2, 8, 64] } {
        concurrent_heartbeats(*heartbeats, if brief { 1 } else { 100 }).await;
    }
}

async fn models(counts: &[u16]) {
    for models in counts {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        lifecycle("models", u64::from(*models), &RecordedApi::new(&engine), *models).await;
    }
}

/// Ended requests in the runtime's partition that wait for TTL.
async fn dead_requests(counts: &[u64]) {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = RecordedApi::new(&engine);
    let filling = TableSeeder::new(&engine).await;
    let (runtime, _) = api.register("d").await;
    let mut dead = 0;
    for count in counts {
        filling.dead_requests(&runtime, dead..*count, &catalog_report(MODELS)).await;
        dead = *count;
        lifecycle("dead_requests", *count, &api, MODELS).await;
    }
}

async fn runtimes(counts: &[u64]) {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = RecordedApi::new(&engine);
    let filling = TableSeeder::new(&engine).await;
    let mut others = 0;
    for count in counts {
        filling.runtimes(others..count - 1).await;
        others = count - 1;
        lifecycle("runtimes", *count, &api, MODELS).await;
    }
}

async fn open_requests(counts: &[usize]) {
    for count in counts {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let api = RecordedApi::new(&engine);
        let (runtime, _) = api.register("d").await;
        api.open_questions(&runtime, count - 1).await;
        lifecycle("open_requests", u64::try_from(*count).unwrap(), &api, MODELS).await;
    }
}

/// One request from registration to deregistration, by a daemon that sends `in_flight`.
async fn lifecycle(varied: &str, value: u64, api: &RecordedApi, models: u16) {
    let report = catalog_report(models);
    let report_bytes = json!(report).to_string().len();
    for OperationCost { operation, cost } in api.lifecycle(&report, Some(&json!([]))).await {
        emit(&json!({
            "result": "lifecycle",
            "varied": varied,
            "value": value,
            "operation": operation,
            "calls": cost.by_name().iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            "write_units": cost.write_units(),
            "read_units": cost.read_units(),
            "sent_bytes": cost.sent_bytes(),
            "received_bytes": cost.received_bytes(),
            "report_bytes": report_bytes,
        }));
    }
}

/// The additional calls of a heartbeat with work: the claim.
const WORK_CALLS: usize = 1;

/// Counts calls, and delays each by a random virtual time: the embedded engine responds inline, which would serialize heartbeats.
#[derive(Debug)]
struct DelayedCalls {
    recorder: CallRecorder,
    rng: Mutex<Rng>,
}

impl DelayedCalls {
    const MILLIS: Range<u64> = 2..10;

    fn draw(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.rng.lock().unwrap_or_else(PoisonError::into_inner).u64(range))
    }
}

impl Interceptor for DelayedCalls {
    fn fault(&self, _operation: &str) -> Fault {
        Fault::Delayed(self.draw(Self::MILLIS))
    }

    fn applied(&self, call: RecordedCall) {
        self.recorder.applied(call);
    }
}

/// Concurrent heartbeats of one runtime and one pending request, in random order: one wins.
async fn concurrent_heartbeats(heartbeats: usize, rounds: usize) {
    tokio::time::pause();
    let calls =
        Arc::new(DelayedCalls { recorder: CallRecorder::default(), rng: Mutex::new(Rng::with_seed(7)) });
    let clock = Arc::new(TestClock::default());
    let store =
        EmbeddedDynamoDb::start().await.unwrap().store_with_interceptor(Arc::<DelayedCalls>::clone(&calls));
    let state = AppState { clock: Arc::<TestClock>::clone(&clock), ..AppState::new(store) };
    let runtime = register(&state).await;
    let mut wasted = Vec::new();
    for _ in 0..rounds {
        // No request of the previous round is still open.
        clock.advance(RETENTION);
        heartbeat(&state, &runtime).await;
        let models = format!("/api/runtimes/{runtime}/models");
        let rung = post(&state, Function::Initiate, Scope::User, &models, &Value::Null).await;
        calls.recorder.take();
        let concurrent = (0..heartbeats).map(|_| async {
            tokio::time::sleep(calls.draw(0..1)).await;
            heartbeat(&state, &runtime).await
        });
        let winners = join_all(concurrent).await.into_iter().filter(|claimed| *claimed).count();
        assert_eq!(winners, 1, "one heartbeat claims the request");
        wasted.push(calls.recorder.take().len() - heartbeats - WORK_CALLS);
        let request = rung["id"].as_str().unwrap();
        let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
        let failed = json!({"status": "failed", "error": "none"});
        post(&state, Function::Report, Scope::Daemon, &path, &failed).await;
    }
    wasted.sort_unstable();
    tokio::time::resume();
    emit(&json!({
        "result": "concurrent_heartbeats",
        "heartbeats": heartbeats,
        "rounds": rounds,
        "wasted_calls_p50": wasted[wasted.len() / 2],
        "wasted_calls_max": wasted[wasted.len() - 1],
    }));
}

/// Bursts of rings in random order: how many requests they make, and how many of these a daemon works on.
async fn joined_rings(burst: RingBurst, runs: usize) {
    tokio::time::pause();
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let mut outcomes = Vec::new();
    for seed in 0..runs {
        outcomes.push(burst.run(&engine, u64::try_from(seed).unwrap()).await);
    }
    tokio::time::resume();
    let distribution = |of: fn(&BurstOutcome) -> usize| {
        let mut runs = BTreeMap::<usize, usize>::new();
        for outcome in &outcomes {
            *runs.entry(of(outcome)).or_default() += 1;
        }
        runs.into_iter().map(|(value, runs)| [value, runs]).collect::<Vec<_>>()
    };
    emit(&json!({
        "result": "joined_rings",
        "clients": burst.clients,
        "has_daemon": burst.has_daemon,
        "refresh": burst.refresh,
        "runs": runs,
        "answered": distribution(|outcome| outcome.answered),
        "limited": distribution(|outcome| outcome.limited),
        "cached": distribution(|outcome| outcome.cached),
        "requests": distribution(|outcome| outcome.requests),
        "discoveries": distribution(|outcome| outcome.discoveries),
    }));
}

async fn register(state: &AppState<DynamoDbStore>) -> String {
    let runtime = json!({"name": "Codex", "type": "codex"});
    let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [runtime]});
    let registered = post(state, Function::Register, Scope::Daemon, "/api/daemon/register", &body).await;
    registered["runtimes"][0]["id"].as_str().unwrap().to_owned()
}

/// Whether it claimed a request.
async fn heartbeat(state: &AppState<DynamoDbStore>, runtime: &str) -> bool {
    let body = json!({"runtime_id": runtime, "in_flight": []});
    let answer = post(state, Function::Heartbeat, Scope::Daemon, "/api/daemon/heartbeat", &body).await;
    answer.get("pending_model_list").is_some()
}

async fn post(
    state: &AppState<DynamoDbStore>,
    function: Function,
    scope: Scope,
    path: &str,
    body: &Value,
) -> Value {
    let response = invoke(function, state, state, &event(function, scope, path, body)).await;
    assert_eq!(response.status(), 200, "{path}: {:?}", response.body());
    serde_json::from_slice(response.body()).unwrap()
}
