//! The log: one line for each call with its ids and durations, and never a token, a body or a result, at TRACE too.
//!
//! Each test runs on one thread, so all of its lines are captured.

use doorbell_functions::auth;
use doorbell_functions::auth::oidc::Oidc;
use doorbell_gateway::invoke;
use doorbell_protocol::Scope;
use doorbell_shared::http::AppState;
use doorbell_shared::http::input::AuthorizerContext;
use doorbell_shared::http::routes::Function;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::token::Token;
use doorbell_test_support::event::event_from;
use doorbell_test_support::log::CapturedLog;
use doorbell_test_support::{Caller, TestApi};
use serde_json::{Value, json};

const SECRET: &str = "only-for-daemon-and-client";

fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn every_call_logs_one_line_with_its_ids() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let (log, _guard) = CapturedLog::capture();
    let request = api.ring(&runtime).await;
    api.poll(&runtime, &request).await;
    let lines = log.lines("answered");
    assert_eq!(lines.len(), 2, "{}", log.text());
    for (line, function) in lines.iter().zip(["initiate", "poll"]) {
        assert_eq!((&line["status"], &line["span"]["function"]), (&json!(200), &json!(function)));
        assert!(line["duration_ms"].is_number() && line.get("cause").is_none(), "{line}");
        assert!(line["span"]["gateway_request_id"].is_string(), "{line}");
        assert_eq!(line["span"]["runtime_id"], runtime);
    }
    assert_eq!(lines[1]["span"]["request_id"], request);
}

/// An anonymous caller has no other id in common with the line of API Gateway's access log.
#[tokio::test]
async fn authorizer_logs_id_of_gateway() {
    let (log, _guard) = CapturedLog::capture();
    let state = AppState::new(MemoryStore::default());
    for (headers, context, id) in [
        (json!({}), json!({"requestId": "JKJaXmPLvHcESHA="}), json!("JKJaXmPLvHcESHA=")),
        (json!({"authorization": "Bearer dbu_unknown"}), json!({"requestId": "two"}), json!("two")),
        // A field of another type is no reason to reject a caller.
        (json!({}), json!({"requestId": 3}), Value::Null),
        (json!({}), json!("four"), Value::Null),
    ] {
        let event = serde_json::from_value(json!({"headers": headers, "requestContext": context})).unwrap();
        auth::handle(&state, None::<&Oidc>, &event).await.unwrap();
        let lines = log.lines("anonymous");
        let span = &lines.last().unwrap()["span"];
        assert_eq!((&span["function"], &span["gateway_request_id"]), (&json!("authorizer"), &id));
    }
}

#[tokio::test]
async fn heartbeat_logs_time_of_each_step() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    api.ring(&runtime).await;
    let (log, _guard) = CapturedLog::capture();
    api.heartbeat(&runtime).await;
    let span = &log.lines("answered")[0]["span"];
    let expected = [
        "claim_ms",
        "function",
        "gateway_request_id",
        "name",
        "record_ms",
        "runtime_id",
        "subject",
        "token_id",
    ];
    assert_eq!(fields(span), expected);
    assert!(["record_ms", "claim_ms"].iter().all(|step| span[step].is_number()), "{span}");
}

