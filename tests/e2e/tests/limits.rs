//! Every limit over HTTP: below it, at it, and one above it.

use doorbell_protocol::limits::{
    BODY_BYTES, MODEL_TEXT_CHARS, MODELS_PER_REPORT, RUNTIMES_PER_DEREGISTRATION, RUNTIMES_PER_REGISTRATION,
    TEXT_CHARS,
};
use doorbell_shared::limits::RING_BURST;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::{ApiResponse, Caller, TestApi};
use serde_json::{Value, json};

/// Asserts that an input of that size is answered with 200 up to `limit`, and with `refusal` above it.
async fn assert_limit(limit: usize, refusal: ApiResponse, call: impl AsyncFn(usize) -> ApiResponse) {
    for size in [limit - 1, limit] {
        assert_eq!(call(size).await.status, 200, "{size} is within {limit}");
    }
    assert_eq!(call(limit + 1).await, refusal);
}

async fn register(api: &TestApi, change: impl Fn(&mut Value)) -> ApiResponse {
    let mut body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
    change(&mut body);
    api.post(Caller::DaemonA, "/api/daemon/register", body).await
}

#[tokio::test]
async fn a_body_has_at_most_a_megabyte() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let refusal = ApiResponse::error(413, "request body too large");
    assert_limit(BODY_BYTES, refusal, async |bytes| {
        let body = json!({"runtime_id": runtime}).to_string();
        let body = format!("{body}{}", " ".repeat(bytes - body.len()));
        api.post_raw(Caller::DaemonA, "/api/daemon/heartbeat", body).await
    })
    .await;
}

#[tokio::test]
async fn a_report_lists_at_most_two_thousand_models() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    assert_limit(MODELS_PER_REPORT, ApiResponse::error(413, "report too large"), async |count| {
        let request = api.ring(&runtime).await;
        let models = vec![json!({"id": "a", "label": "A"}); count];
        api.report(&runtime, &request, json!({"status": "completed", "models": models})).await
    })
    .await;
}

/// A daemon gives up at a 413, and without this the person would wait for the time-out.
#[tokio::test]
async fn a_report_of_too_many_models_fails_the_request() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let request = api.ring(&runtime).await;
    let models = vec![json!({"id": "a", "label": "A"}); MODELS_PER_REPORT + 1];
    api.report(&runtime, &request, json!({"status": "completed", "models": models})).await;
    let shown = api.poll(&runtime, &request).await.body;
    let text =
        "the daemon's report is too large to store: 2001 models are over the 2000 that a report may list";
    assert_eq!((&shown["status"], &shown["error"]), (&json!("failed"), &json!(text)));
}

#[tokio::test]
async fn a_models_texts_have_at_most_five_hundred_characters() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    for field in ["id", "label"] {
        assert_limit(MODEL_TEXT_CHARS, ApiResponse::error(413, "report too large"), async |chars| {
            let request = api.ring(&runtime).await;
            let mut model = json!({"id": "a", "label": "A"});
            model[field] = "ü".repeat(chars).into();
            api.report(&runtime, &request, json!({"status": "completed", "models": [model]})).await
        })
        .await;
    }
}

#[tokio::test]
async fn a_registration_names_at_most_fifty_runtimes() {
    let api = TestApi::start().await;
    let refusal = ApiResponse::error(400, "at most 50 runtimes at once");
    assert_limit(RUNTIMES_PER_REGISTRATION, refusal, async |count| {
        let runtimes: Vec<_> = (0..count).map(|number| json!({"type": format!("t{number}")})).collect();
        register(&api, |body| body["runtimes"] = json!(runtimes)).await
    })
    .await;
}

#[tokio::test]
async fn a_deregistration_names_at_most_two_hundred_runtimes() {
    let api = TestApi::start().await;
    let refusal = ApiResponse::error(400, "at most 200 runtimes at once");
    assert_limit(RUNTIMES_PER_DEREGISTRATION, refusal, async |count| {
        let body = json!({"runtime_ids": vec!["11111111-2222-4333-8444-555555555555"; count]});
        api.post(Caller::DaemonA, "/api/daemon/deregister", body).await
    })
    .await;
}

#[tokio::test]
async fn a_daemons_texts_have_at_most_two_hundred_characters() {
    let api = TestApi::start().await;
    for field in ["daemon_id", "name", "type", "profile_id"] {
        let refusal = ApiResponse::error(400, &format!("{field} is longer than 200 characters"));
        let call = async |chars: usize| {
            register(&api, |body| {
                // A type is also the name of a runtime that has none.
                body["runtimes"][0]["name"] = "n".into();
                let of = if field == "daemon_id" { body } else { &mut body["runtimes"][0] };
                of[field] = "ü".repeat(chars).into();
            })
            .await
        };
        assert_limit(TEXT_CHARS, refusal, call).await;
    }
}

#[tokio::test]
async fn a_runtime_is_rung_at_most_sixty_times_at_once() {
    let api = TestApi::start().await;
    for rings in [RING_BURST - 1, RING_BURST] {
        let runtime = api.runtime().await;
        api.advance_secs(61.0);
        api.heartbeat(&runtime).await;
        for _ in 0..rings {
            api.ring(&runtime).await;
        }
    }
    let runtime = api.runtime().await;
    let one_more = api.post(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
    assert_eq!(one_more, ApiResponse::error(429, "too many requests for this runtime"));
}

/// A daemon drops a result on a 429, so only a ring may be answered with one.
#[tokio::test]
async fn only_rings_have_a_pace() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let request = api.ring(&runtime).await;
    for _ in 0..2 * RING_BURST {
        assert_eq!(api.heartbeat(&runtime).await.status, 200);
        assert_eq!(api.poll(&runtime, &request).await.status, 200);
        let report = json!({"status": "failed", "error": "no"});
        assert_eq!(api.report(&runtime, &request, report).await.status, 200);
        assert_eq!(api.runtime().await, runtime);
    }
}
