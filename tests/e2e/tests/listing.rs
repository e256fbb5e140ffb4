//! Heartbeats keep the listing of a runtime from TTL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_shared::store::Store as _;
use doorbell_shared::store::conformance::{Replicas, TestContext};
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, TABLE};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Written at registration only, the listing of a machine that runs for weeks would expire.
#[tokio::test]
async fn heartbeats_renew_listing_before_its_expiry() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let test = TestContext::new(Replicas { replica_a: engine.store(), replica_b: engine.store() }).await;
    for day in 1..=30 {
        let now = test.start + DAY * day;
        test.replica_a.record_heartbeat(test.runtime, &test.caller, now).await.unwrap();
        let expires_at = listing_expiry(&engine, &test).await;
        assert!(expires_at > now.millis() / 1000, "day {day}: TTL may delete the listing");
        assert_eq!(test.replica_b.list_runtimes(test.workspace, now).await.unwrap().len(), 1);
    }
}

async fn listing_expiry<S>(engine: &EmbeddedDynamoDb, test: &TestContext<S>) -> i64 {
    let attribute = |name: &str, value: String| (name.to_owned(), AttributeValue::S(value));
    let key = [
        attribute("pk", format!("workspace#{}", test.workspace)),
        attribute("sk", format!("runtime#{}", test.runtime)),
    ];
    let get = engine.client(None).get_item().table_name(TABLE).set_key(Some(key.into()));
    let item = get.send().await.unwrap().item.unwrap();
    item["expires_at"].as_n().unwrap().parse().unwrap()
}
