//! The events under `tests/events/`, one for each function, for `sam local invoke` and `cargo lambda invoke`.
//!
//! The local gateway builds those of API Gateway; those of IoT Core are its documented examples. They are checked in so that they can be
//! used without a build.
//! `DOORBELL_WRITE_EVENTS=1 cargo test --test in_process events::` writes them.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorbell_functions::auth::AuthorizerEvent;
use doorbell_functions::connect::{self, ConnectEvent, ConnectionScope};
use doorbell_functions::presence::{self, DisconnectedEvent};
use doorbell_gateway::{WORKSPACE_A, invoke};
use doorbell_protocol::Scope;
use doorbell_protocol::Timestamp;
use doorbell_shared::http::AppState;
use doorbell_shared::http::routes::Function;
use doorbell_shared::push::{ClientId, PushChannel};
use doorbell_shared::store::memory::MemoryStore;
use doorbell_test_support::event::{caller, event, event_json};
use doorbell_test_support::push::{PushCall, ScriptedPush};
use serde_json::{Value, json};

/// A request that does not exist.
const REQUEST: &str = "0193c0de000070008000000000000001";

/// A fixed time, so that the files stay the same: 2026-11-22T03:41:07.123Z.
fn now() -> Timestamp {
    Timestamp::from_millis(1_795_318_867_123).unwrap()
}

/// A daemon's token of `doorbell dev`.
const TOKEN: &str = "dbd_dev_a";

/// The deployment of every stack in `sam local` (samcli 1.170.0, `IntrinsicsSymbolTable`).
const DEPLOYMENT: &str = "51af3dc0-da77-11e4-872e-1234567db123";

/// A runtime that does not exist: a deployment gives the runtime of the registration event an id of its own.
const RUNTIME: &str = "c9a824cd-19ec-5e1f-97f5-c3dca03c00d9";

fn call(function: Function, scope: Scope, path: &str, body: &Value) -> Value {
    without_absent_fields(event_json(&caller(scope), function, path, body, now()))
}

/// The typed event also has fields of other kinds of events, and `null` for an absent one.
fn without_absent_fields(mut event: Value) -> Value {
    let fields = event.as_object_mut().unwrap();
    fields.shift_remove("httpMethod");
    fields.retain(|_, field| !field.is_null() && *field != json!({}));
    event
}

/// Functions and their events, in the order of use.
fn events() -> Vec<(&'static str, Value)> {
    let user = Scope::User;
    let daemon = Scope::Daemon;
    let runtime = RUNTIME;
    let nothing = Value::Null;
    let registration = json!({
        "workspace_id": WORKSPACE_A,
        "daemon_id": "my-laptop",
        "runtimes": [{"name": "Codex", "type": "codex", "version": "0.169.0", "status": "online"}],
    });
    let models = format!("/api/runtimes/{runtime}/models");
    let poll = format!("{models}/{REQUEST}");
    let cancel = format!("/api/runtimes/{runtime}/requests/{REQUEST}");
    let result = format!("/api/daemon/runtimes/{runtime}/models/{REQUEST}/result");
    let heartbeat = json!({"runtime_id": runtime});
    let deregistration = json!({"runtime_ids": [runtime]});
    let enrolment = json!({"workspace_id": WORKSPACE_A});
    // A code that does not exist.
    let redemption = json!({"code": "0000-0000-0000-0000", "daemon_id": "my-laptop"});
    let completed = json!({"status": "completed", "models": [{"id": "gpt-6", "label": "GPT-6"}]});
    vec![
        ("authorizer", authorizer()),
        ("register", call(Function::Register, daemon, "/api/daemon/register", &registration)),
        ("runtimes", call(Function::Runtimes, user, "/api/runtimes", &nothing)),
        ("initiate", call(Function::Initiate, user, &models, &nothing)),
        ("heartbeat", call(Function::Heartbeat, daemon, "/api/daemon/heartbeat", &heartbeat)),
        ("poll", call(Function::Poll, user, &poll, &nothing)),
        ("cancel", call(Function::Cancel, user, &cancel, &nothing)),
        ("report", call(Function::Report, daemon, &result, &completed)),
        ("forget", call(Function::Forget, user, &format!("/api/runtimes/{runtime}"), &nothing)),
        ("deregister", call(Function::Deregister, daemon, "/api/daemon/deregister", &deregistration)),
        ("workspaces", call(Function::Workspaces, daemon, "/api/daemon/workspaces", &nothing)),
        ("administer", call(Function::Enrol, Scope::Admin, "/api/enrolments", &enrolment)),
        ("redeem", call(Function::Redeem, daemon, "/api/enrolments/redeem", &redemption)),
        ("page", call(Function::Page, user, "/", &nothing)),
        ("connect", connect_event()),
        ("presence", presence_event()),
    ]
}

