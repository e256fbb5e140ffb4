//! Taps for the embedded engine: what goes wrong between the SDK and the table, on purpose.

use std::collections::BTreeSet;
use std::time::Duration;

use doorbell_shared::store::dynamodb::embedded::{Failure, Passage, Tap};

/// Delays every call of an operation.
#[derive(Debug)]
pub struct Slow {
    /// Which.
    pub operation: &'static str,
    /// By how much.
    pub delay: Duration,
}

impl Tap for Slow {
    fn pass(&self, operation: &str) -> Passage {
        if operation == self.operation { Passage::Delayed(self.delay) } else { Passage::Through }
    }
}

/// Denies every operation that a policy does not name, as IAM would.
#[derive(Debug)]
pub struct Policy(pub BTreeSet<String>);

impl Tap for Policy {
    fn pass(&self, operation: &str) -> Passage {
        if self.0.contains(operation) { Passage::Through } else { Passage::Refused(Failure::Denied) }
    }
}
