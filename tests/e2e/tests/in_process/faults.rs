//! Store failures: each route responds with the 500 of the contract, without internals. A failed charge or record of a token's
//! use is only logged.

mod catalog;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorbell_functions::auth::oidc::Oidc;
use doorbell_functions::auth::{self, AuthorizerEvent};
use doorbell_gateway::{USER_A, invoke, issue_dev_tokens};
use doorbell_protocol::Scope;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::AppState;
use doorbell_shared::http::input::Caller as AuthorizedCaller;
use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::CALL_TIMEOUT;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Fault, Interceptor, ServiceError};
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::event::{event, route};
use doorbell_test_support::interceptor::{AllowOnly, Delay};
use doorbell_test_support::log::CapturedLog;
use doorbell_test_support::{ApiResponse, Caller, TestApi};
use serde_json::{Value, json};

const RUNTIME: &str = "11111111-2222-4333-8444-555555555555";

const REDEEM: &str = "/api/enrolments/redeem";

fn redemption() -> Value {
    json!({"code": "0000-0000-0000-0000", "daemon_id": "d"})
}

fn new_token() -> Value {
    json!({"workspace_id": WORKSPACE_A, "scope": "user", "subject": "s"})
}

/// An API whose table does not exist.
async fn broken() -> TestApi {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    TestApi::with_store(DynamoDbStore::new(engine.client(None), "not-there")).await
}

async fn assert_fails(caller: Caller, path: &str, body: Value, text: &str) {
    assert_eq!(broken().await.post(caller, path, body).await, ApiResponse::error(500, text));
}

/// Longer than any call.
const STALLED: Duration = Duration::from_secs(3600);

#[derive(Debug)]
struct Stalled;

impl Interceptor for Stalled {
    fn fault(&self, _operation: &str) -> Fault {
        Fault::Delayed(STALLED)
    }
}

/// Lambda would end the call after 10 s, without the text of the contract and without the cause in the log.
#[tokio::test(start_paused = true)]
async fn stalled_call_ends_within_9_s() {
    let runtimes = json!({"runtime_ids": [RUNTIME]});
    let models = format!("/api/runtimes/{RUNTIME}/models");
    let request = "01930000000070008000000000000001";
    let poll = format!("{models}/{request}");
    let result = format!("/api/daemon/runtimes/{RUNTIME}/models/{request}/result");
    let registration =
        json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
    let forget = format!("/api/runtimes/{RUNTIME}");
    let tokens = format!("/api/tokens?workspace_id={WORKSPACE_A}");
    let revoke = format!("/api/tokens/000000000000?workspace_id={WORKSPACE_A}");
    let calls = [
        (Function::Initiate, models.as_str(), json!({}), "failed to enqueue model list request"),
        (Function::Poll, &poll, Value::Null, "failed to load request"),
        (Function::Runtimes, "/api/runtimes", Value::Null, "failed to list runtimes"),
        (Function::Forget, &forget, Value::Null, "failed to remove runtime"),
        (Function::Register, "/api/daemon/register", registration, "failed to register runtimes"),
        (Function::Deregister, "/api/daemon/deregister", runtimes, "failed to deregister runtimes"),
        (Function::Heartbeat, "/api/daemon/heartbeat", json!({"runtime_id": RUNTIME}), "heartbeat failed"),
        (Function::Report, &result, json!({"status": "completed"}), "failed to persist completion"),
        (Function::Report, &result, json!({"status": "failed"}), "failed to persist failure"),
        (Function::Redeem, REDEEM, redemption(), "failed to redeem enrolment"),
        (
            Function::Enrol,
            "/api/enrolments",
            json!({"workspace_id": WORKSPACE_A}),
            "failed to create enrolment",
        ),
        (Function::ListTokens, &tokens, Value::Null, "failed to list tokens"),
        (Function::IssueToken, "/api/tokens", new_token(), "failed to create token"),
        (Function::RevokeToken, &revoke, Value::Null, "failed to revoke token"),
    ];
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let state = AppState::new(engine.store_with_interceptor(Arc::new(Stalled)));
    for (function, path, body, text) in calls {
        let (log, _guard) = CapturedLog::capture();
        let running = Stopwatch::start();
        let scope = route(function).scope.unwrap_or(Scope::User);
        let response = invoke(function, &state, &state, &event(function, scope, path, &body)).await;
        assert_eq!(running.elapsed(), CALL_TIMEOUT, "{function:?}");
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!((response.status().as_u16(), body), (500, json!({"error": text})), "{function:?}");
        let cause = "call: timed out (no response within 9 s)";
        assert_eq!(log.lines("failed")[0]["cause"], cause, "{}", log.text());
    }
}

