//! Heartbeats under pressure: racing for one request, and on a slow table.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use doorbell_gateway;
use doorbell_protocol::Scope;
use doorbell_shared::http::AppState;
use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::RING_INTERVAL;
use doorbell_shared::store::Store;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_test_support::TestClock;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::embedded::Delay;
use doorbell_test_support::event::event;
use doorbell_test_support::log::CapturedLog;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ROUNDS: usize = 1_000;
const HEARTBEATS: usize = 16;

async fn register<S: Store>(backend: &AppState<S>) -> String {
    let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
    let request = event(Function::Register, Scope::Daemon, "/api/daemon/register", &body);
    let response = invoke(Function::Register, backend, &request).await;
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    body["runtimes"][0]["id"].as_str().unwrap().to_owned()
}

async fn ring<S: Store>(backend: &AppState<S>, runtime: &str) {
    let path = format!("/api/runtimes/{runtime}/models");
    let request = event(Function::Initiate, Scope::User, &path, &json!({}));
    assert_eq!(invoke(Function::Initiate, backend, &request).await.status(), 200);
}

async fn beat<S: Store>(backend: &AppState<S>, runtime: &str) -> (u16, Value) {
    let body = json!({"runtime_id": runtime});
    let request = event(Function::Heartbeat, Scope::Daemon, "/api/daemon/heartbeat", &body);
    let response = invoke(Function::Heartbeat, backend, &request).await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

/// Sixteen heartbeats of one runtime at once, on two replicas, a thousand times.
async fn assert_one_winner_each<S: Store + Clone + 'static>(here: S, there: S) {
    let clock = Arc::new(TestClock::default());
    let replica =
        |store| Arc::new(AppState { clock: Arc::<TestClock>::clone(&clock), ..AppState::new(store) });
    let replicas = [replica(here), replica(there)];
    let runtime = register(&replicas[0]).await;
    for round in 0..ROUNDS {
        // So long that few rounds are in the range of a look: it is their race that counts, and not the reading.
        clock.advance(RING_INTERVAL * 10);
        ring(&replicas[0], &runtime).await;
        let mut beats = JoinSet::new();
        for number in 0..HEARTBEATS {
            let (backend, runtime) = (Arc::clone(&replicas[number % 2]), runtime.clone());
            beats.spawn(async move { beat(&backend, &runtime).await });
        }
        let beats = beats.join_all().await;
        let winners = beats.iter().filter(|(_, body)| body.get("pending_model_list").is_some()).count();
        assert_eq!(winners, 1, "winners in round {round}");
        assert!(beats.iter().all(|(status, _)| *status == 200), "a lost race is no error");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_sixteen_wins_in_each_of_a_thousand_rounds_on_memory() {
    let store = MemoryStore::default();
    assert_one_winner_each(store.clone(), store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_sixteen_wins_in_each_of_a_thousand_rounds_on_the_embedded_engine() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    assert_one_winner_each(engine.store(), engine.store()).await;
}

/// A heartbeat with a request waiting, on a table that takes so long for one operation.
async fn beat_on_slow(operation: &'static str, delay: Duration) -> (u16, Value, CapturedLog) {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let backend = AppState::new(engine.store());
    let runtime = register(&backend).await;
    ring(&backend, &runtime).await;
    let slow = AppState::new(engine.store_with_interceptor(Arc::new(Delay { operation, delay })));
    let (log, guard) = CapturedLog::capture();
    let (status, body) = beat(&slow, &runtime).await;
    drop(guard);
    (status, body, log)
}

/// The original's lesson: a slow store must not stall the liveness of every daemon.
#[tokio::test(start_paused = true)]
async fn a_look_that_takes_over_a_second_is_given_up_and_the_beat_is_answered() {
    let (status, body, log) = beat_on_slow("Query", Duration::from_millis(1_500)).await;
    assert_eq!((status, body), (200, json!({"status": "ok"})));
    let slow = &log.lines("slow heartbeat")[0];
    assert_eq!((&slow["probe_model_timed_out"], &slow["probe_model_ms"]), (&json!(true), &json!(1_000)));
}

/// An abandoned claim may have been won, and then nobody works on it.
#[tokio::test(start_paused = true)]
async fn a_claim_is_waited_for_however_long_it_takes() {
    let (status, body, log) = beat_on_slow("UpdateItem", Duration::from_millis(1_200)).await;
    assert_eq!(status, 200);
    assert!(body.get("pending_model_list").is_some(), "the claim was abandoned");
    let slow = &log.lines("slow heartbeat")[0];
    assert_eq!((&slow["update_ms"], &slow["pop_model_ms"]), (&json!(1_200), &json!(1_200)));
    assert_eq!((&slow["auth_ms"], &slow["probe_model_timed_out"]), (&json!(0), &json!(false)));
}

/// A claim that ends after the daemon has given up on the call is won by nobody.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_slow_already_is_not_asked_for_work() {
    let (status, body, _) = beat_on_slow("UpdateItem", Duration::from_millis(2_100)).await;
    assert_eq!((status, body), (200, json!({"status": "ok"})));
}

#[tokio::test(start_paused = true)]
async fn only_a_beat_of_half_a_second_or_more_is_logged_as_slow() {
    let (_, _, log) = beat_on_slow("Query", Duration::from_millis(499)).await;
    assert_eq!(log.lines("slow heartbeat"), [] as [Value; 0]);
    let (_, _, log) = beat_on_slow("Query", Duration::from_millis(500)).await;
    assert_eq!(log.lines("slow heartbeat").len(), 1);
}
