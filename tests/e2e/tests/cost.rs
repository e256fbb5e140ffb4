//! What each call costs in calls to DynamoDB and request units: counted from the engine's `ConsumedCapacity`, equal to
//! the design's, and the same with ten thousand answered requests waiting for TTL in the runtime's partition.

use std::time::Duration;

use doorbell_protocol::{ModelListReport, ModelListResult};
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_test_support::catalog::catalog_report;
use doorbell_test_support::filling::TableSeeder;
use doorbell_test_support::metered::{RecordedApi, OperationCost};
use serde_json::{Value, json};

type Costs<'s> = Vec<(&'s str, Vec<(&'s str, f64)>)>;

fn costs(steps: &[OperationCost]) -> Costs<'_> {
    steps.iter().map(|step| (step.operation, step.cost.by_name())).collect()
}

fn design() -> Costs<'static> {
    vec![
        ("register", vec![("PutItem", 1.0), ("UpdateItem", 1.0)]),
        ("heartbeat_idle", vec![("UpdateItem", 1.0)]),
        ("initiate", vec![("UpdateItem", 1.0), ("PutItem", 1.0)]),
        ("poll", vec![("GetItem", 1.0)]),
        ("heartbeat_work", vec![("UpdateItem", 1.0), ("Query", 1.0), ("UpdateItem", 1.0)]),
        ("report", vec![("UpdateItem", 1.0)]),
        ("poll_result", vec![("GetItem", 1.0)]),
        ("runtimes", vec![("Query", 1.0), ("BatchGetItem", 1.0)]),
        ("deregister", vec![("UpdateItem", 1.0)]),
        // Apart from the function's own calls: API Gateway remembers the answer, and asks again once a minute.
        ("authorizer", vec![("GetItem", 1.0)]),
    ]
}

/// Of a daemon that says what is in flight, or of one that does not.
fn daemons() -> [Option<Value>; 2] {
    [None, Some(json!([]))]
}

#[tokio::test]
async fn each_operation_costs_what_the_design_says() {
    for in_flight in daemons() {
        let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
        assert_eq!(costs(&api.lifecycle(&catalog_report(1), in_flight.as_ref()).await), design());
    }
}

#[tokio::test]
async fn ten_thousand_dead_items_in_the_partition_change_nothing() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = RecordedApi::new(&engine);
    let (runtime, _) = api.register("d").await;
    TableSeeder::new(&engine).await.dead_requests(&runtime, 0..10_000, &catalog_report(1)).await;
    for in_flight in daemons() {
        assert_eq!(costs(&api.lifecycle(&catalog_report(1), in_flight.as_ref()).await), design());
    }
}

#[tokio::test]
async fn a_hundred_open_requests_change_nothing() {
    for in_flight in daemons() {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let api = RecordedApi::new(&engine);
        let (runtime, _) = api.register("d").await;
        let next = api.next_lifecycle();
        TableSeeder::new(&engine).await.open_requests(&runtime, 1..100, next).await;
        assert_eq!(costs(&api.lifecycle(&catalog_report(1), in_flight.as_ref()).await), design());
    }
}

#[tokio::test]
async fn other_runtimes_of_the_workspace_cost_one_read_each_where_they_are_listed_and_nothing_elsewhere() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    TableSeeder::new(&engine).await.runtimes(0..250).await;
    let steps = RecordedApi::new(&engine).lifecycle(&catalog_report(1), None).await;
    let (listed, others): (Vec<_>, Vec<_>) =
        costs(&steps).into_iter().partition(|(operation, _)| *operation == "runtimes");
    let (_, expected): (Vec<_>, Vec<_>) =
        design().into_iter().partition(|(operation, _)| *operation == "runtimes");
    assert_eq!(others, expected);
    let batches = listed[0].1.iter().filter(|(call, _)| *call == "BatchGetItem");
    assert_eq!(batches.map(|(_, units)| units).sum::<f64>(), 251.0);
}

/// A handed out request is the same item again: another claim, and no read more.
#[tokio::test]
async fn a_redelivery_costs_what_a_delivery_does() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("d").await;
    api.ring(&runtime).await;
    let nothing = json!([]);
    let (first, cost) = api.heartbeat(&runtime, Some(&nothing)).await;
    api.clock.advance(Duration::from_secs(6));
    let (again, again_cost) = api.heartbeat(&runtime, Some(&nothing)).await;
    assert_eq!((first, cost.by_name()), (again, again_cost.by_name()));
}

/// Stored as text it would be one write unit for each KB of its 95, and 24 read units for each poll.
#[tokio::test]
async fn a_catalog_of_two_hundred_models_costs_a_few_units() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let steps = api.lifecycle(&catalog_report(200), None).await;
    let units = |operation: &str| {
        let step = steps.iter().find(|step| step.operation == operation).unwrap();
        step.cost.write_units() + step.cost.read_units()
    };
    println!("report {}, poll of the result {}", units("report"), units("poll_result"));
    assert!(units("report") <= 8.0 && units("poll_result") <= 2.0, "{steps:?}");
}

/// Whether it is stored as text or compressed, and wherever one begins and the other ends.
#[tokio::test]
async fn a_report_of_a_few_models_costs_one_unit() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("d").await;
    for length in (0..1_500).step_by(50) {
        let (request, _) = api.ring(&runtime).await;
        let model = json!([{"id": "a", "label": "A", "description": "x".repeat(length)}]);
        let models = serde_json::from_value(model).unwrap();
        let report = ModelListReport::completed(ModelListResult { models, supported: true, fallback: false });
        let cost = api.report(&runtime, &request, &report).await;
        assert_eq!(cost.by_name(), [("UpdateItem", 1.0)], "{length}");
    }
}

/// What was answered is read by a look as far back as anything may be found: 35 s, or 95 s where what was handed out is
/// looked for too. Here as fast as a runtime may be rung, each ring answered with a catalog.
#[tokio::test]
async fn saying_what_is_in_flight_reads_further_back() {
    for (models, most) in [(1, [8.0, 21.0]), (20, [24.0, 60.0]), (200, [72.0, 192.0])] {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let api = RecordedApi::new(&engine);
        let (runtime, _) = api.register("d").await;
        for _ in 0..120 {
            let (request, _) = api.ring(&runtime).await;
            api.report(&runtime, &request, &catalog_report(models)).await;
            api.clock.advance(Duration::from_secs(1));
            api.heartbeat(&runtime, None).await;
        }
        api.ring(&runtime).await;
        let mut units = Vec::new();
        for in_flight in daemons() {
            units.push(api.heartbeat(&runtime, in_flight.as_ref()).await.1.read_units());
        }
        println!(
            "read units of a look, with 120 rings answered with {models} models, one a second: {units:?}"
        );
        assert!(units[0] < units[1] && units[0] <= most[0] && units[1] <= most[1], "{models}: {units:?}");
    }
}

/// People rarely ring twice in a second; who does pays one write more. DynamoDB charges a refused write like any other
/// (AWS, "Read and write operations in DynamoDB": conditional writes that fail consume write capacity), though no answer says so.
#[tokio::test]
async fn an_early_ring_costs_one_write_more() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("d").await;
    api.ring(&runtime).await;
    let (_, cost) = api.ring(&runtime).await;
    let calls: Vec<_> = cost.by_name().into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(calls, ["UpdateItem", "UpdateItem", "PutItem"]);
}
