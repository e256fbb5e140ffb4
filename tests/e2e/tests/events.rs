//! The events under `tests/events/`, one for each function, for `sam local invoke` and `cargo lambda invoke`.
//!
//! The local gateway builds them. They are checked in so that they can be used without a build.
//! `DOORBELL_WRITE_EVENTS=1 cargo test -p doorbell-e2e --test events` writes them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use doorbell_functions::auth::AuthorizerEvent;
use doorbell_gateway::WORKSPACE_A;
use doorbell_protocol::Scope;
use doorbell_protocol::Timestamp;
use doorbell_shared::http::routes::Function;
use doorbell_test_support::event::{caller, event_json};
use serde_json::{Value, json};

/// A request that does not exist.
const REQUEST: &str = "0193c0de000070008000000000000001";

/// A fixed time, so that the files stay the same: 2026-11-22T03:41:07.123Z.
fn now() -> Timestamp {
    Timestamp::from_millis(1_795_318_867_123).unwrap()
}

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
    ]
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