#[tokio::test]
async fn initiate_fails() {
    let path = format!("/api/runtimes/{RUNTIME}/models");
    assert_fails(Caller::UserA, &path, json!({}), "failed to enqueue model list request").await;
}

#[tokio::test]
async fn poll_fails() {
    let path = format!("/api/runtimes/{RUNTIME}/models/01930000000070008000000000000001");
    let response = broken().await.get(Caller::UserA, &path).await;
    assert_eq!(response, ApiResponse::error(500, "failed to load request"));
}

#[tokio::test]
async fn list_fails() {
    let response = broken().await.get(Caller::UserA, "/api/runtimes").await;
    assert_eq!(response, ApiResponse::error(500, "failed to list runtimes"));
}

#[tokio::test]
async fn heartbeat_fails() {
    assert_fails(
        Caller::DaemonA,
        "/api/daemon/heartbeat",
        json!({"runtime_id": RUNTIME}),
        "heartbeat failed",
    )
    .await;
}

/// Never a 4xx: a daemon gives up at a 4xx.
#[tokio::test]
async fn report_fails() {
    let path = format!("/api/daemon/runtimes/{RUNTIME}/models/01930000000070008000000000000001/result");
    assert_fails(Caller::DaemonA, &path, json!({"status": "completed"}), "failed to persist completion")
        .await;
    assert_fails(Caller::DaemonA, &path, json!({"status": "failed"}), "failed to persist failure").await;
}

#[tokio::test]
async fn register_fails() {
    let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
    assert_fails(Caller::DaemonA, "/api/daemon/register", body, "failed to register runtimes").await;
}

#[tokio::test]
async fn forget_fails() {
    let response = broken().await.delete(Caller::UserA, &format!("/api/runtimes/{RUNTIME}")).await;
    assert_eq!(response, ApiResponse::error(500, "failed to remove runtime"));
}

#[tokio::test]
async fn deregister_fails() {
    let body = json!({"runtime_ids": [RUNTIME]});
    assert_fails(Caller::DaemonA, "/api/daemon/deregister", body, "failed to deregister runtimes").await;
}

/// The functions for tokens on a table that does not exist. The local gateway's authorizer would fail first.
async fn fails_without_table(function: Function, path: &str, body: &Value, text: &str) {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let state = AppState::new(DynamoDbStore::new(engine.client(None), "not-there"));
    let response = invoke(function, &state, &state, &event(function, Scope::Admin, path, body)).await;
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!((response.status().as_u16(), body), (500, json!({"error": text})));
}

#[tokio::test]
async fn enrol_and_redeem_fail() {
    let body = json!({"workspace_id": WORKSPACE_A});
    fails_without_table(Function::Enrol, "/api/enrolments", &body, "failed to create enrolment").await;
    fails_without_table(Function::Redeem, REDEEM, &redemption(), "failed to redeem enrolment").await;
}

#[tokio::test]
async fn administration_of_tokens_fails() {
    let list = format!("/api/tokens?workspace_id={WORKSPACE_A}");
    let revoke = format!("/api/tokens/000000000000?workspace_id={WORKSPACE_A}");
    fails_without_table(Function::ListTokens, &list, &Value::Null, "failed to list tokens").await;
    fails_without_table(Function::IssueToken, "/api/tokens", &new_token(), "failed to create token").await;
    fails_without_table(Function::RevokeToken, &revoke, &Value::Null, "failed to revoke token").await;
}

/// The fault of the next call.
#[derive(Debug, Default)]
struct NextCall(Mutex<Option<Fault>>);

impl Interceptor for NextCall {
    fn fault(&self, _operation: &str) -> Fault {
        self.0.lock().unwrap().take().unwrap_or(Fault::None)
    }
}

