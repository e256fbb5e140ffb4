//! Request records for scripted servers.

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::{Value, json};

/// The runtime of [`record`]s.
pub const RUNTIME: &str = "5f0c1b52-6c0e-5d0a-9a5e-0d9f7a1c2b3d";

/// A request's record with `status` and `more` fields.
pub fn record(status: &str, more: Value) -> Value {
    let mut record = json!({
        "id": "0193510a2b3c7d4e8f90a1b2c3d4e5f6", "runtime_id": RUNTIME, "status": status, "supported": true,
        "created_at": "2026-11-22T03:41:07.123Z", "updated_at": "2026-11-22T03:41:07.123Z",
    });
    if let (Value::Object(record), Value::Object(more)) = (&mut record, more) {
        record.extend(more);
    }
    record
}

/// A server that answers each call with a completed record with `more` fields.
pub async fn completed(more: Value) -> ScriptedServer {
    ScriptedServer::replying(Reply::Json(200, record("completed", more))).await
}
