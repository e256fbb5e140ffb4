//! Records of requests of any kind and of runtimes, and commands against a scripted server.

use std::time::Duration;

use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer};
use serde_json::{Value, json};

use super::api::WORKSPACE_A;
use super::machine::Machine;
use super::process::Ended;
use super::records::RUNTIME;
use super::with_timeout;

pub const REQUEST: &str = "0193510a2b3c7d4e8f90a1b2c3d4e5f6";
pub const TIME: &str = "2026-11-22T03:41:07.123Z";

/// A record of kind `disk_usage` with `more` fields, as text: values keep their spelling.
pub fn record(status: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{REQUEST}","runtime_id":"{RUNTIME}","kind":"disk_usage","status":"{status}"{more},
            "created_at":"{TIME}","updated_at":"{TIME}"}}"#
    )
}

pub fn reply(status: &str, more: &str) -> Reply {
    Reply::Bytes(200, record(status, more).into_bytes())
}

/// The id of the runtime `number`.
pub fn id(number: usize) -> String {
    format!("00000000-0000-5000-8000-{number:012}")
}

pub fn listed(number: usize, provider: &str, more: Value) -> Value {
    let mut record = json!({
        "id": id(number), "workspace_id": WORKSPACE_A, "daemon_id": "box", "name": format!("R{number}"),
        "provider": provider, "status": "online", "last_seen_at": TIME, "created_at": TIME, "updated_at": TIME,
    });
    if let (Value::Object(record), Value::Object(more)) = (&mut record, more) {
        record.extend(more);
    }
    record
}

pub fn disk_usage() -> Value {
    json!({"questions": [{"name": "disk_usage", "timeout_s": 1}]})
}

pub fn number_of(call: &ScriptedCall) -> usize {
    call.path.split('/').nth(3).unwrap().rsplit('-').next().unwrap().parse().unwrap()
}

pub async fn run(server: &ScriptedServer, arguments: &[&str]) -> Ended {
    Machine::new().run(&[arguments, &["--url", &server.url()]].concat()).await
}

pub fn text(ended: &Ended) -> (Option<i32>, &str, &str) {
    (ended.code, &ended.stdout, &ended.stderr)
}

/// Waits until the server has had `count` calls.
pub async fn calls(server: &ScriptedServer, count: usize) {
    let arrived = async {
        while server.calls().len() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    with_timeout("calls", arrived).await;
}
