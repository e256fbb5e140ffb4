//! The heartbeat function under concurrency, and on a slow table.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_gateway::invoke;
use doorbell_protocol::Scope;
use doorbell_protocol::limits::PENDING_DEADLINE;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::AppState;
use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::{
    CALL_TIMEOUT, CLOCK_SKEW, LATEST_CLAIM_START, LISTING_RENEWAL_TIMEOUT, OPEN_REMOVAL_TIMEOUT,
    RING_INTERVAL, SLOW_STORE_THRESHOLD, STORE_CALL_TIMEOUT,
};
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Fault, Interceptor, TABLE};
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::store::{Store, TokenStore};
use doorbell_test_support::TestClock;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::event::event;
use doorbell_test_support::interceptor::Delay;
use doorbell_test_support::log::CapturedLog;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ROUNDS: usize = 1_000;
const HEARTBEATS: usize = 16;

async fn register<S: Store + TokenStore>(state: &AppState<S>) -> String {
    let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
    let request = event(Function::Register, Scope::Daemon, "/api/daemon/register", &body);
    let response = invoke(Function::Register, state, state, &request).await;
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    body["runtimes"][0]["id"].as_str().unwrap().to_owned()
}

/// With args, so that the ring joins no other.
async fn ring<S: Store + TokenStore>(state: &AppState<S>, runtime: &str) -> Value {
    let path = format!("/api/runtimes/{runtime}/requests");
    let body = json!({"kind": "model_list", "args": {}});
    let request = event(Function::Initiate, Scope::User, &path, &body);
    let response = invoke(Function::Initiate, state, state, &request).await;
    assert_eq!(response.status(), 200);
    serde_json::from_slice::<Value>(response.body()).unwrap()["id"].clone()
}

