//! Every limit over HTTP: one below, at the limit, one above.

mod tokens;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_gateway::{USER_A, invoke, issue_dev_tokens};
use doorbell_protocol::Scope;
use doorbell_protocol::limits::{
    BODY_BYTES, MODEL_TEXT_CHARS, MODELS_PER_REPORT, RUNTIMES_PER_DEREGISTRATION, RUNTIMES_PER_PAGE,
    RUNTIMES_PER_REGISTRATION, TEXT_CHARS,
};
use doorbell_shared::access::Workspaces;
use doorbell_shared::clock::{Clock as _, Stopwatch};
use doorbell_shared::http::AppState;
use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::{RING_BURST, WORKSPACES_PER_TOKEN};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, TABLE};
use doorbell_shared::store::{RevokeOutcome, TokenStore as _};
use doorbell_shared::token::{Token, TokenRecord};
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::event::event;
use doorbell_test_support::interceptor::SlowStore;
use doorbell_test_support::log::CapturedLog;
use doorbell_test_support::{ApiResponse, Caller, TestApi, TestClock};
use reqwest::Method;
use serde_json::{Value, json};

/// Asserts that inputs up to `limit` get 200, and one above it `rejection`.
async fn assert_limit(limit: usize, rejection: ApiResponse, call: impl AsyncFn(usize) -> ApiResponse) {
    for size in [limit - 1, limit] {
        assert_eq!(call(size).await.status, 200, "{size} is within {limit}");
    }
    assert_eq!(call(limit + 1).await, rejection);
}

async fn register(api: &TestApi, change: impl Fn(&mut Value)) -> ApiResponse {
    let mut body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
    change(&mut body);
    api.post(Caller::DaemonA, "/api/daemon/register", body).await
}

#[tokio::test]
async fn body_of_1_mib() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let rejection = ApiResponse::error(413, "request body too large");
    assert_limit(BODY_BYTES, rejection, async |bytes| {
        let body = json!({"runtime_id": runtime}).to_string();
        let body = format!("{body}{}", " ".repeat(bytes - body.len()));
        api.post_raw(Caller::DaemonA, "/api/daemon/heartbeat", body).await
    })
    .await;
}

#[tokio::test]
async fn report_of_2000_models() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    assert_limit(MODELS_PER_REPORT, ApiResponse::error(413, "report too large"), async |count| {
        let request = api.ring(&runtime).await;
        let models = vec![json!({"id": "a", "label": "A"}); count];
        api.report(&runtime, &request, json!({"status": "completed", "models": models})).await
    })
    .await;
}

