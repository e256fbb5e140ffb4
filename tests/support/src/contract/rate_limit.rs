//! The rate limits of rings and registrations.

use std::time::Duration;

use doorbell_shared::limits::{RING_BURST, TOKEN_REGISTRATION_BURST, TOKEN_RING_BURST};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::{Target, models_path};
use crate::{ApiResponse, Caller, Client};

/// On a deployed stack, rings must come faster than the sustained rate of a runtime.
const CONCURRENCY: u32 = 10;

/// One case at a time rings fast, and pauses between batches: all cases of a deployed stack share one user's token, whose rate
/// they must not exceed.
static EXHAUSTING: Mutex<()> = Mutex::const_new(());
const PAUSE: Duration = Duration::from_secs(1);

async fn ring(client: Client, runtime: String) -> Response {
    let request = client.request(Method::POST, &models_path(&runtime));
    request.bearer_auth(client.token(Caller::UserA)).send().await.unwrap()
}

/// Ends the request of an accepted ring, so that it does not count as open.
async fn end(client: &Client, runtime: &str, ring: Response) {
    if ring.status() == StatusCode::OK {
        let record: Value = ring.json().await.unwrap();
        let report = json!({"status": "failed", "error": "no"});
        client.report(runtime, record["id"].as_str().unwrap(), report).await;
    }
}

/// Rings until a ring is rejected, and returns that response.
async fn exhaust(client: &Target, runtime: &str) -> Response {
    let _alone = EXHAUSTING.lock().await;
    for batch in 0..4 * RING_BURST / CONCURRENCY {
        if batch > 0 {
            client.pause(PAUSE).await;
        }
        let mut rings = JoinSet::new();
        for _ in 0..CONCURRENCY {
            let client = Client::clone(client);
            let runtime = runtime.to_owned();
            rings.spawn(
                async move { end(&client, &runtime, ring(client.clone(), runtime.clone()).await).await },
            );
        }
        rings.join_all().await;
        let last = ring(Client::clone(client), runtime.to_owned()).await;
        if last.status() != StatusCode::OK {
            return last;
        }
        end(client, runtime, last).await;
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