#[tokio::test]
async fn heartbeat_without_work_logs_no_line_at_info() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let (log, _guard) = CapturedLog::capture();
    api.heartbeat(&runtime).await;
    // One whose runtime is unknown has something to tell.
    for runtime in [runtime.as_str(), "00000000-0000-4000-8000-00000000000f"] {
        api.post(Caller::DaemonA, "/api/daemon/heartbeat", json!({"runtimes": [{"id": runtime}]})).await;
    }
    let answered = log.lines("answered");
    let levels: Vec<_> = answered.iter().map(|line| line["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["DEBUG", "DEBUG", "INFO"], "{}", log.text());
}

#[tokio::test]
async fn every_line_names_its_caller() {
    let api = TestApi::start().await;
    let (log, _guard) = CapturedLog::capture();
    let runtime = api.runtime().await;
    let request = api.ring(&runtime).await;
    api.heartbeat(&runtime).await;
    api.report(&runtime, &request, json!({"status": "failed", "error": "no"})).await;
    api.poll(&runtime, &request).await;
    api.get(Caller::UserA, "/api/runtimes").await;
    api.post(Caller::DaemonA, "/api/daemon/deregister", json!({"runtime_ids": [runtime]})).await;
    api.get(Caller::DaemonA, "/api/runtimes").await;

    let id = |token: &str| Token::parse(token).unwrap().hash().id().to_string();
    let user = ("user-a", id("dbu_dev_a"));
    let daemon = ("daemon-a", id("dbd_dev_a"));
    let expected = [
        ("register", &daemon),
        ("initiate", &user),
        ("heartbeat", &daemon),
        ("report", &daemon),
        ("poll", &user),
        ("runtimes", &user),
        ("deregister", &daemon),
        // Without the scope.
        ("runtimes", &daemon),
    ];
    let answered = log.lines("answered");
    let authenticated = log.lines("authenticated");
    assert_eq!((answered.len(), authenticated.len()), (expected.len(), expected.len()), "{}", log.text());
    for ((line, authorizer), (function, (subject, token_id))) in
        answered.iter().zip(authenticated).zip(expected)
    {
        let span = &line["span"];
        assert_eq!((&span["function"], &span["subject"]), (&json!(function), &json!(subject)), "{line}");
        assert_eq!(span["token_id"], json!(token_id), "{line}");
        assert_eq!((&authorizer["subject"], &authorizer["token_id"]), (&json!(subject), &json!(token_id)));
    }
    assert!(!log.text().contains("_dev_"), "a token was logged: {}", log.text());
}

/// What happens to tokens and codes is logged with ids and owners, and without a secret at any level.
#[tokio::test]
async fn tokens_and_enrolments_are_logged_without_secrets() {
    let api = TestApi::start().await;
    let (log, _guard) = CapturedLog::capture();
    let workspace = &api.a.id;
    let code = api.enrol().await;
    let redeemed = api.redeem(&code, "laptop \"x\"").await.body["token"].as_str().unwrap().to_owned();
    let body = json!({"workspace_id": workspace, "scope": "daemon", "subject": "build", "daemon_id": "d"});
    let created = api.post(Caller::AdminA, "/api/tokens", body).await.body;
    let id = created["id"].as_str().unwrap();
    let path = format!("/api/tokens/{id}?workspace_id={workspace}");
    assert_eq!(api.delete(Caller::AdminA, &path).await.status, 200);

    let one = |message: &str| {
        let lines = log.lines(message);
        assert_eq!((lines.len(), &lines[0]["level"]), (1, &json!("INFO")), "{message}: {}", log.text());
        assert_eq!(lines[0]["workspace"], json!(workspace), "{message}");
        lines[0].clone()
    };
    let enrolment = one("enrolment created");
    assert_eq!(enrolment["span"]["subject"], "admin-a");
    let redemption = one("enrolment redeemed");
    assert_eq!(redemption["enrolment_id"], enrolment["enrolment_id"]);
    let redeemed_id = Token::parse(&redeemed).unwrap().hash().id().to_string();
    assert_eq!(redemption["token_id"], json!(redeemed_id));
    let owner = (&redemption["subject"], &redemption["daemon_id"]);
    assert_eq!(owner, (&json!("laptop \u{fffd}x\u{fffd}"), &json!("laptop \u{fffd}x\u{fffd}")));
    for message in ["token created", "token revoked"] {
        let line = one(message);
        let fields = (&line["token_id"], &line["subject"], &line["daemon_id"], &line["span"]["subject"]);
        assert_eq!(fields, (&json!(id), &json!("build"), &json!("d"), &json!("admin-a")), "{message}");
    }
    for secret in [&code, &code.replace('-', ""), &redeemed[4..], &created["token"].as_str().unwrap()[4..]] {
        assert!(!log.text().contains(secret), "a secret was logged: {}", log.text());
    }
}

/// The context of an event that did not pass the authorizer.
#[tokio::test]
async fn subject_is_printable_and_bounded() {
    let (log, _guard) = CapturedLog::capture();
    let state = AppState::new(MemoryStore::default());
    let subject = format!("a\n\"b\u{1b}{}", "c".repeat(10_000));
    let caller = AuthorizerContext {
        subject,
        token_id: None,
        scopes: vec![Scope::User],
        workspaces: vec![],
        daemon_id: None,
    };
    let now = state.clock.now();
    let request = event_from(&caller, Function::Runtimes, "/api/runtimes", &Value::Null, now);
    invoke(Function::Runtimes, &state, &state, &request).await;
    let span = &log.lines("answered")[0]["span"];
    assert_eq!(span["subject"], format!("a\u{fffd}\u{fffd}b\u{fffd}{}", "c".repeat(195)));
    assert_eq!(span["token_id"].as_str().unwrap().len(), 12);
}

#[tokio::test]
async fn refusal_logs_its_cause() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let (log, _guard) = CapturedLog::capture();
    api.post(Caller::UserB, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
    let line = &log.lines("answered")[0];
    assert_eq!((&line["status"], &line["cause"]), (&json!(404), &json!("runtime not found")));
}

#[tokio::test]
async fn never_logs_tokens_bodies_or_results() {
    let api = TestApi::start().await;
    let (log, _guard) = CapturedLog::capture();
    let runtime = api.runtime().await;
    let request = api.ring(&runtime).await;
    api.heartbeat(&runtime).await;
    let invalid = json!({"status": "completed", "models": [{"label": SECRET}]});
    api.report(&runtime, &request, invalid).await;
    let report = json!({"status": "completed", "models": [{"id": SECRET, "label": SECRET}]});
    api.report(&runtime, &request, report).await;
    api.poll(&runtime, &request).await;
    api.post(Caller::UserB, &format!("/api/runtimes/{SECRET}/models"), json!({"x": SECRET})).await;
    let text = log.text();
    assert!(text.contains(&request), "nothing was captured");
    for secret in [SECRET, "dbu_dev", "dbd_dev", "Bearer"] {
        assert!(!text.contains(secret), "{secret} was logged: {text}");
    }
}

#[tokio::test]
async fn store_failure_logs_cause_without_item() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = TestApi::with_store(DynamoDbStore::new(engine.client(None), "absent-table")).await;
    let (log, _guard) = CapturedLog::capture();
    let path = "/api/daemon/runtimes/11111111-2222-4333-8444-555555555555/models/01930000000070008000000000000001/result";
    let report = json!({"status": "completed", "models": [{"id": SECRET, "label": SECRET}]});
    assert_eq!(api.post(Caller::DaemonA, path, report).await.status, 500);
    let failures = log.lines("failed");
    assert_eq!(failures.len(), 1, "{}", log.text());
    assert!(failures[0]["cause"].as_str().unwrap().contains("ResourceNotFoundException"));
    assert!(!log.text().contains(SECRET));
}

/// Forgetting is rare, and a client cannot undo it.
#[tokio::test]
async fn forget_logs_the_runtime() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let (log, _guard) = CapturedLog::capture();
    let path = format!("/api/runtimes/{runtime}");
    for (caller, status) in [(Caller::UserB, 404), (Caller::UserA, 200), (Caller::UserA, 404)] {
        assert_eq!(api.delete(caller, &path).await.status, status);
    }
    let lines = log.lines("runtime forgotten");
    assert_eq!(lines.len(), 1, "{}", log.text());
    assert_eq!((&lines[0]["level"], &lines[0]["runtime_id"]), (&json!("INFO"), &json!(runtime)));
    assert!(lines[0]["span"]["gateway_request_id"].is_string());
}
