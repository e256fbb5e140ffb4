//! Times of the catalog, and its rings over a rate limit. In virtual time, because a snapshot is served for a day.

use std::time::Duration;

use doorbell_protocol::limits::{CATALOG_FRESHNESS, CATALOG_RETENTION, RUNNING_DEADLINE};
use doorbell_shared::limits::{CLOCK_SKEW, RING_BURST, TOKEN_RING_BURST};
use doorbell_test_support::contract::catalog::{cached_model, is_pending, list, ring};
use doorbell_test_support::{Caller, TestApi};
use serde_json::json;

const TICK: Duration = Duration::from_millis(1);

/// An API with a runtime that has just listed the model `a`.
async fn listed() -> (TestApi, String) {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    list(&api, &runtime, "a").await;
    (api, runtime)
}

/// The request that a heartbeat hands out.
async fn work(api: &TestApi, runtime: &str) -> Option<String> {
    let response = api.heartbeat(runtime).await;
    response.body["pending_model_list"]["id"].as_str().map(str::to_owned)
}

/// Advances, and lets the daemon send a heartbeat.
async fn advance(api: &TestApi, runtime: &str, duration: Duration) {
    api.clock.advance(duration);
    assert_eq!(work(api, runtime).await, None);
}

#[tokio::test]
async fn snapshot_is_refreshed_from_60_s_on() {
    let (api, runtime) = listed().await;
    advance(&api, &runtime, CATALOG_FRESHNESS - TICK).await;
    let fresh = ring(&api, &runtime, "").await;
    assert_eq!((cached_model(&fresh), work(&api, &runtime).await), (Some("a"), None));
    advance(&api, &runtime, TICK).await;
    let old = ring(&api, &runtime, "").await;
    assert_eq!((cached_model(&old), &old["cached_at"]), (Some("a"), &fresh["cached_at"]));
    let refresh = work(&api, &runtime).await.unwrap();
    assert_ne!(refresh, old["id"].as_str().unwrap(), "the snapshot's id cannot be polled");
}

/// While it is pending and while it is running.
#[tokio::test]
async fn old_snapshot_is_refreshed_by_one_request() {
    let (api, runtime) = listed().await;
    advance(&api, &runtime, CATALOG_FRESHNESS).await;
    for _ in 0..3 {
        assert_eq!(cached_model(&ring(&api, &runtime, "").await), Some("a"));
    }
    let refresh = work(&api, &runtime).await.unwrap();
    for _ in 0..3 {
        assert_eq!(cached_model(&ring(&api, &runtime, "").await), Some("a"));
        advance(&api, &runtime, Duration::from_secs(10)).await;
    }
    let models = json!([{"id": "b", "label": "B"}]);
    api.report(&runtime, &refresh, json!({"status": "completed", "models": models})).await;
    let refreshed = ring(&api, &runtime, "").await;
    assert_eq!((cached_model(&refreshed), work(&api, &runtime).await), (Some("b"), None));
}

/// A pending request that a client has made refreshes the snapshot too.
#[tokio::test]
async fn pending_request_of_client_is_the_refresh() {
    let (api, runtime) = listed().await;
    advance(&api, &runtime, CATALOG_FRESHNESS).await;
    let asked = ring(&api, &runtime, "?refresh=true").await;
    assert_eq!(cached_model(&ring(&api, &runtime, "").await), Some("a"));
    assert_eq!(work(&api, &runtime).await.as_deref(), asked["id"].as_str());
    assert_eq!(work(&api, &runtime).await, None);
}

/// Requests of other kinds do not.
#[tokio::test]
async fn request_of_other_kind_is_no_refresh() {
    let (api, runtime) = listed().await;
    advance(&api, &runtime, CATALOG_FRESHNESS).await;
    api.post(Caller::UserA, &format!("/api/runtimes/{runtime}/local-skills"), json!({})).await;
    assert_eq!(cached_model(&ring(&api, &runtime, "").await), Some("a"));
    assert!(work(&api, &runtime).await.is_some());
}

#[tokio::test]
async fn refresh_without_report_is_repeated() {
    let (api, runtime) = listed().await;
    advance(&api, &runtime, CATALOG_FRESHNESS).await;
    ring(&api, &runtime, "").await;
    let lost = work(&api, &runtime).await.unwrap();
    advance(&api, &runtime, RUNNING_DEADLINE).await;
    ring(&api, &runtime, "").await;
    assert_eq!(work(&api, &runtime).await, None, "the first may still be reported");
    advance(&api, &runtime, CLOCK_SKEW + TICK).await;
    assert_eq!(cached_model(&ring(&api, &runtime, "").await), Some("a"));
    let repeated = work(&api, &runtime).await.unwrap();
    assert_ne!(repeated, lost);
}

#[tokio::test]
async fn snapshot_is_served_for_24_h() {
    let (api, runtime) = listed().await;
    advance(&api, &runtime, CATALOG_RETENTION).await;
    assert_eq!(cached_model(&ring(&api, &runtime, "").await), Some("a"));
    api.clock.advance(TICK);
    let record = ring(&api, &runtime, "").await;
    assert!(is_pending(&record), "{record}");
    assert_eq!(work(&api, &runtime).await.as_deref(), record["id"].as_str());
}

#[tokio::test]
async fn rings_from_catalog_use_up_no_rate() {
    let (api, runtime) = listed().await;
    for _ in 0..2 * TOKEN_RING_BURST {
        assert_eq!(cached_model(&ring(&api, &runtime, "").await), Some("a"));
    }
    // The first request listed the models.
    for _ in 1..RING_BURST {
        let skills = format!("/api/runtimes/{runtime}/requests");
        let body = json!({"kind": "local_skills", "args": {}});
        assert_eq!(api.post(Caller::UserA, &skills, body).await.status, 200);
    }
}

/// Neither its snapshot nor the refresh of an old one is rejected.
#[tokio::test]
async fn catalog_answers_over_the_rate() {
    let (api, runtime) = listed().await;
    advance(&api, &runtime, CATALOG_FRESHNESS).await;
    let path = format!("/api/runtimes/{runtime}/requests");
    let body = json!({"kind": "local_skills", "args": {}});
    let mut accepted = 0;
    while api.post(Caller::UserA, &path, body.clone()).await.status == 200 {
        accepted += 1;
    }
    assert_eq!(accepted, RING_BURST);
    assert_eq!(cached_model(&ring(&api, &runtime, "").await), Some("a"));
    assert_eq!(work(&api, &runtime).await, None, "the refresh was limited");
    let refresh = format!("/api/runtimes/{runtime}/models?refresh=true");
    assert_eq!(api.post(Caller::UserA, &refresh, json!({})).await.status, 429);
}

/// Its results are not worth an answer of yesterday: they are shown once.
#[tokio::test]
async fn local_skills_have_no_catalog() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let path = format!("/api/runtimes/{runtime}/local-skills");
    let asked = api.post(Caller::UserA, &path, json!({})).await.body;
    let skill = json!({"key": "k", "name": "n", "source_path": "~/k", "provider": "codex", "file_count": 1});
    let result =
        format!("/api/daemon/runtimes/{runtime}/local-skills/{}/result", asked["id"].as_str().unwrap());
    let report = json!({"status": "completed", "skills": [skill]});
    assert_eq!(api.post(Caller::DaemonA, &result, report).await.status, 200);
    let again = api.post(Caller::UserA, &path, json!({})).await.body;
    assert_eq!((again.get("cached"), &again["status"]), (None, &json!("pending")));
}
