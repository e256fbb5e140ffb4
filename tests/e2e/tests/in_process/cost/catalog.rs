//! What the catalog costs: a ring that it answers, the refresh of an old snapshot, and a report.

use doorbell_protocol::limits::CATALOG_FRESHNESS;
use doorbell_protocol::{ModelListReport, ModelListResult};
use doorbell_shared::catalog::CatalogUpdate;
use doorbell_shared::limits::FREE_CALL_INTERVAL;
use doorbell_shared::request::{Payload, RequestOutcome};
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::{FindSnapshotOutcome, Store as _};
use doorbell_test_support::catalog::catalog_report;
use doorbell_test_support::cost::{Cost, RecordedApi};
use serde_json::{Value, json};

use crate::cost::{Recorded, owned};

/// The functions, with a runtime that has just listed this many models.
async fn listed(models: u16) -> (RecordedApi, String) {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("d").await;
    let (request, _) = api.ring(&runtime).await;
    api.report(&runtime, &request, &catalog_report(models)).await;
    (api, runtime)
}

/// A ring that the catalog answers. The calls and units are also printed.
async fn cached(api: &RecordedApi, runtime: &str, what: &str) -> Cost {
    let (record, cost) = api.ring_catalog(runtime).await;
    assert_eq!(record["cached"], true, "{what}: {record}");
    println!("{what}: {:?}", cost.by_name());
    cost
}

/// Until the next ring refreshes the snapshot of an online runtime.
async fn age(api: &RecordedApi, runtime: &str) {
    api.clock.advance(CATALOG_FRESHNESS);
    api.heartbeat(runtime, None).await;
}

#[tokio::test]
async fn fresh_snapshot_costs_one_read() {
    let (api, runtime) = listed(20).await;
    let cost = cached(&api, &runtime, "fresh snapshot of 20 models").await;
    assert_eq!(cost.by_name(), [("BatchGetItem", 2.0)], "the runtime and the snapshot");
}

/// A report of 200 models is stored in 8 KB.
#[tokio::test]
async fn snapshot_of_200_models_costs_three_read_units() {
    let (api, runtime) = listed(200).await;
    let cost = cached(&api, &runtime, "fresh snapshot of 200 models").await;
    assert_eq!(cost.by_name(), [("BatchGetItem", 3.0)]);
}

/// The read of the snapshot, and the two writes of an ordinary ring.
#[tokio::test]
async fn old_snapshot_costs_the_read_and_a_ring() {
    let (api, runtime) = listed(20).await;
    age(&api, &runtime).await;
    let cost = cached(&api, &runtime, "snapshot of 60 s").await;
    assert_eq!(cost.by_name(), [("BatchGetItem", 2.0), ("UpdateItem", 1.0), ("PutItem", 1.0)]);
}

#[tokio::test]
async fn snapshot_that_is_being_refreshed_costs_one_read() {
    let (api, runtime) = listed(20).await;
    age(&api, &runtime).await;
    cached(&api, &runtime, "the refresh").await;
    let pending = cached(&api, &runtime, "while the refresh is pending").await;
    api.heartbeat(&runtime, None).await;
    let running = cached(&api, &runtime, "while the refresh is running").await;
    for cost in [pending, running] {
        assert_eq!(cost.by_name(), [("BatchGetItem", 2.0)]);
    }
}

/// One read more than a ring past the catalog.
#[tokio::test]
async fn miss_costs_one_more_read() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("d").await;
    let (_, miss) = api.ring_catalog(&runtime).await;
    println!("miss: {:?}", miss.by_name());
    assert_eq!(miss.by_name(), [("BatchGetItem", 2.0), ("UpdateItem", 1.0), ("PutItem", 1.0)]);
    let (request, _) = api.ring(&runtime).await;
    api.report(&runtime, &request, &ModelListReport::failed("not logged in")).await;
    api.clock.advance(FREE_CALL_INTERVAL);
    let (_, past) = api.ring(&runtime).await;
    assert_eq!(past.by_name(), [("UpdateItem", 1.0), ("PutItem", 1.0)]);
}

/// The key is in the same read.
#[tokio::test]
async fn key_costs_a_read_unit() {
    let recorded = Recorded::new().await;
    let test = &recorded.test;
    let request = test.ring(test.at(1)).await;
    let listed = RequestOutcome::Completed(Payload::try_from("[]".to_owned()).unwrap());
    test.report_with(CatalogUpdate::Replace, request.address, &listed, test.at(1)).await;
    recorded.recorder.take();
    let key = "unused".parse().unwrap();
    let store = &test.replica_a;
    let found = store.find_snapshot(test.runtime, request.kind, Some(&key), &test.caller, test.at(2)).await;
    assert!(matches!(found, Ok(FindSnapshotOutcome::Found(..))), "{found:?}");
    assert_eq!(recorded.cost("find a snapshot with a key"), owned(&[("BatchGetItem", 3.0)]));
}

/// As long as it changes the catalog.
#[tokio::test]
async fn good_report_costs_one_more_write() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("d").await;
    let completed = |models: Value, fallback| {
        let models = serde_json::from_value(models).unwrap();
        ModelListReport::completed(ModelListResult { models, supported: true, fallback })
    };
    let model = json!([{"id": "a", "label": "A"}]);
    for (report, writes) in [
        (completed(model.clone(), false), 3),
        (completed(json!([]), false), 3),
        (completed(model, true), 2),
        (ModelListReport::failed("not logged in"), 2),
    ] {
        api.clock.advance(FREE_CALL_INTERVAL);
        let (request, _) = api.ring(&runtime).await;
        let cost = api.report(&runtime, &request, &report).await;
        assert_eq!(cost.by_name(), vec![("UpdateItem", 1.0); writes], "{report:?}");
    }
}
