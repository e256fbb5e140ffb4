//! Batches of which DynamoDB processes only a part, in virtual time.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorbell_shared::clock::Stopwatch;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Fault, Interceptor, TABLE};
use serde_json::{Value, json};

use crate::listing::fixtures::{Caller, Page, ids, seed, workspaces};

const RUNTIMES: usize = 250;

/// Processes up to `keys` keys of each of the first `calls` batches. Calls run inline, so none comes between a request and its
/// response.
#[derive(Debug)]
struct PartialBatches {
    keys: usize,
    calls: usize,
    seen: AtomicUsize,
    left: Mutex<Option<Vec<Value>>>,
}

impl PartialBatches {
    fn new(keys: usize, calls: usize) -> Arc<Self> {
        Arc::new(Self { keys, calls, seen: AtomicUsize::default(), left: Mutex::default() })
    }
}

impl Interceptor for PartialBatches {
    fn fault(&self, _operation: &str) -> Fault {
        Fault::None
    }

    fn request<'b>(&self, operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        if operation != "BatchGetItem" || self.seen.fetch_add(1, Ordering::SeqCst) >= self.calls {
            return Cow::Borrowed(body);
        }
        let mut request: Value = serde_json::from_slice(body).unwrap();
        let keys = request["RequestItems"][TABLE]["Keys"].as_array_mut().unwrap();
        // The engine rejects a batch without keys, so at least one is read; its item is removed from the response.
        let left = keys.split_off(self.keys.max(1).min(keys.len()));
        let first = if self.keys == 0 { keys.clone() } else { Vec::new() };
        *self.left.lock().unwrap() = Some([first, left].concat());
        Cow::Owned(request.to_string().into_bytes())
    }

    fn response(&self, operation: &str, body: String) -> String {
        let left = self.left.lock().unwrap().take().filter(|left| !left.is_empty());
        let Some(left) = left.filter(|_| operation == "BatchGetItem") else { return body };
        let mut response: Value = serde_json::from_str(&body).unwrap();
        if self.keys == 0 {
            response["Responses"] = json!({TABLE: []});
        }
        response["UnprocessedKeys"] = json!({TABLE: {"Keys": left, "ConsistentRead": true}});
        response.to_string()
    }
}

/// A list on such a table: the page, whether it has all runtimes, and the time that it took.
async fn list(batches: &Arc<PartialBatches>) -> (Page, Duration) {
    // The store draws its waits from it.
    fastrand::seed(7);
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let workspaces = workspaces(1);
    let seeded = seed(&engine, &workspaces, RUNTIMES, "a").await;
    let caller = Caller::with_interceptor(&engine, Arc::<PartialBatches>::clone(batches), &workspaces);
    let running = Stopwatch::start();
    let page = caller.list("/api/runtimes").await;
    let took = running.elapsed();
    if page.status == 200 {
        assert_eq!(ids(std::slice::from_ref(&page)), seeded);
    }
    (page, took)
}

#[tokio::test(start_paused = true)]
async fn unprocessed_keys_are_read_later() {
    for keys in [30, 99] {
        let batches = PartialBatches::new(keys, usize::MAX);
        let (page, _) = list(&batches).await;
        assert_eq!(page.status, 200, "{}", page.records);
    }
}

/// Without waits, all tries meet the same throttling.
#[tokio::test(start_paused = true)]
async fn waits_before_reading_unprocessed_keys() {
    let batches = PartialBatches::new(0, 15);
    let (page, took) = list(&batches).await;
    assert_eq!(page.status, 200, "{}", page.records);
    // Three batches of six calls each: five waits of up to 50, 100, 200, 400 and 800 ms.
    assert!((Duration::from_millis(100)..=Duration::from_millis(1_550)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn keys_that_stay_unprocessed_fail_in_time() {
    let batches = PartialBatches::new(0, usize::MAX);
    let (page, took) = list(&batches).await;
    assert_eq!((page.status, &page.records), (500, &json!({"error": "failed to list runtimes"})));
    assert!((Duration::from_millis(100)..=Duration::from_secs(3)).contains(&took), "{took:?}");
    let calls = batches.seen.load(Ordering::SeqCst);
    assert!((7..=21).contains(&calls), "{calls} calls");
}
