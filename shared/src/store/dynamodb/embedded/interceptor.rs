//! Interceptors of the calls between the SDK and the engine.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The fault of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Applied and answered after a delay.
    Delayed(Duration),
    /// Not applied: the connection is closed.
    Unreachable,
    /// Not applied: answered with an error.
    Rejected(ServiceError),
    /// Applied; the response is lost.
    ResponseLost,
    /// Applied; the response is delayed.
    ResponseDelayed(Duration),
    /// Applied; half of the response arrives.
    ResponseCut,
    /// Applied; answered with an error.
    ResponseReplaced(ServiceError),
}

/// An error response that DynamoDB may give to any call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceError {
    Throttled,
    /// IAM's response to an action that no policy allows.
    AccessDenied,
    Internal,
}

/// A call that was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedCall {
    /// DynamoDB's name of the operation.
    pub operation: String,
    /// The consumed request units: write units of a write, read units of a read.
    pub units: f64,
    pub request_bytes: usize,
    /// The length of the response body without its consumed units.
    pub response_bytes: usize,
}

/// Intercepts every call, the SDK's retries included.
pub trait Interceptor: fmt::Debug + Send + Sync {
    /// The fault of a call of `operation`.
    fn fault(&self, operation: &str) -> Fault;
    /// May change the request body before the call is applied.
    fn request<'b>(&self, _operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        Cow::Borrowed(body)
    }
    /// Receives each applied call.
    fn applied(&self, _call: RecordedCall) {}
    /// May change the response body.
    fn response(&self, _operation: &str, body: String) -> String {
        body
    }
}

/// Records calls with their request units and bytes.
#[derive(Debug, Default)]
pub struct CallRecorder(Mutex<Vec<RecordedCall>>);

impl CallRecorder {
    /// The calls since the last `take`.
    pub fn take(&self) -> Vec<RecordedCall> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Interceptor for CallRecorder {
    fn fault(&self, _operation: &str) -> Fault {
        Fault::None
    }

    fn applied(&self, call: RecordedCall) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}
