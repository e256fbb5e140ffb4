//! The history in a request's item: who rang, claimed and reported, without a further call, and how `find_request` reads it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_protocol::limits::{ARGS_BYTES, PENDING_DEADLINE, RESULT_BYTES, RETENTION, RUNNING_DEADLINE};
use doorbell_protocol::{RequestId, Timestamp};
use doorbell_shared::access::Principal;
use doorbell_shared::catalog::CatalogUpdate;
use doorbell_shared::limits::{HISTORY_DELIVERIES, HISTORY_SUBJECT_BYTES};
use doorbell_shared::presence::HeartbeatChannel;
use doorbell_shared::request::{
    Address, ClaimFilter, Ending, HistorySubject, KindFilter, Payload, RequestHistory, RequestOutcome, State,
    TimeoutReason,
};
use doorbell_shared::store::conformance::{Replicas, TestContext};
use doorbell_shared::store::dynamodb::embedded::{CallRecorder, EmbeddedDynamoDb, TABLE};
use doorbell_shared::store::dynamodb::{DynamoDbStore, FoundRequest};
use doorbell_shared::store::{ClaimOutcome, InitiateOutcome, ReportOutcome, Store as _};

const MILLISECOND: Duration = Duration::from_millis(1);
/// The shortest time between two deliveries: a lease *older than* 5 s is replaced.
const REDELIVERY: Duration = Duration::from_millis(5_001);

/// A runtime, and callers with subjects.
struct Fixture {
    engine: EmbeddedDynamoDb,
    test: TestContext<DynamoDbStore>,
}

impl Fixture {
    async fn new() -> Self {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let test = TestContext::new(Replicas { replica_a: engine.store(), replica_b: engine.store() }).await;
        Self { engine, test }
    }

    fn caller(&self, subject: &str) -> Principal {
        Principal { subject: subject.to_owned(), ..self.test.caller.clone() }
    }

    async fn ring(&self, subject: &str, now: Timestamp) -> Address {
        let ring = self.test.new_ring(now);
        match self.test.replica_a.initiate(&ring, &self.caller(subject), now).await.unwrap() {
            InitiateOutcome::Enqueued(request, _) => request.address,
            other => panic!("not rung: {other:?}"),
        }
    }

    /// Claims a pending request, or one with a lost lease.
    async fn claim(&self, subject: &str, address: Address, now: Timestamp) {
        let token = self.test.lease_token();
        let filter = ClaimFilter::PendingOrLost;
        let caller = self.caller(subject);
        let claim = self.test.replica_a.claim(address, &caller, filter, token, now).await.unwrap();
        assert!(matches!(claim, ClaimOutcome::Won(_)), "{claim:?}");
    }

    /// Claims once, and then redelivers as soon as possible; returns the time of the last delivery.
    async fn deliver(&self, subject: &str, address: Address, deliveries: usize) -> Timestamp {
        let mut now = self.test.start;
        self.claim(subject, address, now).await;
        for _ in 1..deliveries {
            now = now + REDELIVERY;
            self.claim(subject, address, now).await;
        }
        now
    }

    async fn report(&self, subject: &str, address: Address, result: String, now: Timestamp) -> ReportOutcome {
        let outcome = RequestOutcome::Completed(Payload::try_from(result).unwrap());
        self.test
            .replica_a
            .report(address, KindFilter::Any, &self.caller(subject), &outcome, CatalogUpdate::Keep, now)
            .await
            .unwrap()
    }

    async fn find(&self, request: RequestId, now: Timestamp) -> Option<FoundRequest> {
        self.test.replica_b.find_request(self.test.workspace, None, request, now).await.unwrap()
    }

    async fn history(&self, address: Address, now: Timestamp) -> RequestHistory {
        self.find(address.request, now).await.unwrap().history
    }

    async fn item(&self, address: Address) -> HashMap<String, AttributeValue> {
        let get = self.engine.client(None).get_item().table_name(TABLE).set_key(Some(key(address)));
        get.send().await.unwrap().item.unwrap()
    }

    /// Moves the first claim of a request, so that its deadline allows more redeliveries than it otherwise would.
    async fn set_claimed_at(&self, address: Address, claimed_at: Timestamp) {
        let update = self.engine.client(None).update_item().table_name(TABLE).set_key(Some(key(address)));
        let report_by = AttributeValue::N((claimed_at + RUNNING_DEADLINE).millis().to_string());
        let claimed_at = AttributeValue::N(claimed_at.millis().to_string());
        let update = update.update_expression("SET claimed_at = :claimed_at, report_by = :report_by");
        let update = update.expression_attribute_values(":report_by", report_by);
        update.expression_attribute_values(":claimed_at", claimed_at).send().await.unwrap();
    }
}

fn key(address: Address) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(format!("runtime#{}", address.runtime))),
        ("sk".to_owned(), AttributeValue::S(format!("request#{}", address.request))),
    ])
}

