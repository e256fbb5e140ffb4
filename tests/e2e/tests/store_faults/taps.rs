//! What goes wrong between the SDK and the table, on purpose. Taps stand in a row: each passes on what it leaves alone.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use doorbell_shared::store::dynamodb::embedded::{Call, Fault, Interceptor};
use serde_json::Value;

/// Changes what is asked or answered.
pub(crate) trait Alter: fmt::Debug + Send + Sync {
    fn asked<'b>(&self, _operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        Cow::Borrowed(body)
    }
    fn answer(&self, _operation: &str, body: String) -> String {
        body
    }
}

/// Changes nothing.
#[derive(Debug)]
pub(crate) struct AsItIs;

impl Alter for AsItIs {}

/// Something happens to one call, or to all from that one on.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The first call that it happens to.
    pub(crate) nth: usize,
    pub(crate) passage: Fault,
    /// Whether it happens to all later calls as well.
    pub(crate) lasting: bool,
}

/// Injects a fault, and remembers whether a write was refused that was asked before: that its own first try had made it so.
#[derive(Debug)]
pub(crate) struct Faulty {
    fault: Option<Fault>,
    alter: Arc<dyn Alter>,
    calls: AtomicUsize,
    bodies: Mutex<Vec<Vec<u8>>>,
    refused_by_itself: AtomicUsize,
}

impl Faulty {
    pub(crate) fn new(fault: Option<Fault>, alter: Arc<dyn Alter>) -> Self {
        let (calls, refused_by_itself) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { fault, alter, calls, bodies: Mutex::default(), refused_by_itself }
    }

    /// The tries of all calls.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// How often a retry was refused and handed the item that its own first try had written.
    pub(crate) fn refused_by_itself(&self) -> usize {
        self.refused_by_itself.load(Ordering::SeqCst)
    }
}

impl Interceptor for Faulty {
    fn pass(&self, _operation: &str) -> Fault {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        match &self.fault {
            Some(fault) if number == fault.nth || fault.lasting && number > fault.nth => fault.passage,
            _ => Fault::None,
        }
    }

    fn asked<'b>(&self, operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        self.bodies.lock().unwrap().push(body.to_vec());
        self.alter.asked(operation, body)
    }

    fn answered(&self, _call: Call) {}

    fn answer(&self, operation: &str, body: String) -> String {
        let bodies = self.bodies.lock().unwrap();
        let again = bodies.iter().filter(|body| Some(*body) == bodies.last()).count() > 1;
        if again && refused_item(&body).is_some() {
            self.refused_by_itself.fetch_add(1, Ordering::SeqCst);
        }
        self.alter.answer(operation, body)
    }
}

/// A refused write's answer, if it says how the item stands.
fn refused_item(body: &str) -> Option<Value> {
    let answer: Value = serde_json::from_str(body).unwrap();
    let refused =
        answer["__type"].as_str().is_some_and(|name| name.ends_with("ConditionalCheckFailedException"));
    (refused && answer.get("Item").is_some()).then_some(answer)
}

/// Keeps from a refused write how the item stands, so that no mark can be seen in it.
#[derive(Debug)]
pub(crate) struct HiddenMarks;

impl Alter for HiddenMarks {
    fn answer(&self, _operation: &str, body: String) -> String {
        match refused_item(&body) {
            Some(mut answer) => {
                answer.as_object_mut().unwrap().remove("Item");
                answer.to_string()
            }
            None => body,
        }
    }
}