async fn heartbeat<S: Store + TokenStore>(state: &AppState<S>, runtime: &str) -> (u16, Value) {
    let body = json!({"runtime_id": runtime});
    let request = event(Function::Heartbeat, Scope::Daemon, "/api/daemon/heartbeat", &body);
    let response = invoke(Function::Heartbeat, state, state, &request).await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

async fn report<S: Store + TokenStore>(state: &AppState<S>, runtime: &str, request: &Value) {
    let path = format!("/api/daemon/runtimes/{runtime}/models/{}/result", request.as_str().unwrap());
    let body = json!({"status": "failed", "error": "none"});
    let request = event(Function::Report, Scope::Daemon, &path, &body);
    assert_eq!(invoke(Function::Report, state, state, &request).await.status(), 200);
}

/// Concurrent heartbeats of one runtime on two replicas.
async fn assert_one_winner_each<S: Store + TokenStore + Clone + 'static>(store_a: S, store_b: S) {
    let clock = Arc::new(TestClock::default());
    let replica =
        |store| Arc::new(AppState { clock: Arc::<TestClock>::clone(&clock), ..AppState::new(store) });
    let replicas = [replica(store_a), replica(store_b)];
    let runtime = register(&replicas[0]).await;
    for round in 0..ROUNDS {
        clock.advance(RING_INTERVAL);
        let request = ring(&replicas[0], &runtime).await;
        let mut heartbeats = JoinSet::new();
        for number in 0..HEARTBEATS {
            let state = Arc::clone(&replicas[number % 2]);
            let runtime = runtime.clone();
            heartbeats.spawn(async move { heartbeat(&state, &runtime).await });
        }
        let responses = heartbeats.join_all().await;
        let winners = responses.iter().filter(|(_, body)| body.get("pending_model_list").is_some()).count();
        assert_eq!(winners, 1, "winners in round {round}");
        assert!(responses.iter().all(|(status, _)| *status == 200), "a lost race is no error");
        report(&replicas[0], &runtime, &request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_store_has_one_winner_in_each_of_1000_rounds() {
    let store = MemoryStore::default();
    assert_one_winner_each(store.clone(), store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dynamodb_store_has_one_winner_in_each_of_1000_rounds() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    assert_one_winner_each(engine.store(), engine.store()).await;
}

/// Delays the calls of one heartbeat, in their order.
#[derive(Debug)]
struct DelayEach(Mutex<VecDeque<Duration>>);

impl DelayEach {
    fn new(delays: impl IntoIterator<Item = Duration>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(delays.into_iter().collect())))
    }
}

impl Interceptor for DelayEach {
    fn fault(&self, _operation: &str) -> Fault {
        self.0.lock().unwrap().pop_front().map_or(Fault::None, Fault::Delayed)
    }
}

/// A heartbeat with a pending request, on a table where `operation` takes `delay`.
async fn heartbeat_on_slow(operation: &'static str, delay: Duration) -> (u16, Value, CapturedLog) {
    heartbeat_with(Arc::new(Delay { operation, delay }), async |_, _| {}).await
}

/// A heartbeat with a pending request, after `prepare`, with intercepted calls.
async fn heartbeat_with(
    interceptor: Arc<dyn Interceptor>,
    prepare: impl AsyncFnOnce(&EmbeddedDynamoDb, &str),
) -> (u16, Value, CapturedLog) {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let state = AppState::new(engine.store());
    let runtime = register(&state).await;
    ring(&state, &runtime).await;
    prepare(&engine, &runtime).await;
    let slow = AppState::new(engine.store_with_interceptor(interceptor));
    let (log, guard) = CapturedLog::capture();
    let (status, body) = heartbeat(&slow, &runtime).await;
    drop(guard);
    (status, body, log)
}

/// A cancelled claim may have won, and no daemon would work on it.
#[tokio::test(start_paused = true)]
async fn claim_is_not_cancelled() {
    let (status, body, log) = heartbeat_on_slow("UpdateItem", Duration::from_millis(1_200)).await;
    assert_eq!(status, 200);
    assert!(body.get("pending_model_list").is_some(), "the claim was cancelled");
    let slow = &log.lines("slow heartbeat")[0];
    assert_eq!((&slow["span"]["record_ms"], &slow["span"]["claim_ms"]), (&json!(1_200), &json!(1_200)));
    assert_eq!(slow["total_ms"], 2_400);
}

/// A claim that ends after the daemon gave up on the call would be lost.
#[tokio::test(start_paused = true)]
async fn slow_store_skips_the_queue() {
    let (status, body, _) = heartbeat_on_slow("UpdateItem", Duration::from_millis(2_100)).await;
    assert_eq!((status, body), (200, json!({"status": "ok"})));
}

/// Every call takes the longest time that the heartbeat tolerates. The call's deadline must not cancel the claim.
#[tokio::test(start_paused = true)]
async fn slowest_claim_is_handed_out_in_time() {
    let running = Stopwatch::start();
    let lost_claim = LATEST_CLAIM_START - SLOW_STORE_THRESHOLD;
    let delays = DelayEach::new([SLOW_STORE_THRESHOLD, lost_claim, STORE_CALL_TIMEOUT]);
    let claim_one_of_two = async |engine: &EmbeddedDynamoDb, runtime: &str| {
        let fast = AppState::new(engine.store());
        heartbeat(&fast, runtime).await;
        ring(&fast, runtime).await;
    };
    let (status, body, _) = heartbeat_with(delays, claim_one_of_two).await;
    assert!(status == 200 && body.get("pending_model_list").is_some(), "{status} {body}");
    assert!(running.elapsed() < CALL_TIMEOUT, "{:?}", running.elapsed());
}

/// On a slow table, a heartbeat that lost sixteen claims in a row took 28.6 s.
#[tokio::test(start_paused = true)]
async fn heartbeat_among_lost_claims_ends_in_time() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let fast = AppState::new(engine.store());
    let runtime = register(&fast).await;
    let mut rung = BTreeSet::new();
    for _ in 0..=HEARTBEATS {
        rung.insert(ring(&fast, &runtime).await.to_string());
    }
    let delay = Duration::from_millis(1_682);
    let store = engine.store_with_interceptor(Arc::new(Delay { operation: "UpdateItem", delay }));
    let slow = AppState::new(store);
    let running = Stopwatch::start();
    let slow_heartbeat = async {
        let (status, body) = heartbeat(&slow, &runtime).await;
        (status, body, running.elapsed())
    };
    // After the slow heartbeat has read the open set, and before its first claim is applied.
    let others = async {
        tokio::time::sleep(delay * 3 / 2).await;
        let mut claimed = BTreeSet::new();
        for _ in 0..HEARTBEATS {
            claimed.insert(heartbeat(&fast, &runtime).await.1["pending_model_list"]["id"].to_string());
        }
        claimed
    };
    let ((status, body, took), mut claimed) = tokio::join!(slow_heartbeat, others);
    assert_eq!((status, body), (200, json!({"status": "ok"})));
    assert!(took <= LATEST_CLAIM_START + STORE_CALL_TIMEOUT, "{took:?}");
    // Nothing is lost: each request has been claimed, or the next heartbeat claims it.
    claimed.insert(heartbeat(&fast, &runtime).await.1["pending_model_list"]["id"].to_string());
    assert_eq!(claimed, rung);
}

/// The runtime, with a listing that is due for renewal.
async fn make_listing_due(engine: &EmbeddedDynamoDb, runtime: &str) {
    let update = engine.client(None).update_item().table_name(TABLE);
    let update = update.key("pk", AttributeValue::S(format!("runtime#{runtime}")));
    let update = update.key("sk", AttributeValue::S("runtime".to_owned()));
    let update = update.update_expression("SET listed_until = :zero");
    update.expression_attribute_values(":zero", AttributeValue::N("0".to_owned())).send().await.unwrap();
}

/// A renewal before the claim delayed work, and the deadline of the call could cancel the claim.
#[tokio::test(start_paused = true)]
async fn renewal_of_listing_comes_after_claim_and_is_bounded() {
    let running = Stopwatch::start();
    let none = Duration::ZERO;
    let delays = DelayEach::new([none, none, Duration::from_secs(60)]);
    let (status, body, log) = heartbeat_with(delays, make_listing_due).await;
    assert!(status == 200 && body.get("pending_model_list").is_some(), "{status} {body}");
    assert_eq!(running.elapsed(), LISTING_RENEWAL_TIMEOUT);
    assert_eq!(log.lines("renewal of the listing timed out").len(), 1, "{}", log.text());
}

/// The next heartbeat finds the id again.
#[tokio::test(start_paused = true)]
async fn removal_of_ended_request_is_bounded_and_repeated() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let clock = Arc::new(TestClock::default());
    let on = |store| AppState { clock: Arc::<TestClock>::clone(&clock), ..AppState::new(store) };
    let fast = on(engine.store());
    let runtime = register(&fast).await;
    ring(&fast, &runtime).await;
    clock.advance(PENDING_DEADLINE + CLOCK_SKEW + Duration::from_millis(1));
    let running = Stopwatch::start();
    let none = Duration::ZERO;
    let slow = on(engine.store_with_interceptor(DelayEach::new([none, none, Duration::from_secs(60)])));
    let (log, guard) = CapturedLog::capture();
    assert_eq!(heartbeat(&slow, &runtime).await, (200, json!({"status": "ok"})));
    drop(guard);
    assert_eq!(running.elapsed(), OPEN_REMOVAL_TIMEOUT);
    assert_eq!(log.lines("removal from the open set timed out").len(), 1, "{}", log.text());
    assert_eq!(open_set_len(&engine, &runtime).await, 1);
    heartbeat(&fast, &runtime).await;
    assert_eq!(open_set_len(&engine, &runtime).await, 0);
}

async fn open_set_len(engine: &EmbeddedDynamoDb, runtime: &str) -> usize {
    let get = engine.client(None).get_item().table_name(TABLE).consistent_read(true);
    let get = get.key("pk", AttributeValue::S(format!("runtime#{runtime}")));
    let get = get.key("sk", AttributeValue::S("runtime".to_owned()));
    let item = get.send().await.unwrap().item.unwrap();
    item.get("open").map_or(0, |open| open.as_ss().unwrap().len())
}

#[tokio::test(start_paused = true)]
async fn only_heartbeats_of_500_ms_are_logged_as_slow() {
    let after = async |total: u64| {
        heartbeat_with(DelayEach::new([Duration::from_millis(total)]), async |_, _| {}).await.2
    };
    let log = after(499).await;
    assert_eq!(log.lines("slow heartbeat"), [] as [Value; 0]);
    let log = after(500).await;
    assert_eq!(log.lines("slow heartbeat").len(), 1);
}
