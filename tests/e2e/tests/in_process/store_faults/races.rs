//! Interleavings: another replica, a deregistration or a deletion between two calls of one operation.

mod enrolments;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_protocol::limits::{OPEN_REQUESTS_PER_RUNTIME, RUNTIMES_PER_PAGE, RUNTIMES_PER_WORKSPACE};
use doorbell_shared::limits::RING_BURST;
use doorbell_shared::request::{
    Address, ClaimFilter, KindFilter, Payload, Request, RequestOutcome, Ring, State,
};
use doorbell_shared::runtime::Registration;
use doorbell_shared::store::conformance::{Replicas, TestContext};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Fault, TABLE};
use doorbell_shared::store::{InitiateOutcome, PollOutcome, RegisterOutcome, Store as _};
use serde_json::json;
use uuid::Uuid;

use crate::store_faults::injector::{FaultInjector, PlannedFault, Rewrite, Unchanged};

/// Whether the race ended as it must.
pub(crate) type Running = Pin<Box<dyn Future<Output = bool>>>;

/// A race on an engine, with rewritten calls.
pub(crate) type Race = fn(EmbeddedDynamoDb, Arc<dyn Rewrite>) -> Running;

pub(crate) fn races() -> Vec<(&'static str, Race)> {
    vec![
        ("a claim before the timeout write is kept", |engine, rewrite| Box::pin(claimed(engine, rewrite))),
        ("a redelivery before the timeout write is kept", |engine, rewrite| {
            Box::pin(redelivered(engine, rewrite))
        }),
        ("a deregistration before an early ring is kept", |engine, rewrite| {
            Box::pin(deregistered(engine, rewrite))
        }),
        ("rings before an early ring are counted", |engine, rewrite| {
            Box::pin(rung_in_between(engine, rewrite))
        }),
        ("a runtime deleted before its renewal is not recreated", |engine, rewrite| {
            Box::pin(deleted(engine, rewrite))
        }),
        ("a runtime registered while it is forgotten is listed", |engine, rewrite| {
            Box::pin(registered_again(engine, rewrite))
        }),
        ("first registrations of a workspace agree on the ids", |engine, rewrite| {
            Box::pin(first_registrations(engine, rewrite))
        }),
        ("expired listings leave room in a workspace", |engine, rewrite| {
            Box::pin(expired_listings(engine, rewrite))
        }),
        ("the last place taken before an early ring is kept", |engine, rewrite| {
            Box::pin(filled_in_between(engine, rewrite))
        }),
        ("a key used before its put is kept", |engine, rewrite| {
            Box::pin(key_used_in_between(engine, rewrite))
        }),
        ("a ring waits for the put of the one that it joins", |engine, rewrite| {
            Box::pin(joined_in_between(engine, rewrite))
        }),
        ("a ring joins the request that was claimed in between", |engine, rewrite| {
            Box::pin(claimed_after_put(engine, rewrite))
        }),
        ("a ring joins the request that was reported in between", |engine, rewrite| {
            Box::pin(reported_after_put(engine, rewrite))
        }),
        ("a ring joins no request that was cancelled in between", |engine, rewrite| {
            Box::pin(cancelled_after_put(engine, rewrite))
        }),
        ("a code redeemed before its redemption is kept", |engine, rewrite| {
            Box::pin(enrolments::redeemed_in_between(engine, rewrite))
        }),
        ("a token replaced before its replacement stays invalid", |engine, rewrite| {
            Box::pin(enrolments::replaced_in_between(engine, rewrite))
        }),
        ("a token revoked before its replacement is not replaced", |engine, rewrite| {
            Box::pin(enrolments::revoked_in_between(engine, rewrite))
        }),
    ]
}

async fn new_context(engine: &EmbeddedDynamoDb) -> TestContext<DynamoDbStore> {
    TestContext::new(Replicas { replica_a: engine.store(), replica_b: engine.store() }).await
}

/// A store whose `nth` call waits for two seconds.
fn waiting_before(nth: usize, engine: &EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> DynamoDbStore {
    let fault = Fault::Delayed(Duration::from_secs(2));
    let planned = PlannedFault { nth, fault, lasting: false };
    engine.store_with_interceptor(Arc::new(FaultInjector::new(Some(planned), rewrite)))
}

/// Runs `other` while a call of `operation` is delayed.
async fn interleaved<A>(operation: impl Future<Output = A>, other: impl Future<Output = ()>) -> A {
    let later = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        other.await;
    };
    tokio::join!(operation, later).0
}

