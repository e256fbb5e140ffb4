//! The rate limits of rings and registrations.

use std::time::Duration;

use doorbell_shared::limits::{RING_BURST, TOKEN_REGISTRATION_BURST, TOKEN_RING_BURST};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::{Target, models_path};
use crate::{ApiResponse, Caller, Client};

/// Emulators start a process for each call at once.
const CONCURRENCY: u32 = 10;

/// One case at a time rings fast, and pauses between bursts: all cases of a deployed stack share one user's token, whose rate
/// they must not exceed.
static EXHAUSTING: Mutex<()> = Mutex::const_new(());
const PAUSE: Duration = Duration::from_secs(3);
const BURSTS: u32 = 6;

async fn ring(client: Client, runtime: String) -> Response {
    let request = client.request(Method::POST, &models_path(&runtime));
    request.bearer_auth(client.token(Caller::UserA)).send().await.unwrap()
}

/// Rings until a ring is rejected, and returns that response. Most rings join a pending request: that takes one call each, so that
/// they come faster than the sustained rate even where calls are slow.
async fn exhaust(client: &Target, runtime: &str) -> Response {
    let _alone = EXHAUSTING.lock().await;
    let mut pending = client.ring(runtime).await;
    for _ in 0..BURSTS {
        let mut rings = JoinSet::new();
        for _ in 0..CONCURRENCY {
            let (client, runtime) = (Client::clone(client), runtime.to_owned());
            rings.spawn(async move {
                for _ in 0..RING_BURST / CONCURRENCY {
                    ring(client.clone(), runtime.clone()).await;
                }
            });
        }
        rings.join_all().await;
        // With a pending request a ring would join instead of being rejected.
        client.report(runtime, &pending, json!({"status": "failed", "error": "no"})).await;
        // It would be offline after some slow bursts.
        client.heartbeat(runtime).await;
        let last = ring(Client::clone(client), runtime.to_owned()).await;
        if last.status() != StatusCode::OK {
            return last;
        }
        let record: Value = last.json().await.unwrap();
        record["id"].as_str().unwrap().clone_into(&mut pending);
        client.pause(PAUSE).await;
    }
    panic!("{BURSTS} bursts of {RING_BURST} rings were accepted");
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

async fn assert_limited(response: Response, status: StatusCode, error: &str) {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"error": error}));
}

/// In process only: on a deployed stack it would use up the rate of a token that other cases need.
pub async fn limits_rings_of_a_token(api: &Target) {
    let mut runtime = String::new();
    // One more: the first is free.
    for number in 0..=TOKEN_RING_BURST {
        if number % RING_BURST == 0 {
            runtime = api.new_runtime().await;
        }
        api.ring(&runtime).await;
    }
    let runtime = api.new_runtime().await;
    let limited = ring(Client::clone(api), runtime.clone()).await;
    assert_limited(limited, StatusCode::TOO_MANY_REQUESTS, "too many requests for this token").await;
    let path = models_path(&runtime);
    let other = api.post(Caller::UserB, &path, json!({})).await;
    assert_eq!(other, ApiResponse::error(404, "runtime not found"), "the other tenant's token");
    api.advance(Duration::from_secs(1)).await;
    for _ in 0..10 {
        api.ring(&runtime).await;
    }
    let limited = ring(Client::clone(api), runtime.clone()).await;
    assert_limited(limited, StatusCode::TOO_MANY_REQUESTS, "too many requests for this token").await;
}

/// In process only, for the same reason. 503, because daemons give up at a 429.
pub async fn limits_registrations_of_a_token(api: &Target) {
    let register = async || {
        let body = json!({"workspace_id": api.a.id, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
        let request =
            api.request(Method::POST, "/api/daemon/register").bearer_auth(api.token(Caller::DaemonA));
        request.json(&body).send().await.unwrap()
    };
    for _ in 0..=TOKEN_REGISTRATION_BURST {
        assert_eq!(register().await.status(), StatusCode::OK);
    }
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    assert_limited(register().await, unavailable, "too many registrations for this token").await;
    // An invalid registration is not counted.
    let invalid = api.post(Caller::DaemonA, "/api/daemon/register", json!({})).await;
    assert_eq!(invalid, ApiResponse::error(400, "daemon_id is required"));
    api.advance(Duration::from_secs(1)).await;
    assert_eq!(register().await.status(), StatusCode::OK);
    assert_limited(register().await, unavailable, "too many registrations for this token").await;
}
