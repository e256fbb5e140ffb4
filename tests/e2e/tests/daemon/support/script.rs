//! What a call was, and what is made of it.

use std::time::Duration;

use doorbell_protocol::RuntimeId;
use serde_json::{Value, json};

use super::{DEREGISTER, HEARTBEAT, REGISTER, runtime};

/// One call, as the server saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordedCall {
    /// When it was begun, since the server was started.
    pub(crate) at: Duration,
    /// Method and path.
    pub(crate) method: String,
    pub(crate) path: String,
    /// Every `Authorization`.
    pub(crate) authorization: Vec<String>,
    pub(crate) body: Value,
    /// How many calls to the same path came before; of a beat, how many of the same runtime.
    pub(crate) nth: usize,
}

impl RecordedCall {
    /// Whether it is a beat of the agent of that type.
    pub(crate) fn is_beat_of(&self, provider: &str) -> bool {
        self.path == HEARTBEAT && self.body["runtime_id"] == runtime(provider).to_string()
    }
}

/// What the script lets happen to a call.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// What Doorbell answers as a rule.
    Usual,
    /// Status and JSON.
    Json(u16, Value),
    /// Status and something that is not JSON.
    Html(u16),
    /// The connection is closed without an answer.
    Broken,
    /// Nothing is ever answered.
    Hang,
    /// The rest, after so long.
    After(Duration, Box<Reply>),
}

impl Reply {
    /// An error as Doorbell words it.
    pub(crate) fn error(status: u16, text: &str) -> Self {
        Self::Json(status, json!({ "error": text }))
    }

    /// The answer to a beat that collects `request`.
    pub(crate) fn pending(request: &str) -> Self {
        Self::Json(200, json!({"status": "ok", "pending_model_list": {"id": request}}))
    }

    pub(crate) fn after(self, time: Duration) -> Self {
        Self::After(time, Box::new(self))
    }
}

/// What Doorbell answers to `call` as a rule.
pub(super) fn usual(call: &Call) -> Value {
    match call.path.as_str() {
        REGISTER => registered(&call.body),
        HEARTBEAT | DEREGISTER => json!({"status": "ok"}),
        path if path.ends_with("/result") => json!({"status": "ok"}),
        path => panic!("Doorbell has no {path}"),
    }
}

fn registered(body: &Value) -> Value {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (workspace, daemon) = (text(&body["workspace_id"]), text(&body["daemon_id"]));
    let record = |runtime: &Value| {
        let (provider, profile) = (text(&runtime["type"]), text(&runtime["profile_id"]));
        let time = "2026-11-22T03:41:07.123Z";
        json!({
            "id": RuntimeId::derive(workspace.parse().unwrap(), &daemon, &provider, &profile),
            "workspace_id": workspace, "daemon_id": daemon, "name": runtime["name"], "provider": provider,
            "status": "online", "last_seen_at": time, "created_at": time, "updated_at": time,
        })
    };
    let records: Vec<_> = body["runtimes"].as_array().unwrap().iter().map(record).collect();
    json!({"runtimes": records, "repos": [], "repos_version": "", "settings": {}})
}