/// The attempt that a poll shows whose timeout write comes just after `other`.
async fn attempts_shown(
    slow: &DynamoDbStore,
    context: &TestContext<DynamoDbStore>,
    request: &Request,
    second: u64,
    other: impl Future<Output = ()>,
) -> Option<u32> {
    let poll = slow.poll(request.address, KindFilter::Any, &context.caller, context.at(second));
    match interleaved(poll, other).await.unwrap() {
        PollOutcome::Found(Request { state: State::Running(lease), .. }) => Some(lease.attempt),
        _ => None,
    }
}

/// By the other replica's clock it is still the millisecond of the ring: only the status differs.
async fn claimed(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let slow = waiting_before(1, &engine, rewrite);
    let request = context.ring(context.start).await;
    let claim = async { drop(context.claim(request.address, context.start).await) };
    attempts_shown(&slow, &context, &request, 31, claim).await == Some(1)
}

/// By the other node's clock the run has not expired; the status is the same as before.
async fn redelivered(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let slow = waiting_before(1, &engine, rewrite);
    let request = context.ring(context.start).await;
    context.claim(request.address, context.start).await;
    let lost = ClaimFilter::PendingOrLost;
    let redelivery = async { drop(context.claim_as(lost, request.address, context.at(59)).await) };
    attempts_shown(&slow, &context, &request, 61, redelivery).await == Some(2)
}

async fn deregistered(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let slow = waiting_before(1, &engine, rewrite);
    context.ring(context.start).await;
    let ring = context.new_ring(context.start);
    let early = slow.initiate(&ring, &context.caller, context.start);
    let deregister = async {
        context.replica_b.deregister(context.runtime, &context.caller, context.start).await.unwrap();
    };
    interleaved(early, deregister).await.unwrap() == InitiateOutcome::Offline(None)
}

/// Other rings use up the burst.
async fn rung_in_between(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let slow = waiting_before(1, &engine, rewrite);
    context.ring(context.start).await;
    let ring = context.new_ring(context.start);
    let early = slow.initiate(&ring, &context.caller, context.start);
    let others = async {
        for _ in 1..RING_BURST {
            context.ring(context.start).await;
        }
    };
    matches!(interleaved(early, others).await.unwrap(), InitiateOutcome::RateLimited(_))
}

fn key<S>(
    context: &TestContext<S>,
    sort: String,
) -> Option<std::collections::HashMap<String, AttributeValue>> {
    let text = |name: &str, value: String| (name.to_owned(), AttributeValue::S(value));
    Some([text("pk", format!("runtime#{}", context.runtime)), text("sk", sort)].into())
}

/// An item with only the listing write could be neither read nor registered again.
async fn deleted(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let slow = waiting_before(2, &engine, rewrite);
    let client = engine.client(None);
    let key = || key(&context, "runtime".to_owned());
    let delete = async {
        client.delete_item().table_name(TABLE).set_key(key()).send().await.unwrap();
    };
    let renewal = slow.renew_listing(context.workspace, context.runtime, context.at(400_000));
    interleaved(renewal, delete).await.unwrap();
    client.get_item().table_name(TABLE).set_key(key()).send().await.unwrap().item.is_none()
}

/// The registration has written its listing and then the runtime when the listing is deleted. Without a listing, the
/// runtime would not be listed before the next renewal, days later.
async fn registered_again(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let slow = waiting_before(2, &engine, rewrite);
    let forget = slow.forget_runtime(context.runtime, &context.caller, context.at(6));
    let register = async {
        context.register(&context.replica_b, context.registration("codex"), context.at(6)).await;
    };
    interleaved(forget, register).await.unwrap();
    context.list_runtimes(context.at(6)).await.len() == 1
}

/// Both registrations find no namespace.
async fn first_registrations(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let workspace = context.other_tenant().workspaces.iter().next().unwrap();
    let registration = || Registration { workspace, ..context.registration("codex") };
    let slow = waiting_before(1, &engine, rewrite);
    let other = async {
        context.register(&context.replica_b, registration(), context.start).await;
    };
    let late = slow.register(registration(), context.namespace(), context.start);
    let late = interleaved(late, other).await.unwrap();
    let listed =
        context.replica_a.list_runtimes(workspace, None, RUNTIMES_PER_PAGE, context.start).await.unwrap();
    late == RegisterOutcome::Registered(listed.runtimes)
}

/// TTL deletes within days; until then queries return the items.
async fn expired_listings(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    for number in 0..RUNTIMES_PER_WORKSPACE {
        let item = json!({
            "pk": {"S": format!("workspace#{}", context.workspace)},
            "sk": {"S": format!("runtime#{}", Uuid::from_u128(number as u128))},
            "expires_at": {"N": (context.start.millis() / 1000).to_string()},
        });
        // Without the SDK, which takes most of the time of a call.
        let put = json!({"TableName": TABLE, "Item": item}).to_string();
        assert_eq!(engine.respond("DynamoDB_20120810.PutItem", put.as_bytes()).status, 200);
    }
    let store = engine.store_with_interceptor(Arc::new(FaultInjector::new(None, rewrite)));
    let registration = context.registration("opencode");
    let registered = store.register(registration, context.namespace(), context.at(1)).await.unwrap();
    matches!(registered, RegisterOutcome::Registered(_))
}