/// A daemon deregisters once, when it stops. The runtimes that it left online would be rung in vain.
#[tokio::test]
async fn deregister_writes_all_after_a_failure() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let next = Arc::new(NextCall::default());
    let state = AppState::new(engine.store_with_interceptor(Arc::<NextCall>::clone(&next)));
    let call = async |function, scope, path: &str, body| {
        let response = invoke(function, &state, &state, &event(function, scope, path, &body)).await;
        (response.status().as_u16(), serde_json::from_slice::<Value>(response.body()).unwrap())
    };
    let runtimes: Vec<_> = (0..30).map(|number| json!({"type": format!("type-{number}")})).collect();
    let registration = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": runtimes});
    let (_, registered) = call(Function::Register, Scope::Daemon, "/api/daemon/register", registration).await;
    let ids: Vec<_> =
        registered["runtimes"].as_array().unwrap().iter().map(|runtime| &runtime["id"]).collect();
    *next.0.lock().unwrap() = Some(Fault::Rejected(ServiceError::AccessDenied));
    let body = json!({"runtime_ids": ids});
    let response = call(Function::Deregister, Scope::Daemon, "/api/daemon/deregister", body).await;
    assert_eq!(response, (500, json!({"error": "failed to deregister runtimes"})));
    let (_, listed) = call(Function::Runtimes, Scope::User, "/api/runtimes", Value::Null).await;
    let listed = listed.as_array().unwrap();
    let offline = listed.iter().filter(|runtime| runtime["status"] == "offline").count();
    assert_eq!((listed.len(), offline), (30, 29));
}

/// A rate limit must not make a failing or slow store worse.
#[tokio::test(start_paused = true)]
async fn failed_charge_accepts_call() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let next = Arc::new(NextCall::default());
    let state = AppState::new(engine.store_with_interceptor(Arc::<NextCall>::clone(&next)));
    let call = async |function, scope, path: &str, body| {
        let response = invoke(function, &state, &state, &event(function, scope, path, &body)).await;
        assert_eq!(response.status(), 200, "{:?}", response.body());
        serde_json::from_slice::<Value>(response.body()).unwrap()
    };
    let registration =
        json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
    let register =
        async || call(Function::Register, Scope::Daemon, "/api/daemon/register", registration.clone()).await;
    let runtime = register().await["runtimes"][0]["id"].as_str().unwrap().to_owned();
    // Past the catalog, whose read would be the next call.
    let path = format!("/api/runtimes/{runtime}/models?refresh=true");
    let ring = async || call(Function::Initiate, Scope::User, &path, json!({})).await;
    ring().await;
    // The first calls were free; the next ones are charged.
    let (log, _guard) = CapturedLog::capture();
    for (fault, line) in [
        (Fault::Rejected(ServiceError::AccessDenied), "token not charged"),
        (Fault::Delayed(Duration::from_secs(2)), "token not charged in time"),
    ] {
        for action in ["register", "ring"] {
            *next.0.lock().unwrap() = Some(fault);
            if action == "ring" {
                ring().await
            } else {
                register().await
            };
            let lines = log.lines(line);
            assert_eq!(lines.last().map(|line| &line["action"]), Some(&json!(action)), "{}", log.text());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unrecorded_use_authenticates() {
    for (slow, line) in [(false, "token use not recorded"), (true, "token use not recorded in time")] {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let store = if slow {
            let delay = Duration::from_secs(2);
            engine.store_with_interceptor(Arc::new(Delay { operation: "UpdateItem", delay }))
        } else {
            engine.store_with_interceptor(Arc::new(AllowOnly(["GetItem".to_owned()].into())))
        };
        let state = AppState::new(store);
        issue_dev_tokens(&engine.store(), state.clock.now()).await.unwrap();
        let (log, _guard) = CapturedLog::capture();
        let header = ("authorization".to_owned(), format!("Bearer {}", USER_A.token));
        let oidc: Option<&Oidc> = None;
        let response = auth::handle(&state, oidc, &AuthorizerEvent::new([header])).await.unwrap();
        assert!(matches!(response.context, AuthorizedCaller::Known(_)));
        assert_eq!(log.lines(line).len(), 1, "{}", log.text());
    }
}
