//! A runtime that beats stays listed, however long it runs: its listing is kept from TTL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_shared::store::conformance::{Replicas, Scene};
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, TABLE};
use doorbell_shared::store::{Heartbeat, Runtimes};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Written at registration alone, the listing of a machine that runs for weeks would expire under it.
#[tokio::test]
async fn a_listing_is_renewed_before_ttl_may_delete_it() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let scene = Scene::new(Replicas { here: engine.store(), there: engine.store() }).await;
    for day in 1..=30 {
        let now = scene.start + DAY * day;
        scene.here.beat(scene.runtime, &scene.allowed, now).await.unwrap();
        let expires_at = listing_expiry(&engine, &scene).await;
        assert!(expires_at > now.millis() / 1000, "day {day}: the listing may be deleted");
        assert_eq!(scene.there.runtimes(scene.workspace, now).await.unwrap().len(), 1);
    }
}

async fn listing_expiry<S>(engine: &EmbeddedDynamoDb, scene: &Scene<S>) -> i64 {
    let key = |name: &str, value: String| (name.to_owned(), AttributeValue::S(value));
    let key = [
        key("pk", format!("workspace#{}", scene.workspace)),
        key("sk", format!("runtime#{}", scene.runtime)),
    ];
    let get = engine.client(None).get_item().table_name(TABLE).set_key(Some(key.into()));
    let item = get.send().await.unwrap().item.unwrap();
    item["expires_at"].as_n().unwrap().parse().unwrap()
}
