//! A runtime that is rung too fast.

use std::time::Duration;

use doorbell_shared::limits::RING_BURST;
use doorbell_test_support::{Caller, Client, stack};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// How many ring at once.
const AT_ONCE: u32 = 10;

/// Status, headers and body: `Retry-After` is the point here.
async fn ring(client: &Client, runtime: &str) -> (StatusCode, HeaderMap, Value) {
    let request = client.request(Method::POST, &format!("/api/runtimes/{runtime}/models"));
    let response = request.bearer_auth(client.token(Caller::UserA)).send().await.unwrap();
    (response.status(), response.headers().clone(), response.json().await.unwrap())
}

/// Rings until a ring is refused, which takes a burst, and what is let in meanwhile. The refusal comes last: nobody rings
/// any more.
async fn ring_out(client: &Client, runtime: &str) -> (StatusCode, HeaderMap, Value) {
    for _ in 0..4 * RING_BURST / AT_ONCE {
        let mut rings = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (client, runtime) = (client.clone(), runtime.to_owned());
            rings.spawn(async move { ring(&client, &runtime).await });
        }
        rings.join_all().await;
        let last = ring(client, runtime).await;
        if last.0 != StatusCode::OK {
            return last;
        }
    }
    panic!("{} rings were let in", 4 * RING_BURST);
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn a_runtime_rung_too_fast_is_told_with_when_to_try_again() {
    let client = stack::client();
    let runtime = client.new_runtime().await;
    let (status, headers, body) = ring_out(&client, &runtime).await;
    assert_eq!((status.as_u16(), body), (429, json!({"error": "too many requests for this runtime"})));
    let seconds: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(seconds > 0, "a client would try again at once, and in vain");
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    assert_eq!(ring(&client, &runtime).await.0, StatusCode::OK);
}

/// A daemon drops a result on a 429.
#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn only_rings_have_a_pace() {
    let client = stack::client();
    let runtime = client.new_runtime().await;
    let request = client.ring(&runtime).await;
    assert_eq!(ring_out(&client, &runtime).await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(client.poll(&runtime, &request).await.status, 200);
    assert_eq!(client.heartbeat(&runtime).await.status, 200);
    let report = json!({"status": "failed", "error": "no"});
    assert_eq!(client.report(&runtime, &request, report).await.status, 200);
}