/// A daemon gives up at a 413; without this the client would wait for the timeout.
#[tokio::test]
async fn report_of_too_many_models_fails_request() {
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
async fn model_text_of_500_characters() {
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
async fn registration_of_50_runtimes() {
    let api = TestApi::start().await;
    let rejection = ApiResponse::error(400, "at most 50 runtimes at once");
    assert_limit(RUNTIMES_PER_REGISTRATION, rejection, async |count| {
        let runtimes: Vec<_> = (0..count).map(|number| json!({"type": format!("t{number}")})).collect();
        register(&api, |body| body["runtimes"] = json!(runtimes)).await
    })
    .await;
}

#[tokio::test]
async fn deregistration_of_200_runtimes() {
    let api = TestApi::start().await;
    let rejection = ApiResponse::error(400, "at most 200 runtimes at once");
    assert_limit(RUNTIMES_PER_DEREGISTRATION, rejection, async |count| {
        let body = json!({"runtime_ids": vec!["11111111-2222-4333-8444-555555555555"; count]});
        api.post(Caller::DaemonA, "/api/daemon/deregister", body).await
    })
    .await;
}

/// On a store where every call takes this long. DynamoDB takes less than 10 ms, but not on a bad day.
const SLOW_CALL: Duration = Duration::from_millis(100);

/// Half of the 10 s after which function and daemon give up on a call.
const SLOW_STORE_LIMIT: Duration = Duration::from_secs(5);

async fn call(store: &DynamoDbStore, function: Function, path: &str, body: &Value) -> (Value, Duration) {
    let state = AppState::new(store.clone());
    let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
    let watch = Stopwatch::start();
    let response = invoke(function, &state, &state, &event(function, scope, path, body)).await;
    assert_eq!(response.status(), 200, "{:?}", response.body());
    (serde_json::from_slice(response.body()).unwrap(), watch.elapsed())
}

/// The longest text of a runtime, in bytes too.
fn longest(number: usize) -> String {
    format!("{number:03}{}", "𝄞".repeat(TEXT_CHARS - 3))
}

/// Registers 50 runtimes with the longest texts; returns their ids in the order of the response, and the time that it took.
async fn register_50(store: &DynamoDbStore, daemon: usize) -> (Vec<String>, Duration) {
    let program = |number| {
        let text = longest(number);
        json!({"type": text, "name": text, "version": text, "profile_id": text})
    };
    let body = json!({
        "workspace_id": WORKSPACE_A, "daemon_id": longest(daemon), "device_name": longest(daemon),
        "cli_version": longest(daemon), "runtimes": (0..RUNTIMES_PER_REGISTRATION).map(program).collect::<Vec<_>>(),
    });
    let (response, duration) = call(store, Function::Register, "/api/daemon/register", &body).await;
    let runtimes = response["runtimes"].as_array().unwrap();
    for (number, runtime) in runtimes.iter().enumerate() {
        assert_eq!(runtime["provider"], longest(number), "the order of the registration");
    }
    (runtimes.iter().map(|runtime| runtime["id"].as_str().unwrap().to_owned()).collect(), duration)
}

#[tokio::test(start_paused = true)]
async fn largest_registration_ends_in_time_on_slow_store() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let slow = engine.store_with_interceptor(Arc::new(SlowStore(SLOW_CALL)));
    let (first, first_time) = register_50(&slow, 0).await;
    let (again, again_time) = register_50(&slow, 0).await;
    println!("50 runtimes, {SLOW_CALL:?} a store call: new {first_time:?}, known {again_time:?}");
    assert_eq!(first, again);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), RUNTIMES_PER_REGISTRATION);
    assert!(first_time < SLOW_STORE_LIMIT && again_time < SLOW_STORE_LIMIT, "{first_time:?} {again_time:?}");
}

#[tokio::test(start_paused = true)]
async fn largest_deregistration_ends_in_time_on_slow_store() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let store = engine.store();
    let mut ids = Vec::new();
    for daemon in 0..4 {
        ids.extend(register_50(&store, daemon).await.0);
    }
    // Unknown ids among them change nothing for the others. The last runtime stays.
    let kept = std::mem::replace(&mut ids[199], "11111111-2222-4333-8444-555555555555".to_owned());
    ids[50] = "malformed".to_owned();
    let slow = engine.store_with_interceptor(Arc::new(SlowStore(SLOW_CALL)));
    let body = json!({"runtime_ids": ids});
    let (_, duration) = call(&slow, Function::Deregister, "/api/daemon/deregister", &body).await;
    println!("200 ids, {SLOW_CALL:?} a store call: {duration:?}");
    let (listed, _) = call(&store, Function::Runtimes, "/api/runtimes", &Value::Null).await;
    let offline = |runtime: &&Value| runtime["status"] == "offline";
    assert_eq!(listed.as_array().unwrap().iter().filter(offline).count(), RUNTIMES_PER_DEREGISTRATION - 2);
    let kept = listed.as_array().unwrap().iter().find(|runtime| runtime["id"] == kept.as_str()).unwrap();
    assert_eq!(kept["status"], "online");
    assert!(duration < SLOW_STORE_LIMIT, "{duration:?}");
}