/// The client id of the daemon of the registration event.
fn client() -> ClientId {
    let daemon = "my-laptop".to_owned().try_into().unwrap();
    ClientId::new(&DEPLOYMENT.parse().unwrap(), WORKSPACE_A.parse().unwrap(), &daemon)
}

/// IoT Core's event for MQTT without a signature (AWS, "Defining your Lambda function"), with the dev token of a daemon.
fn connect_event() -> Value {
    json!({
        "signatureVerified": false,
        "protocols": ["tls", "mqtt"],
        "protocolData": {
            "tls": {"serverName": "example-ats.iot.eu-west-1.amazonaws.com"},
            "mqtt": {
                "username": "doorbell?x-amz-customauthorizer-name=doorbell-PushAuthorizer",
                "password": STANDARD.encode(TOKEN),
                "clientId": client().as_str(),
            },
        },
        "connectionMetadata": {"id": "0f1e2d3c-4b5a-4968-8776-655443322110"},
    })
}

/// What the rule selects of IoT Core's event (AWS, "Lifecycle events").
fn presence_event() -> Value {
    json!({"clientId": client().as_str()})
}

/// The fields of an authorizer event that ours reads, with an unknown token.
fn authorizer() -> Value {
    json!({
        "version": "2.0",
        "type": "REQUEST",
        "routeKey": "GET /api/runtimes",
        "identitySource": ["Bearer dbu_example"],
        "headers": {"authorization": "Bearer dbu_example"},
        "requestContext": {"requestId": "test"},
    })
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events").join(format!("{name}.json"))
}

#[test]
fn events_match_gateway() {
    for (name, event) in events() {
        if std::env::var_os("DOORBELL_WRITE_EVENTS").is_some() {
            std::fs::write(file(name), format!("{event:#}\n")).unwrap();
        }
        let checked_in: Value = serde_json::from_slice(&std::fs::read(file(name)).unwrap()).unwrap();
        assert_eq!(checked_in, event, "{name}");
    }
}

#[test]
fn exactly_one_event_per_function() {
    let mut expected: Vec<_> = events().into_iter().map(|(name, _)| file(name)).collect();
    let folder = std::fs::read_dir(file("any").parent().unwrap()).unwrap();
    let mut found: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    expected.sort();
    found.sort();
    assert_eq!(expected, found);
}

#[test]
fn authorizer_event_parses() {
    let event: AuthorizerEvent = serde_json::from_value(authorizer()).unwrap();
    assert_eq!(event.bearer(), Some("dbu_example"));
}

#[tokio::test(start_paused = true)]
async fn connect_event_is_authenticated() {
    let state = AppState::new(MemoryStore::default());
    doorbell_gateway::issue_dev_tokens(&state.store, state.clock.now()).await.unwrap();
    let scope = ConnectionScope {
        deployment: DEPLOYMENT.parse().unwrap(),
        arn_prefix: "arn:aws:iot:eu-west-1:123456789012".to_owned(),
    };
    let event: ConnectEvent = serde_json::from_value(connect_event()).unwrap();
    let decision = connect::handle(&state, &scope, &event).await.unwrap();
    let decision = serde_json::to_value(decision).unwrap();
    assert_eq!(decision["isAuthenticated"], true, "{decision}");
    let policy: Value = serde_json::from_str(decision["policyDocuments"][0].as_str().unwrap()).unwrap();
    let client = format!("arn:aws:iot:eu-west-1:123456789012:client/{}", client());
    assert_eq!(policy["Statement"][0]["Resource"], client, "{policy}");
}

/// The event names the client of the leases that a daemon has proven.
#[tokio::test(start_paused = true)]
async fn presence_event_finds_leases() {
    let push = Arc::new(ScriptedPush::default());
    let channel = PushChannel { deployment: DEPLOYMENT.parse().unwrap(), ..push.channel() };
    let state = AppState { push: Some(channel), ..AppState::new(MemoryStore::default()) };
    let call = async |function, path: &str, body: Value| -> Value {
        let response = invoke(function, &state, &state, &event(function, Scope::Daemon, path, &body)).await;
        serde_json::from_slice(response.body()).unwrap()
    };
    let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "my-laptop", "push": true, "runtimes": [{"type": "codex"}]});
    let registered = call(Function::Register, "/api/daemon/register", body).await;
    let runtime = &registered["runtimes"][0]["id"];
    let body = json!({"runtimes": [{"id": runtime}], "push": {"connected": true}});
    call(Function::Heartbeat, "/api/daemon/heartbeat", body).await;
    push.take();
    let lost: DisconnectedEvent = serde_json::from_value(presence_event()).unwrap();
    presence::handle(&state, &lost).await.unwrap();
    assert_eq!(push.take(), [PushCall::IsConnected(client())]);
}
