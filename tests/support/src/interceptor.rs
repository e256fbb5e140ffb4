//! Interceptors of the embedded engine.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use doorbell_shared::store::dynamodb::embedded::{Fault, Interceptor, ServiceError};
use serde_json::Value;

/// Delays every call of an operation.
#[derive(Debug)]
pub struct Delay {
    pub operation: &'static str,
    pub delay: Duration,
}

impl Interceptor for Delay {
    fn fault(&self, operation: &str) -> Fault {
        if operation == self.operation { Fault::Delayed(self.delay) } else { Fault::None }
    }
}

/// Delays every call.
#[derive(Debug)]
pub struct SlowStore(pub Duration);

impl Interceptor for SlowStore {
    fn fault(&self, _operation: &str) -> Fault {
        Fault::Delayed(self.0)
    }
}

/// Denies every other operation, as IAM does. A transaction needs the permissions of its parts (AWS, "Managing complex workflows with
/// DynamoDB transactions").
#[derive(Debug)]
pub struct AllowOnly(pub BTreeSet<String>);

const TRANSACTION: &str = "TransactWriteItems";

impl AllowOnly {
    /// Whether each part of a transaction is allowed: `{"Put": …}` needs `PutItem`.
    fn allows_parts(&self, body: &[u8]) -> bool {
        let body: Value = serde_json::from_slice(body).unwrap();
        let mut parts = body["TransactItems"].as_array().unwrap().iter();
        let is_allowed = |kind: &String| self.0.contains(&format!("{kind}Item"));
        parts.all(|part| part.as_object().unwrap().keys().all(is_allowed))
    }
}

impl Interceptor for AllowOnly {
    fn fault(&self, operation: &str) -> Fault {
        let is_allowed = operation == TRANSACTION || self.0.contains(operation);
        if is_allowed { Fault::None } else { Fault::Rejected(ServiceError::AccessDenied) }
    }

    /// The engine rejects a transaction without a readable body.
    fn request<'b>(&self, operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        let is_allowed = operation != TRANSACTION || self.allows_parts(body);
        Cow::Borrowed(if is_allowed { body } else { b"denied" })
    }
}