/// Lists invented runtimes in workspace A.
fn seed_listings(engine: &EmbeddedDynamoDb, count: usize, expires_at: i64) {
    for number in 0..count {
        let item = json!({
            "pk": {"S": format!("workspace#{WORKSPACE_A}")},
            "sk": {"S": format!("runtime#{}", uuid::Uuid::from_u128(number as u128))},
            "expires_at": {"N": expires_at.to_string()},
        });
        let put = json!({"TableName": TABLE, "Item": item}).to_string();
        assert_eq!(engine.respond("DynamoDB_20120810.PutItem", put.as_bytes()).status, 200);
    }
}

#[tokio::test]
async fn workspace_of_5000_runtimes() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = TestApi::with_store(engine.store()).await;
    let known = api.runtime().await;
    let tomorrow = api.clock.now().millis() / 1000 + 24 * 3600;
    seed_listings(&engine, 5_000 - 3, tomorrow);
    let full = ApiResponse::error(409, "too many runtimes in this workspace");
    // Two more fit, three do not.
    let programs = |count: usize| (0..count).map(|n| json!({"type": format!("t{n}")})).collect::<Vec<_>>();
    assert_eq!(register(&api, |body| body["runtimes"] = json!(programs(3))).await, full);
    assert_eq!(register(&api, |body| body["runtimes"] = json!(programs(1))).await.status, 200);
    assert_eq!(register(&api, |body| body["runtimes"] = json!(programs(2))).await.status, 200);
    assert_eq!(register(&api, |body| body["runtimes"] = json!(programs(3))).await, full);
    // Nothing of a rejected registration is written, and known runtimes register again.
    assert_eq!(register(&api, |body| body["runtimes"] = json!(programs(2))).await.status, 200);
    assert_eq!(api.runtime().await, known);
    assert_eq!(register(&api, |body| body["runtimes"] = json!([{"type": "t2"}])).await, full);
    // A registration that failed between its two writes has left a listing; its retry needs no room.
    let key = json!({"pk": {"S": format!("runtime#{known}")}, "sk": {"S": "runtime"}});
    let delete = json!({"TableName": TABLE, "Key": key}).to_string();
    assert_eq!(engine.respond("DynamoDB_20120810.DeleteItem", delete.as_bytes()).status, 200);
    assert_eq!(api.runtime().await, known);
    // Runtimes that have expired need no room, whether or not TTL has deleted them.
    seed_listings(&engine, 1, api.clock.now().millis() / 1000 - 1);
    assert_eq!(register(&api, |body| body["runtimes"] = json!([{"type": "t2"}])).await.status, 200);
}

#[tokio::test]
async fn list_page_of_500_runtimes() {
    let api = TestApi::start().await;
    let rejection = ApiResponse::error(400, "invalid limit");
    assert_limit(RUNTIMES_PER_PAGE, rejection, async |limit| {
        api.get(Caller::UserA, &format!("/api/runtimes?limit={limit}")).await
    })
    .await;
}

#[tokio::test]
async fn daemon_text_of_200_characters() {
    let api = TestApi::start().await;
    for field in ["daemon_id", "name", "type", "profile_id"] {
        let rejection = ApiResponse::error(400, &format!("{field} is longer than 200 characters"));
        let call = async |chars: usize| {
            register(&api, |body| {
                // Without a name, the type would be checked as the name.
                body["runtimes"][0]["name"] = "n".into();
                let target = if field == "daemon_id" { body } else { &mut body["runtimes"][0] };
                target[field] = "ü".repeat(chars).into();
            })
            .await
        };
        assert_limit(TEXT_CHARS, rejection, call).await;
    }
}

#[tokio::test]
async fn burst_of_30_rings() {
    let api = TestApi::start().await;
    for rings in [RING_BURST - 1, RING_BURST] {
        let runtime = api.runtime().await;
        api.advance_secs(61.0);
        api.heartbeat(&runtime).await;
        for _ in 0..rings {
            api.ring_apart(&runtime).await;
        }
    }
    let runtime = api.runtime().await;
    let path = format!("/api/runtimes/{runtime}/models");
    let one_more = api.request(Method::POST, &path).bearer_auth(api.token(Caller::UserA));
    let one_more = one_more.header("idempotency-key", "one-more").send().await.unwrap();
    assert_eq!(one_more.status(), 429);
    assert_eq!(one_more.headers()["retry-after"], "1");
    api.advance_secs(1.0);
    api.ring(&runtime).await;
}

