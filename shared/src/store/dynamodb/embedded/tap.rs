//! What sees every call between the SDK and the engine.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It is carried out and answered.
    Through,
    /// It is carried out after a while.
    Delayed(Duration),
    /// It is not carried out: the connection is closed before.
    Unreachable,
    /// It is not carried out, and answered with a failure.
    Refused(Failure),
    /// It is carried out, and the answer is lost.
    AnswerLost,
    /// It is carried out, and answered after a while.
    AnswerDelayed(Duration),
    /// It is carried out, and half of the answer arrives.
    AnswerCut,
    /// It is carried out, and answered with a failure.
    AnswerReplaced(Failure),
}

/// A failure that DynamoDB may answer any call with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The table is asked for more than it gives.
    Throttled,
    /// The caller may not make it: IAM's answer to an action that no policy allows.
    Denied,
    /// Something broke inside.
    Internal,
}

/// A call that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The operation's name, as DynamoDB spells it.
    pub operation: String,
    /// The request units that the engine says it consumed: write units of a write, read units of a read.
    pub units: f64,
    /// How long the body of the request was.
    pub asked_bytes: usize,
    /// How long the body of the answer was, without what is said of units.
    pub answered_bytes: usize,
}

/// Sees every try of every call, the SDK's own retries included.
pub trait Tap: fmt::Debug + Send + Sync {
    /// Says what becomes of a call of `operation`.
    fn pass(&self, operation: &str) -> Passage;
    /// May change the body of what is asked before it is carried out.
    fn asked<'b>(&self, _operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        Cow::Borrowed(body)
    }
    /// Is told of a call that was carried out.
    fn answered(&self, _call: Call) {}
    /// May change the body of what is answered.
    fn answer(&self, _operation: &str, body: String) -> String {
        body
    }
}

/// Counts calls, the units they consume and the bytes they carry.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Vec<Call>>);

impl Meter {
    /// The calls since the last time this was asked.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tap for Meter {
    fn pass(&self, _operation: &str) -> Passage {
        Passage::Through
    }

    fn answered(&self, call: Call) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}
