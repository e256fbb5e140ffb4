//! What comes between two calls of one operation, at exactly that point: another node, a sign-off, a deletion.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, AttributeValueUpdate};
use doorbell_shared::limits::RING_BURST;
use doorbell_shared::request::{Delivery, Payload, Request, RequestOutcome, State};
use doorbell_shared::store::conformance::{Replicas, Scene};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Fault, TABLE};
use doorbell_shared::store::{
    Deregister as _, Heartbeat as _, Initiate as _, InitiateOutcome, Poll as _, PollOutcome, Report as _,
};

use crate::taps::{Alter, AsItIs, Fault, Faulty};

/// Whether the promise was kept.
pub(crate) type Running = Pin<Box<dyn Future<Output = bool>>>;

/// A race on an engine, with calls altered so.
pub(crate) type Race = fn(EmbeddedDynamoDb, Arc<dyn Alter>) -> Running;

pub(crate) fn races() -> Vec<(&'static str, Race)> {
    vec![
        ("a claim that comes before a time-out stays", |engine, alter| Box::pin(claimed(engine, alter))),
        ("a redelivery that comes before a time-out stays", |engine, alter| {
            Box::pin(redelivered(engine, alter))
        }),
        ("a sign-off that comes before an early ring stays", |engine, alter| {
            Box::pin(signed_off(engine, alter))
        }),
        ("rings that come before an early ring are counted", |engine, alter| {
            Box::pin(rung_meanwhile(engine, alter))
        }),
        ("a runtime deleted before its listing is noted stays so", |engine, alter| {
            Box::pin(deleted(engine, alter))
        }),
        ("a request of a kind still unknown is not answered", |engine, alter| {
            Box::pin(newer_kind(engine, alter))
        }),
    ]
}

async fn scene(engine: &EmbeddedDynamoDb) -> Scene<DynamoDbStore> {
    Scene::new(Replicas { here: engine.store(), there: engine.store() }).await
}

/// A store whose `nth` call waits for two seconds.
fn waiting_before(nth: usize, engine: &EmbeddedDynamoDb, alter: Arc<dyn Alter>) -> DynamoDbStore {
    let fault = Fault { nth, passage: Fault::Delayed(Duration::from_secs(2)), lasting: false };
    engine.store_with_interceptor(Arc::new(Faulty::new(Some(fault), alter)))
}

/// Both, with `other` while a call of `operation` waits.
async fn meanwhile<A>(operation: impl Future<Output = A>, other: impl Future<Output = ()>) -> A {
    let later = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        other.await;
    };
    tokio::join!(operation, later).0
}

/// Of a poll at that second, whose time-out comes just after `other`.
async fn attempts_shown(
    slow: &DynamoDbStore,
    scene: &Scene<DynamoDbStore>,
    asked: &Request,
    second: u64,
    other: impl Future<Output = ()>,
) -> Option<u32> {
    let poll = slow.poll(asked.address, &scene.allowed, scene.at(second));
    match meanwhile(poll, other).await.unwrap() {
        PollOutcome::Found(Request { state: State::Running(run), .. }) => Some(run.attempt),
        _ => None,
    }
}

/// By the other node's clock it is still the millisecond of the ring, so that nothing tells but the status.
async fn claimed(engine: EmbeddedDynamoDb, alter: Arc<dyn Alter>) -> bool {
    let (scene, slow) = (scene(&engine).await, waiting_before(1, &engine, alter));
    let asked = scene.ring(scene.start).await;
    let claim = async { drop(scene.claim(asked.address, scene.start).await) };
    attempts_shown(&slow, &scene, &asked, 31, claim).await == Some(1)
}

/// By the other node's clock the run has not lapsed; the status is the same as before.
async fn redelivered(engine: EmbeddedDynamoDb, alter: Arc<dyn Alter>) -> bool {
    let (scene, slow) = (scene(&engine).await, waiting_before(1, &engine, alter));
    let asked = scene.ring(scene.start).await;
    let running = scene.claim(asked.address, scene.start).await;
    let State::Running(run) = running.state else { return false };
    let again = Delivery::Redelivery { replaced: run.claim };
    let redelivery = async { drop(scene.claim_as(again, asked.address, scene.at(59)).await) };
    attempts_shown(&slow, &scene, &asked, 61, redelivery).await == Some(2)
}

async fn signed_off(engine: EmbeddedDynamoDb, alter: Arc<dyn Alter>) -> bool {
    let (scene, slow) = (scene(&engine).await, waiting_before(1, &engine, alter));
    scene.ring(scene.start).await;
    let early = slow.initiate(scene.address(scene.start), &scene.allowed, scene.start);
    let sign_off = async {
        scene.there.deregister(scene.runtime, &scene.allowed, scene.start).await.unwrap();
    };
    meanwhile(early, sign_off).await.unwrap() == InitiateOutcome::Offline
}

/// Others take what was left of the burst.
async fn rung_meanwhile(engine: EmbeddedDynamoDb, alter: Arc<dyn Alter>) -> bool {
    let (scene, slow) = (scene(&engine).await, waiting_before(1, &engine, alter));
    scene.ring(scene.start).await;
    let early = slow.initiate(scene.address(scene.start), &scene.allowed, scene.start);
    let others = async {
        for _ in 1..RING_BURST {
            scene.ring(scene.start).await;
        }
    };
    matches!(meanwhile(early, others).await.unwrap(), InitiateOutcome::RateLimited(_))
}

fn key<S>(scene: &Scene<S>, sort: String) -> Option<std::collections::HashMap<String, AttributeValue>> {
    let text = |name: &str, value: String| (name.to_owned(), AttributeValue::S(value));
    Some([text("pk", format!("runtime#{}", scene.runtime)), text("sk", sort)].into())
}

/// A runtime of which nothing but that note was left could neither be read nor be registered away.
async fn deleted(engine: EmbeddedDynamoDb, alter: Arc<dyn Alter>) -> bool {
    let (scene, slow, client) =
        (scene(&engine).await, waiting_before(2, &engine, alter), engine.client(None));
    let key = || key(&scene, "runtime".to_owned());
    let delete = async {
        client.delete_item().table_name(TABLE).set_key(key()).send().await.unwrap();
    };
    meanwhile(slow.beat(scene.runtime, &scene.allowed, scene.at(400_000)), delete).await.unwrap();
    client.get_item().table_name(TABLE).set_key(key()).send().await.unwrap().item.is_none()
}

/// As newer code may have written it. This code cannot say what it is, and leaves it alone.
async fn newer_kind(engine: EmbeddedDynamoDb, alter: Arc<dyn Alter>) -> bool {
    let (scene, client) = (scene(&engine).await, engine.client(None));
    let asked = scene.ring(scene.start).await;
    let kind = AttributeValueUpdate::builder().value(AttributeValue::S("newer".to_owned())).build();
    let key = || key(&scene, format!("request#{}", asked.address.request));
    let update = client.update_item().table_name(TABLE).set_key(key()).attribute_updates("kind", kind);
    update.send().await.unwrap();
    let answer = RequestOutcome::Completed(Payload::try_from("{}".to_owned()).unwrap());
    let store = engine.store_with_interceptor(Arc::new(Faulty::new(None, alter)));
    let reported = store.report(asked.address, &scene.allowed, &answer, scene.at(1)).await;
    let left = client.get_item().table_name(TABLE).set_key(key()).send().await.unwrap().item.unwrap();
    reported.is_err() && left["status"].as_s().unwrap() == "pending"
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_between_is_not_overwritten() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    for (name, race) in races() {
        assert!(race(engine.clone(), Arc::new(AsItIs)).await, "{name}");
    }
}