/// One place is left, and another ring takes it.
async fn filled_in_between(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    for second in 1..OPEN_REQUESTS_PER_RUNTIME as u64 - 1 {
        context.enqueue(&context.queued_ring(context.at(second)), context.at(second)).await;
    }
    let now = context.at(60);
    context.enqueue(&context.queued_ring(now), now).await;
    let slow = waiting_before(1, &engine, rewrite);
    let ring = context.queued_ring(now);
    let early = slow.initiate(&ring, &context.caller, now);
    let other = async { drop(context.initiate(&context.queued_ring(now), now).await) };
    interleaved(early, other).await.unwrap() == InitiateOutcome::QueueFull
}

/// The slow ring has read the key, and added its id.
async fn key_used_in_between(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let slow = waiting_before(2, &engine, rewrite);
    let with_key =
        |second| Ring { idempotency_key: Some("a".parse().unwrap()), ..context.new_ring(context.at(second)) };
    let first = with_key(0);
    let late = slow.initiate(&first, &context.caller, context.start);
    let second = with_key(1);
    let other = async { drop(context.initiate(&second, context.at(1)).await) };
    let late = interleaved(late, other).await.unwrap();
    matches!(late, InitiateOutcome::Existing(request) if request.address == second.address)
        && context.open_ids(context.at(2)).await == [second.address.request]
}

/// The requests of two rings. The put of the first takes longer than the second's first read, and `then` comes right after it.
async fn put_in_between(
    context: &TestContext<DynamoDbStore>,
    engine: &EmbeddedDynamoDb,
    rewrite: Arc<dyn Rewrite>,
    then: impl AsyncFnOnce(Address),
) -> (Address, InitiateOutcome) {
    let fault = Fault::Delayed(Duration::from_millis(120));
    let planned = PlannedFault { nth: 1, fault, lasting: false };
    let slow = engine.store_with_interceptor(Arc::new(FaultInjector::new(Some(planned), rewrite)));
    let joining = |second| Ring { joins: true, ..context.new_ring(context.at(second)) };
    let (first, second) = (joining(0), joining(1));
    let earlier = async {
        let outcome = slow.initiate(&first, &context.caller, context.start).await.unwrap();
        assert!(matches!(outcome, InitiateOutcome::Enqueued(..)), "{outcome:?}");
        then(first.address).await;
    };
    let later = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        context.initiate(&second, context.at(1)).await
    };
    let ((), second) = tokio::join!(earlier, later);
    (first.address, second)
}

async fn joined_in_between(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let (first, second) = put_in_between(&context, &engine, rewrite, async |_| {}).await;
    let open = context.open_ids(context.at(2)).await;
    let is_joined = matches!(second, InitiateOutcome::Existing(request) if request.address == first);
    is_joined && open == [first.request]
}

/// The daemon has begun its work after the second ring.
async fn claimed_after_put(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let claim = async |first| drop(context.claim(first, context.at(1)).await);
    let (first, second) = put_in_between(&context, &engine, rewrite, claim).await;
    matches!(second, InitiateOutcome::Existing(Request { address, state: State::Running(_), .. }) if address == first)
}

async fn reported_after_put(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let report = async |first| {
        context.claim(first, context.at(1)).await;
        let result = RequestOutcome::Completed(Payload::try_from("[]".to_owned()).unwrap());
        context.report(first, &result, context.at(1)).await;
    };
    let (first, second) = put_in_between(&context, &engine, rewrite, report).await;
    matches!(second, InitiateOutcome::Existing(Request { address, state: State::Completed(_), .. }) if address == first)
}

/// The second client has not given up.
async fn cancelled_after_put(engine: EmbeddedDynamoDb, rewrite: Arc<dyn Rewrite>) -> bool {
    let context = new_context(&engine).await;
    let cancel = async |first| drop(context.cancel(first, context.at(1)).await);
    let (first, second) = put_in_between(&context, &engine, rewrite, cancel).await;
    matches!(second, InitiateOutcome::Enqueued(request, _) if request.address != first)
}

#[tokio::test(start_paused = true)]
async fn keeps_writes_between_two_calls() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    for (name, race) in races() {
        assert!(race(engine.clone(), Arc::new(Unchanged)).await, "{name}");
    }
}
