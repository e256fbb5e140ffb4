//! Taps for the embedded engine: what goes wrong between the SDK and the table, on purpose.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use doorbell_shared::store::dynamodb::embedded::{Passage, Tap};

/// Loses the answer of the first call of an operation: it is applied, and the SDK tries again.
#[derive(Debug)]
pub struct LoseFirstAnswer {
    operation: &'static str,
    calls: AtomicUsize,
}

impl LoseFirstAnswer {
    /// Of calls of `operation`.
    pub fn of(operation: &'static str) -> Self {
        Self { operation, calls: AtomicUsize::new(0) }
    }

    /// How often the operation was called, the SDK's own retries included.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Tap for LoseFirstAnswer {
    fn pass(&self, operation: &str) -> Passage {
        if operation != self.operation {
            return Passage::Through;
        }
        match self.calls.fetch_add(1, Ordering::SeqCst) {
            0 => Passage::AnswerLost,
            _ => Passage::Through,
        }
    }
}

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
        if self.0.contains(operation) { Passage::Through } else { Passage::Denied }
    }
}