/// A version without the limit has issued the larger token. Its user is asked to log in again, instead of a 500 at every ring.
#[tokio::test]
async fn token_of_250_workspaces() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let clock = Arc::new(TestClock::default());
    let others = (1..WORKSPACES_PER_TOKEN).map(|number| format!("00000000-0000-4000-8000-1{number:011}"));
    let workspaces = others.chain([WORKSPACE_A.to_owned()]).map(|id| id.parse().unwrap());
    let token = Token::parse(USER_A.token).unwrap();
    let record = TokenRecord {
        hash: token.hash(),
        subject: "tester".to_owned().try_into().unwrap(),
        scopes: [Scope::User].into(),
        workspaces: Workspaces::new(workspaces).unwrap(),
        created_at: clock.now(),
        expires_at: None,
        last_four: token.last_four(),
        daemon_id: None,
        last_used_at: None,
    };
    let store = engine.store();
    issue_dev_tokens(&store, clock.now()).await.unwrap();
    store.issue_token(&record).await.unwrap();
    let (log, _guard) = CapturedLog::capture();
    let api = TestApi::serve(engine.store(), engine.store(), None, clock).await;
    let runtime = api.runtime().await;
    let request = api.ring(&runtime).await;
    assert_eq!(api.poll(&runtime, &request).await.status, 200);
    assert_eq!(api.get(Caller::UserA, "/api/runtimes").await.body[0]["id"], runtime);

    let one_more =
        AttributeValue::L(vec![AttributeValue::S("00000000-0000-4000-8000-00000000000c".to_owned())]);
    let update = engine.client(None).update_item().table_name(TABLE);
    let update = update
        .key("pk", AttributeValue::S(format!("token#{}", token.hash())))
        .key("sk", AttributeValue::S("token".to_owned()))
        .update_expression("SET workspaces = list_append(workspaces, :more)")
        .expression_attribute_values(":more", one_more);
    update.send().await.unwrap();
    let rejected = api.post(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
    assert_eq!(rejected, ApiResponse::error(401, "a valid bearer token is required"));
    let lines = log.lines("token denied: it has too many workspaces");
    assert_eq!((lines.len(), &lines[0]["token_id"]), (1, &json!(token.hash().id())), "{}", log.text());

    let workspace = WORKSPACE_A.parse().unwrap();
    let listed = store.list_tokens(workspace, record.created_at).await.unwrap();
    assert!(listed.iter().all(|listed| listed.hash != record.hash), "{listed:?}");
    assert_eq!(store.revoke_token(workspace, record.hash).await.unwrap(), RevokeOutcome::Revoked);
}

/// A version without this limit may have issued it.
#[tokio::test]
async fn token_of_stored_subject_with_control_characters() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let clock = Arc::new(TestClock::default());
    let store = engine.store();
    issue_dev_tokens(&store, clock.now()).await.unwrap();
    let hash = Token::parse(USER_A.token).unwrap().hash();
    let update = engine.client(None).update_item().table_name(TABLE);
    let update = update.key("pk", AttributeValue::S(format!("token#{hash}")));
    let update = update.key("sk", AttributeValue::S("token".to_owned()));
    let update = update.update_expression("SET subject = :subject");
    let subject = AttributeValue::S("user-\ta\u{1b}".to_owned());
    update.expression_attribute_values(":subject", subject).send().await.unwrap();

    let listed = store.list_tokens(WORKSPACE_A.parse().unwrap(), clock.now()).await.unwrap();
    let subjects: BTreeSet<_> = listed.iter().map(|token| token.subject.to_string()).collect();
    assert!(subjects.contains("user-a"), "{subjects:?}");
    let api = TestApi::serve(engine.store(), engine.store(), None, clock).await;
    assert_eq!(api.get(Caller::UserA, "/api/runtimes").await.status, 200);
}
