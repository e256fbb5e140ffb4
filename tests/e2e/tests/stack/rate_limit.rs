//! The rate limit of a runtime. Its rules are tested in virtual time, in the suite `contract`.

use std::time::Duration;

use doorbell_protocol::RuntimeId;
use doorbell_shared::access::Principal;
use doorbell_shared::clock::{Clock as _, SystemClock};
use doorbell_shared::id_gen::{IdGenerator as _, RandomIdGenerator};
use doorbell_shared::kinds::model_list::MODEL_LIST;
use doorbell_shared::limits::RING_BURST;
use doorbell_shared::request::{Address, Ring};
use doorbell_shared::store::{InitiateOutcome, Store as _};
use doorbell_test_support::{Caller, Client, stack};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The rings of the burst are made as of this much later, so that slow calls have as long until the limit ends. A registered runtime is
/// online for longer.
const AHEAD: Duration = Duration::from_secs(30);

/// Uses up the burst of `runtime` through the table: rings over HTTP would have to be faster than the rate.
async fn exhaust(client: &Client, runtime: RuntimeId) {
    let (store, ids) = (stack::store().await, RandomIdGenerator::default());
    let caller = Principal::of_workspaces([client.a.id.parse().unwrap()]);
    let now = SystemClock.now() + AHEAD;
    for _ in 0..RING_BURST {
        let address = Address { runtime, request: ids.request_id(now) };
        let ring = Ring::new(address, MODEL_LIST.kind, MODEL_LIST.deadlines);
        let outcome = store.initiate(&ring, &caller, now).await.unwrap();
        assert!(matches!(outcome, InitiateOutcome::Enqueued(..)), "{outcome:?}");
    }
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn limited_ring_has_retry_after() {
    let client = stack::client();
    let runtime = client.new_runtime().await;
    exhaust(&client, runtime.parse().unwrap()).await;
    let ring = client.request(Method::POST, &format!("/api/runtimes/{runtime}/models?refresh=true"));
    // With a key of its own, so that it joins no pending request.
    let ring = ring.bearer_auth(client.token(Caller::UserA)).header("idempotency-key", &runtime);
    let limited = ring.send().await.unwrap();
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = limited.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(seconds > 0, "a client would retry at once");
    let body: Value = limited.json().await.unwrap();
    assert_eq!(body, json!({"error": "too many requests for this runtime"}));
    client.heartbeat(&runtime).await;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    client.ring_apart(&runtime).await;
}
