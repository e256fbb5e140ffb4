//! The interceptor of the suites: injects one fault, and rewrites calls.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use doorbell_shared::store::dynamodb::embedded::{Fault, Interceptor, RecordedCall};
use serde_json::Value;

/// Rewrites requests or responses.
pub(crate) trait Rewrite: fmt::Debug + Send + Sync {
    fn request<'b>(&self, _operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        Cow::Borrowed(body)
    }
    fn response(&self, _operation: &str, body: String) -> String {
        body
    }
}

#[derive(Debug)]
pub(crate) struct Unchanged;

impl Rewrite for Unchanged {}

/// A fault of one call, or of that call and all later ones.
#[derive(Debug)]
pub(crate) struct PlannedFault {
    pub(crate) nth: usize,
    pub(crate) fault: Fault,
    pub(crate) lasting: bool,
}

/// Injects a fault, and counts retries whose condition failed because of their own first try.
#[derive(Debug)]
pub(crate) struct FaultInjector {
    planned: Option<PlannedFault>,
    rewrite: Arc<dyn Rewrite>,
    calls: AtomicUsize,
    bodies: Mutex<Vec<Vec<u8>>>,
    retries_rejected: AtomicUsize,
}

impl FaultInjector {
    pub(crate) fn new(planned: Option<PlannedFault>, rewrite: Arc<dyn Rewrite>) -> Self {
        Self {
            planned,
            rewrite,
            calls: AtomicUsize::new(0),
            bodies: Mutex::default(),
            retries_rejected: AtomicUsize::new(0),
        }
    }

    /// All calls, retries included.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The retries whose failed condition returned the item that their own first try had written.
    pub(crate) fn retries_rejected(&self) -> usize {
        self.retries_rejected.load(Ordering::SeqCst)
    }
}

impl Interceptor for FaultInjector {
    fn fault(&self, _operation: &str) -> Fault {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        match &self.planned {
            Some(planned) if number == planned.nth || planned.lasting && number > planned.nth => {
                planned.fault
            }
            _ => Fault::None,
        }
    }

    fn request<'b>(&self, operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        self.bodies.lock().unwrap().push(body.to_vec());
        self.rewrite.request(operation, body)
    }

    fn applied(&self, _call: RecordedCall) {}

    fn response(&self, operation: &str, body: String) -> String {
        let bodies = self.bodies.lock().unwrap();
        let is_retry = bodies.iter().filter(|body| Some(*body) == bodies.last()).count() > 1;
        if is_retry && rejected_with_item(&body).is_some() {
            self.retries_rejected.fetch_add(1, Ordering::SeqCst);
        }
        self.rewrite.response(operation, body)
    }
}

/// The response of a failed condition that returned the stored item.
fn rejected_with_item(body: &str) -> Option<Value> {
    let response: Value = serde_json::from_str(body).unwrap();
    let rejected =
        response["__type"].as_str().is_some_and(|name| name.ends_with("ConditionalCheckFailedException"));
    (rejected && response.get("Item").is_some()).then_some(response)
}

/// Removes the stored item from failed conditions, and with it the idempotency token.
#[derive(Debug)]
pub(crate) struct HideStoredItem;

impl Rewrite for HideStoredItem {
    fn response(&self, _operation: &str, body: String) -> String {
        match rejected_with_item(&body) {
            Some(mut response) => {
                response.as_object_mut().unwrap().remove("Item");
                response.to_string()
            }
            None => body,
        }
    }
}