fn subjects(history: &RequestHistory) -> [Option<&str>; 2] {
    [&history.asked_by, &history.reported_by].map(|subject| subject.as_ref().map(HistorySubject::as_str))
}

fn deliveries(history: &RequestHistory, start: Timestamp) -> Vec<(u128, u32, &str)> {
    let delivery = |lease: &doorbell_shared::request::DeliveryRecord| lease.at.since(start).as_millis();
    history.deliveries.iter().map(|lease| (delivery(lease), lease.attempt, lease.by.as_str())).collect()
}

#[tokio::test]
async fn keeps_subjects_of_ring_claim_and_report() {
    let fixture = Fixture::new().await;
    let start = fixture.test.start;
    let address = fixture.ring("alice", start).await;
    assert_eq!(subjects(&fixture.history(address, start).await), [Some("alice"), None]);

    fixture.claim("laptop", address, fixture.test.at(2)).await;
    fixture.claim("laptop 2", address, fixture.test.at(8)).await;
    fixture.report("laptop 3", address, "{}".to_owned(), fixture.test.at(9)).await;

    let history = fixture.history(address, fixture.test.at(10)).await;
    assert_eq!(subjects(&history), [Some("alice"), Some("laptop 3")]);
    assert_eq!(deliveries(&history, start), [(2_000, 1, "laptop"), (8_000, 2, "laptop 2")]);
    assert_eq!(history.claimed_at, Some(fixture.test.at(2)));
    assert_eq!(history.ending(fixture.test.at(10)), Ending::Reported { at: fixture.test.at(9) });
}

/// A later report is ignored, with its subject.
#[tokio::test]
async fn stale_report_keeps_reporter() {
    let fixture = Fixture::new().await;
    let address = fixture.ring("alice", fixture.test.start).await;
    fixture.report("first", address, "{}".to_owned(), fixture.test.at(1)).await;
    assert_eq!(
        fixture.report("second", address, "[]".to_owned(), fixture.test.at(2)).await,
        ReportOutcome::Stale
    );
    let history = fixture.history(address, fixture.test.at(3)).await;
    assert_eq!(subjects(&history), [Some("alice"), Some("first")]);
}

#[tokio::test]
async fn lost_claim_keeps_deliveries() {
    let fixture = Fixture::new().await;
    let address = fixture.ring("alice", fixture.test.start).await;
    fixture.claim("winner", address, fixture.test.at(1)).await;
    let token = fixture.test.lease_token();
    let other = fixture.caller("loser");
    for (filter, second) in [(ClaimFilter::Pending, 7), (ClaimFilter::PendingOrLost, 6)] {
        let claim = fixture.test.replica_b.claim(address, &other, filter, token, fixture.test.at(second));
        assert_eq!(claim.await.unwrap(), ClaimOutcome::Lost);
    }
    let history = fixture.history(address, fixture.test.at(8)).await;
    assert_eq!(deliveries(&history, fixture.test.start), [(1_000, 1, "winner")]);
}

/// The deadline allows 12 deliveries, and the list holds as many.
#[tokio::test]
async fn keeps_every_delivery_within_deadline() {
    let fixture = Fixture::new().await;
    let address = fixture.ring("alice", fixture.test.start).await;
    let last = fixture.deliver("laptop", address, HISTORY_DELIVERIES).await;
    let attempts: Vec<_> =
        fixture.history(address, last).await.deliveries.iter().map(|d| d.attempt).collect();
    assert_eq!(attempts, (1..=12).collect::<Vec<_>>());
    let late = fixture.test.try_claim(ClaimFilter::PendingOrLost, address, last + REDELIVERY).await;
    assert_eq!(late, ClaimOutcome::Lost);
}

#[tokio::test]
async fn full_list_keeps_first_and_last_delivery() {
    let fixture = Fixture::new().await;
    let address = fixture.ring("alice", fixture.test.start).await;
    let mut now = fixture.deliver("laptop", address, HISTORY_DELIVERIES).await;
    for _ in 0..3 {
        fixture.set_claimed_at(address, now).await;
        now = now + REDELIVERY;
        fixture.claim("other", address, now).await;
    }
    let history = fixture.history(address, now).await;
    let deliveries = deliveries(&history, fixture.test.start);
    assert_eq!(deliveries.len(), HISTORY_DELIVERIES);
    assert_eq!((deliveries[0], deliveries[11]), ((0, 1, "laptop"), (14 * 5_001, 15, "other")));
}

/// The size of a value (AWS, "DynamoDB Item sizes and formats").
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::L(elements) => 3 + elements.iter().map(|element| 1 + size(element)).sum::<usize>(),
        AttributeValue::M(fields) => {
            3 + fields.iter().map(|(name, value)| 1 + name.len() + size(value)).sum::<usize>()
        }
        other => panic!("{other:?}"),
    }
}

