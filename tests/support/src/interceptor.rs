//! Interceptors of the embedded engine.

use std::collections::BTreeSet;
use std::time::Duration;

use doorbell_shared::store::dynamodb::embedded::{Fault, Interceptor, ServiceError};

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
/// DynamoDB transactions"), and ours consist of puts.
#[derive(Debug)]
pub struct AllowOnly(pub BTreeSet<String>);

impl Interceptor for AllowOnly {
    fn fault(&self, operation: &str) -> Fault {
        let action = if operation == "TransactWriteItems" { "PutItem" } else { operation };
        if self.0.contains(action) { Fault::None } else { Fault::Rejected(ServiceError::AccessDenied) }
    }
}
