//! The rate limit of rings.

use std::time::Duration;

use doorbell_shared::limits::RING_BURST;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Target, models_path};
use crate::{Caller, Client};

/// On a deployed stack, rings must come faster than the sustained rate.
const CONCURRENCY: u32 = 10;

async fn ring(client: Client, runtime: String) -> Response {
    let request = client.request(Method::POST, &models_path(&runtime));
    request.bearer_auth(client.token(Caller::UserA)).send().await.unwrap()
}

/// Rings until a ring is rejected, and returns that response.
async fn exhaust(client: &Client, runtime: &str) -> Response {
    for _ in 0..4 * RING_BURST / CONCURRENCY {
        let mut rings = JoinSet::new();
        for _ in 0..CONCURRENCY {
            rings.spawn(ring(client.clone(), runtime.to_owned()));
        }
        rings.join_all().await;
        let last = ring(client.clone(), runtime.to_owned()).await;
        if last.status() != StatusCode::OK {
            return last;
        }
    }
    panic!("{} rings were accepted", 4 * RING_BURST);
}

pub async fn limited_ring_has_retry_after(api: &Target) {
    let runtime = api.new_runtime().await;
    let limited = exhaust(api, &runtime).await;
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = limited.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(seconds > 0, "a client would retry at once");
    let body: Value = limited.json().await.unwrap();
    assert_eq!(body, json!({"error": "too many requests for this runtime"}));
    api.advance(Duration::from_secs(seconds)).await;
    api.ring(&runtime).await;
}

/// A daemon drops a result on a 429.
pub async fn limits_only_rings(api: &Target) {
    let daemon = crate::client::new_daemon_id();
    let runtime = api.register(&daemon).await;
    let request = api.ring(&runtime).await;
    assert_eq!(exhaust(api, &runtime).await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(api.heartbeat(&runtime).await.status, 200);
    assert_eq!(api.poll(&runtime, &request).await.status, 200);
    let report = json!({"status": "failed", "error": "no"});
    assert_eq!(api.report(&runtime, &request, report).await.status, 200);
    assert_eq!(api.register(&daemon).await, runtime);
}