/// [`RESULT_BYTES`] leaves room for the largest args and 4 KiB of DynamoDB's 400 KB for the other attributes. Computed, because no text
/// of that length is incompressible, so the engine would not notice.
#[tokio::test]
async fn longest_history_leaves_room_for_largest_result() {
    let fixture = Fixture::new().await;
    let longest = "x".repeat(2 * HISTORY_SUBJECT_BYTES);
    let address = fixture.ring(&longest, fixture.test.start).await;
    let last = fixture.deliver(&longest, address, HISTORY_DELIVERIES).await;
    let result = "x".repeat(RESULT_BYTES);
    let reported = fixture.report(&longest, address, result.clone(), last).await;
    assert!(matches!(reported, ReportOutcome::Recorded { .. }), "{reported:?}");
    let history = fixture.history(address, last).await;
    assert_eq!(subjects(&history), [Some(&longest[..HISTORY_SUBJECT_BYTES]); 2]);
    assert_eq!(history.deliveries.len(), HISTORY_DELIVERIES);
    assert!(matches!(history.request.state, State::Completed(payload) if payload.as_str() == result));

    let mut item = fixture.item(address).await;
    item.remove("result_zlib").unwrap();
    let others: usize = item.iter().map(|(name, value)| name.len() + size(value)).sum();
    println!("{others} bytes besides the result");
    assert!(others + "result_zlib".len() <= 400 * 1024 - RESULT_BYTES - ARGS_BYTES, "{others}");
}

#[tokio::test]
async fn unpolled_timeout_is_found_and_not_stored() {
    let fixture = Fixture::new().await;
    let start = fixture.test.start;
    let address = fixture.ring("alice", start).await;
    let deadline = start + PENDING_DEADLINE;
    let now = deadline + MILLISECOND;
    let unread = Ending::TimedOut { reason: TimeoutReason::NotClaimed, deadline, stored_at: None };
    for _ in 0..2 {
        assert_eq!(fixture.history(address, now).await.ending(now), unread);
    }
    assert_eq!(fixture.history(address, now).await.request.state, State::Pending);
}

#[tokio::test]
async fn find_reads_runtime_of_request() {
    let fixture = Fixture::new().await;
    let address = fixture.ring("alice", fixture.test.start).await;
    let seen = fixture.test.at(3);
    fixture
        .test
        .replica_a
        .record_heartbeat(address.runtime, &fixture.test.caller, HeartbeatChannel::Plain, seen)
        .await
        .unwrap();
    let runtime = fixture.find(address.request, seen).await.unwrap().runtime.unwrap();
    assert_eq!((runtime.id, runtime.last_seen_at), (address.runtime, seen));
}

#[tokio::test]
async fn find_is_bound_to_workspace_runtime_and_retention() {
    let fixture = Fixture::new().await;
    let start = fixture.test.start;
    let address = fixture.ring("alice", start).await;
    let stranger =
        TestContext::new(Replicas { replica_a: fixture.engine.store(), replica_b: fixture.engine.store() });
    let stranger = stranger.await;
    let store = &fixture.test.replica_b;
    let own = fixture.test.workspace;
    for (workspace, runtime, now, found) in [
        (own, None, start + RETENTION, true),
        (own, Some(address.runtime), start, true),
        (own, None, start + RETENTION + MILLISECOND, false),
        (own, Some(stranger.runtime), start, false),
        (stranger.workspace, None, start, false),
        (stranger.workspace, Some(address.runtime), start, false),
    ] {
        let request = store.find_request(workspace, runtime, address.request, now).await.unwrap();
        assert_eq!(request.is_some(), found, "{workspace} {runtime:?}");
    }
}

/// A workspace of 250 runtimes: a query, at most three batches, and the runtime.
#[tokio::test]
async fn find_only_reads_and_in_batches() {
    let fixture = Fixture::new().await;
    for number in 0..249 {
        let registration = fixture.test.registration(&format!("type-{number}"));
        fixture.test.register(&fixture.test.replica_a, registration, fixture.test.start).await;
    }
    let address = fixture.ring("alice", fixture.test.start).await;
    let recorder = Arc::new(CallRecorder::default());
    let store = fixture.engine.store_with_interceptor(Arc::<CallRecorder>::clone(&recorder));
    let found = store.find_request(fixture.test.workspace, None, address.request, fixture.test.start).await;
    assert!(found.unwrap().is_some());
    let calls: Vec<_> = recorder.take().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls[0], "Query");
    assert!(calls[1..].iter().all(|call| call == "BatchGetItem") && calls.len() <= 5, "{calls:?}");

    let missing = fixture.test.address(fixture.test.start).request;
    assert_eq!(
        store.find_request(fixture.test.workspace, None, missing, fixture.test.start).await.unwrap(),
        None
    );
    assert_eq!(recorder.take().len(), 4);
}
