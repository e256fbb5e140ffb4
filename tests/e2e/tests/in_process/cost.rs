//! DynamoDB calls and request units of each operation, counted from the engine's `ConsumedCapacity`: as designed, and flat.

mod bound_tokens;
mod catalog;
mod push;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_gateway::issue_dev_tokens;
use doorbell_protocol::limits::OPEN_REQUESTS_PER_RUNTIME;
use doorbell_protocol::{ModelListReport, ModelListResult, Question};
use doorbell_shared::catalog::CatalogUpdate;
use doorbell_shared::clock::Clock as _;
use doorbell_shared::http::input::Caller;
use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::{FREE_CALL_INTERVAL, RING_BURST, RUNTIME_RETENTION, TOKEN_RING_BURST};
use doorbell_shared::questions::Questions;
use doorbell_shared::request::{KindFilter, Payload, RequestOutcome, Ring};
use doorbell_shared::runtime::Registration;
use doorbell_shared::store::Store as _;
use doorbell_shared::store::conformance::{Replicas, TestContext};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{CallRecorder, EmbeddedDynamoDb, TABLE};
use doorbell_test_support::catalog::catalog_report;
use doorbell_test_support::cost::{Cost, OperationCost, RecordedApi};
use doorbell_test_support::seed::TableSeeder;
use serde_json::{Value, json};

type Costs<'s> = Vec<(&'s str, Vec<(&'s str, f64)>)>;

fn costs(steps: &[OperationCost]) -> Costs<'_> {
    steps.iter().map(|step| (step.operation, step.cost.by_name())).collect()
}

fn designed() -> Costs<'static> {
    vec![
        ("register", vec![("GetItem", 0.5), ("BatchGetItem", 1.0), ("PutItem", 1.0), ("UpdateItem", 1.0)]),
        ("heartbeat_idle", vec![("UpdateItem", 1.0)]),
        // The catalog has no snapshot yet.
        ("initiate", vec![("BatchGetItem", 2.0), ("UpdateItem", 1.0), ("PutItem", 1.0)]),
        ("poll", vec![("GetItem", 1.0)]),
        ("heartbeat_work", vec![("UpdateItem", 1.0), ("UpdateItem", 1.0)]),
        ("report", vec![("UpdateItem", 1.0), ("UpdateItem", 1.0), ("UpdateItem", 1.0)]),
        ("poll_result", vec![("GetItem", 1.0)]),
        ("initiate_cached", vec![("BatchGetItem", 2.0)]),
        ("runtimes", vec![("Query", 1.0), ("BatchGetItem", 1.0)]),
        ("deregister", vec![("UpdateItem", 1.0)]),
        // API Gateway caches the result for a minute.
        ("authorizer", vec![("GetItem", 1.0)]),
    ]
}

/// The `in_flight` of an old and a new daemon.
fn daemons() -> [Option<Value>; 2] {
    [None, Some(json!([]))]
}

#[tokio::test]
async fn operations_cost_as_designed() {
    for in_flight in daemons() {
        let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
        assert_eq!(costs(&api.lifecycle(&catalog_report(1), in_flight.as_ref()).await), designed());
    }
}

#[tokio::test]
async fn cost_is_flat_with_10000_dead_items() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = RecordedApi::new(&engine);
    let (runtime, _) = api.register("d").await;
    TableSeeder::new(&engine).await.dead_requests(&runtime, 0..10_000, &catalog_report(1)).await;
    for in_flight in daemons() {
        assert_eq!(costs(&api.lifecycle(&catalog_report(1), in_flight.as_ref()).await), designed());
    }
}

/// A runtime's item with open requests of a question, and the units of its heartbeat.
async fn heartbeat_units(open: usize) -> f64 {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("annas-macbook-pro.local").await;
    api.open_questions(&runtime, open).await;
    let (_, cost) = api.heartbeat(&runtime, None).await;
    assert_eq!(calls(&cost), ["UpdateItem"], "{open} open requests");
    cost.write_units()
}

/// The open set is in the item that every heartbeat writes, and a write costs a unit per KB. The set holds 45 bytes for each open
/// request of this kind.
#[tokio::test]
async fn open_requests_cost_heartbeats_a_unit_per_kb() {
    let mut units = Vec::new();
    for open in [0, 1, 8, 9, 16, 31, OPEN_REQUESTS_PER_RUNTIME] {
        units.push((open, heartbeat_units(open).await));
    }
    println!("write units of a heartbeat by open requests: {units:?}");
    assert_eq!(units, [(0, 1.0), (1, 1.0), (8, 1.0), (9, 1.0), (16, 2.0), (31, 2.0), (32, 2.0)]);
}

/// The same calls. Writes of the runtime's item cost one unit more, everything else costs the same.
#[tokio::test]
async fn open_requests_cost_no_further_call() {
    for in_flight in daemons() {
        let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
        let (runtime, _) = api.register("d").await;
        api.open_questions(&runtime, OPEN_REQUESTS_PER_RUNTIME - 1).await;
        let steps = api.lifecycle(&catalog_report(1), in_flight.as_ref()).await;
        let calls_of = |costs: Costs<'static>| -> Vec<_> {
            let names =
                |calls: Vec<(&'static str, f64)>| calls.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
            costs.into_iter().map(|(operation, calls)| (operation, names(calls))).collect()
        };
        let of_steps: Vec<_> = steps.iter().map(|step| (step.operation, calls(&step.cost))).collect();
        assert_eq!(of_steps, calls_of(designed()));
        let more = |step: &OperationCost, (_, designed): &(&str, Vec<(&str, f64)>)| {
            let designed: f64 = designed.iter().map(|(_, units)| units).sum();
            (step.operation, step.cost.write_units() + step.cost.read_units() - designed)
        };
        let more: Vec<_> =
            steps.iter().zip(&designed()).map(|(step, designed)| more(step, designed)).collect();
        println!("additional units with 31 open requests: {more:?}");
        let runtime_writes =
            ["register", "heartbeat_idle", "initiate", "heartbeat_work", "report", "deregister"];
        for (operation, more) in more {
            let expected = if runtime_writes.contains(&operation) { 1.0 } else { 0.0 };
            assert_eq!(more, expected, "{operation}");
        }
    }
}

/// A store whose calls are recorded, with a runtime.
struct Recorded {
    test: TestContext<DynamoDbStore>,
    recorder: Arc<CallRecorder>,
}

impl Recorded {
    async fn new() -> Self {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let recorder = Arc::new(CallRecorder::default());
        let store = engine.store_with_interceptor(Arc::<CallRecorder>::clone(&recorder));
        let test = TestContext::new(Replicas { replica_a: store.clone(), replica_b: store }).await;
        recorder.take();
        Self { test, recorder }
    }

    /// The calls since the last time, which are also printed.
    fn cost(&self, operation: &str) -> Vec<(String, f64)> {
        let calls = self.recorder.take().into_iter().map(|call| (call.operation, call.units)).collect();
        println!("{operation}: {calls:?}");
        calls
    }

    fn declaring(&self) -> Registration {
        let mut registration = self.test.registration("codex");
        let questions: Vec<Question> = serde_json::from_str(r#"[{"name":"disk_usage"}]"#).unwrap();
        registration.runtimes[0].questions = Questions::try_from(questions).unwrap();
        registration
    }
}

fn owned(calls: &[(&str, f64)]) -> Vec<(String, f64)> {
    calls.iter().map(|(name, units)| ((*name).to_owned(), *units)).collect()
}

/// A transaction costs two units for each item (AWS, "Managing complex workflows with DynamoDB transactions").
#[tokio::test]
async fn ring_with_key_costs_read_and_transaction() {
    let Recorded { test, recorder } = &Recorded::new().await;
    let with_key =
        |second| Ring { idempotency_key: Some("a".parse().unwrap()), ..test.new_ring(test.at(second)) };
    test.initiate(&with_key(1), test.at(1)).await;
    let first = Cost(recorder.take());
    assert_eq!(first.by_name(), [("GetItem", 1.0), ("UpdateItem", 1.0), ("TransactWriteItems", 4.0)]);
    test.initiate(&with_key(2), test.at(2)).await;
    let second = Cost(recorder.take());
    assert_eq!(second.by_name(), [("GetItem", 1.0), ("BatchGetItem", 2.0)], "the same request");
}

/// One read and one write more than another ring that finds nothing to join.
#[tokio::test]
async fn joining_ring_costs_a_read_and_two_writes() {
    let recorded = Recorded::new().await;
    let test = &recorded.test;
    let joining = |second| Ring { joins: true, ..test.new_ring(test.at(second)) };
    test.initiate(&joining(1), test.at(1)).await;
    assert_eq!(recorded.cost("nothing to join"), owned(&[("UpdateItem", 1.0), ("PutItem", 1.0)]));
    test.initiate(&joining(2), test.at(2)).await;
    let joined = owned(&[("UpdateItem", 1.0), ("BatchGetItem", 1.0), ("UpdateItem", 1.0)]);
    assert_eq!(recorded.cost("join"), joined);
}

#[tokio::test]
async fn requests_of_any_kind_cost_as_designed() {
    let recorded = Recorded::new().await;
    let test = &recorded.test;
    test.register(&test.replica_a, recorded.declaring(), test.start).await;
    let register =
        [("GetItem", 0.5), ("BatchGetItem", 1.0), ("PutItem", 1.0), ("PutItem", 1.0), ("UpdateItem", 1.0)];
    assert_eq!(recorded.cost("register with questions"), owned(&register));
    let kind = "disk_usage".parse().unwrap();
    test.replica_a.find_question(test.runtime, kind, &test.caller, test.start).await.unwrap();
    assert_eq!(recorded.cost("find question"), owned(&[("BatchGetItem", 2.0)]));
    test.list_runtimes(test.start).await;
    let list = [("Query", 1.0), ("BatchGetItem", 1.0), ("BatchGetItem", 1.0)];
    assert_eq!(recorded.cost("runtimes with questions"), owned(&list));

    let request = test.enqueue(&test.question_ring("{}", test.at(1)), test.at(1)).await.address;
    test.claim(request, test.at(2)).await;
    recorded.recorder.take();
    test.replica_a.report_progress(request, &test.caller, &"1".parse().unwrap(), test.at(3)).await.unwrap();
    assert_eq!(recorded.cost("progress"), owned(&[("UpdateItem", 1.0)]));
    test.cancel(request, test.at(4)).await;
    assert_eq!(recorded.cost("cancel"), owned(&[("UpdateItem", 1.0), ("UpdateItem", 1.0)]));
    test.replica_a.find_cancelled(test.runtime, &[request.request], test.at(5)).await.unwrap();
    assert_eq!(recorded.cost("find cancelled"), owned(&[("BatchGetItem", 1.0)]));

    test.register(&test.replica_a, test.registration("codex"), test.at(6)).await;
    let register =
        [("GetItem", 0.5), ("BatchGetItem", 1.0), ("PutItem", 1.0), ("DeleteItem", 1.0), ("UpdateItem", 1.0)];
    assert_eq!(recorded.cost("register without questions"), owned(&register));
    test.register(&test.replica_a, recorded.declaring(), test.at(7)).await;
    recorded.recorder.take();
    test.replica_a.forget_runtime(test.runtime, &test.caller, test.at(8)).await.unwrap();
    let forget = [("GetItem", 1.0), ("DeleteItem", 1.0), ("DeleteItem", 1.0), ("DeleteItem", 1.0)];
    assert_eq!(recorded.cost("forget with questions"), owned(&forget));
}

/// One read of all open requests, one removal, and the ring again.
#[tokio::test]
async fn full_queue_of_ended_requests_costs_one_batch() {
    let recorded = Recorded::new().await;
    let test = &recorded.test;
    for number in 0..u32::try_from(OPEN_REQUESTS_PER_RUNTIME).unwrap() {
        test.ring(test.start + Duration::from_millis(100) * number).await;
    }
    recorded.recorder.take();
    test.ring(test.at(40)).await;
    let cost = recorded.cost("ring a full queue");
    let names: Vec<&str> = cost.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["UpdateItem", "BatchGetItem", "UpdateItem", "UpdateItem", "PutItem"]);
    assert_eq!(cost[1].1, 32.0);
}

#[tokio::test]
async fn other_runtimes_cost_only_list() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    TableSeeder::new(&engine).await.runtimes(0..250).await;
    let steps = RecordedApi::new(&engine).lifecycle(&catalog_report(1), None).await;
    let (listed, others): (Vec<_>, Vec<_>) =
        costs(&steps).into_iter().partition(|(operation, _)| *operation == "runtimes");
    let (_, expected): (Vec<_>, Vec<_>) =
        designed().into_iter().partition(|(operation, _)| *operation == "runtimes");
    assert_eq!(others, expected);
    let batches = listed[0].1.iter().filter(|(call, _)| *call == "BatchGetItem");
    assert_eq!(batches.map(|(_, units)| units).sum::<f64>(), 251.0);
}

/// Twice a week.
#[tokio::test]
async fn renewal_of_listing_costs_three_writes() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("d").await;
    api.clock.advance(RUNTIME_RETENTION * 3 / 4);
    let (_, cost) = api.heartbeat(&runtime, None).await;
    // The embedded engine shows no units of the rejected renewal of questions, which DynamoDB charges.
    assert_eq!(calls(&cost), ["UpdateItem"; 4]);
    let (_, cost) = api.heartbeat(&runtime, None).await;
    assert_eq!(cost.by_name(), [("UpdateItem", 1.0)]);
}

#[tokio::test]
async fn forget_costs_a_read_and_two_deletes() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("d").await;
    let (_, cost) = api.call(Function::Forget, &format!("/api/runtimes/{runtime}"), json!({})).await;
    assert_eq!(cost.by_name(), [("GetItem", 1.0), ("DeleteItem", 1.0), ("DeleteItem", 1.0)]);
}

/// The first registration in a workspace creates its secret.
#[tokio::test]
async fn registration_of_new_runtime_counts_others() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = RecordedApi::new(&engine);
    let (_, first) = api.register("first").await;
    let writes = [("PutItem", 1.0), ("UpdateItem", 1.0)];
    let reads = [("GetItem", 0.5), ("UpdateItem", 1.0), ("BatchGetItem", 1.0), ("Query", 1.0)];
    assert_eq!(first.by_name(), [&reads[..], &writes].concat());
    TableSeeder::new(&engine).await.runtimes(0..999).await;
    api.clock.advance(FREE_CALL_INTERVAL);
    let (_, second) = api.register("second").await;
    let count = second.by_name()[2].1;
    println!("read units of a registration that counts 1,000 runtimes: {count}");
    assert_eq!(second.by_name()[..2], [("GetItem", 0.5), ("BatchGetItem", 1.0)]);
    assert_eq!(second.by_name()[2..], [&[("Query", count)][..], &writes].concat());
    assert!(count <= 30.0, "{count}");
}

/// Every heartbeat writes the item, and a write costs a unit per KB.
#[tokio::test]
async fn usual_runtime_item_is_under_1_kb() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = RecordedApi::new(&engine);
    let (runtime, _) = api.register("annas-macbook-pro.local").await;
    api.ring(&runtime).await;
    let (_, cost) = api.heartbeat(&runtime, None).await;
    assert_eq!(cost.by_name()[0], ("UpdateItem", 1.0));
    api.call(Function::Deregister, "/api/daemon/deregister", json!({"runtime_ids": [runtime]})).await;
    assert_eq!(item_size(&engine, &runtime).await.0, 18, "attributes");
}

/// The attributes and the bytes of a runtime's item, which is under 1 KB.
async fn item_size(engine: &EmbeddedDynamoDb, runtime: &str) -> (usize, usize) {
    let key = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
    let key = [key("pk", &format!("runtime#{runtime}")), key("sk", "runtime")];
    let get = engine.client(None).get_item().table_name(TABLE).set_key(Some(key.into()));
    let item = get.send().await.unwrap().item.unwrap();
    // AWS, "DynamoDB item sizes and formats": the names and strings in UTF-8; a number takes a byte for two digits, and one.
    let size = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::Ss(texts) => 3 + texts.iter().map(|text| 1 + text.len()).sum::<usize>(),
        other => panic!("{other:?}"),
    };
    let bytes: usize = item.iter().map(|(name, value)| name.len() + size(value)).sum();
    println!("a runtime item has {} attributes and {bytes} bytes", item.len());
    assert!(bytes < 1024, "{bytes}: {item:?}");
    (item.len(), bytes)
}

#[tokio::test]
async fn redelivery_costs_as_delivery() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("d").await;
    api.ring(&runtime).await;
    let none = json!([]);
    let (first, cost) = api.heartbeat(&runtime, Some(&none)).await;
    api.clock.advance(Duration::from_secs(6));
    let (second, second_cost) = api.heartbeat(&runtime, Some(&none)).await;
    assert_eq!((first, cost.by_name()), (second, second_cost.by_name()));
}

/// As text: 95 KB, so 95 write units for the request and as many for the snapshot, and 24 read units a poll.
#[tokio::test]
async fn catalog_of_200_models_costs_few_units() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let steps = api.lifecycle(&catalog_report(200), None).await;
    let units = |operation: &str| {
        let step = steps.iter().find(|step| step.operation == operation).unwrap();
        step.cost.write_units() + step.cost.read_units()
    };
    println!("units: report {}, poll of the result {}", units("report"), units("poll_result"));
    assert!(units("report") <= 17.0 && units("poll_result") <= 2.0, "{steps:?}");
}

/// As text and compressed, on both sides of the threshold.
#[tokio::test]
async fn small_report_costs_one_unit() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("d").await;
    for length in (0..1_500).step_by(50) {
        let (request, _) = api.ring(&runtime).await;
        let model = json!([{"id": "a", "label": "A", "description": "x".repeat(length)}]);
        let models = serde_json::from_value(model).unwrap();
        let report = ModelListReport::completed(ModelListResult { models, supported: true, fallback: false });
        let cost = api.report(&runtime, &request, &report).await;
        assert_eq!(cost.by_name(), [("UpdateItem", 1.0); 3], "{length}");
        // A report of the same time would not replace the snapshot.
        api.clock.advance(Duration::from_millis(1));
    }
}

/// A delivered request also has a history. 30 characters are an issuer's `auth0|` and 24 hex digits.
#[tokio::test]
async fn small_report_of_delivered_request_costs_one_unit() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let recorder = Arc::new(CallRecorder::default());
    let store = engine.store_with_interceptor(Arc::<CallRecorder>::clone(&recorder));
    let mut test = TestContext::new(Replicas { replica_a: store.clone(), replica_b: store.clone() }).await;
    test.caller.subject = "x".repeat(30);
    // A ring each second, all while the runtime is online.
    for (second, length) in (0..30).zip((0..1_500).step_by(50)) {
        let now = test.at(second);
        let address = test.ring(now).await.address;
        test.claim(address, now).await;
        recorder.take();
        let outcome = RequestOutcome::Completed(Payload::try_from("x".repeat(length)).unwrap());
        store
            .report(address, KindFilter::Any, &test.caller, &outcome, CatalogUpdate::Keep, now)
            .await
            .unwrap();
        assert_eq!(Cost(recorder.take()).by_name(), [("UpdateItem", 1.0); 2], "{length}");
    }
}

/// A second ring within a second costs one write more. DynamoDB charges a failed condition (AWS, "Read and write operations
/// in DynamoDB"), although no response shows it. The first update charges the token.
#[tokio::test]
async fn early_ring_costs_one_more_write() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("d").await;
    api.ring(&runtime).await;
    // Of another kind, because it would join the first.
    let path = format!("/api/runtimes/{runtime}/local-skills");
    let (_, cost) = api.call(Function::Initiate, &path, json!({})).await;
    assert_eq!(calls(&cost), ["UpdateItem", "UpdateItem", "UpdateItem", "PutItem"]);
}

fn calls(cost: &Cost) -> Vec<&str> {
    cost.by_name().into_iter().map(|(operation, _)| operation).collect()
}

/// Each instance accepts one free ring of a token in ten seconds.
#[tokio::test]
async fn only_fast_rings_of_a_token_cost_one_more_write() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let mut runtimes = Vec::new();
    for daemon in 0..4 {
        runtimes.push(api.register(&daemon.to_string()).await.0);
    }
    let mut costs = Vec::new();
    for runtime in &runtimes[..3] {
        costs.push(api.ring(runtime).await.1);
    }
    api.clock.advance(FREE_CALL_INTERVAL);
    costs.push(api.ring(&runtimes[3]).await.1);
    let usual = vec!["UpdateItem", "PutItem"];
    let fast = vec!["UpdateItem", "UpdateItem", "PutItem"];
    assert_eq!(costs.iter().map(calls).collect::<Vec<_>>(), [usual.clone(), fast.clone(), fast, usual]);
}

/// The instance remembers that the token is over its rate.
#[tokio::test]
async fn rejected_ring_of_a_token_costs_nothing() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let mut runtimes = Vec::new();
    for daemon in 0..4 {
        runtimes.push(api.register(&daemon.to_string()).await.0);
    }
    // Each runtime accepts 30. One ring is free, and the last is rejected by the store.
    for number in 0..=TOKEN_RING_BURST {
        api.ring(&runtimes[usize::try_from(number / RING_BURST).unwrap()]).await;
    }
    let (statuses, costs): (Vec<_>, Vec<_>) =
        [api.try_ring(&runtimes[3]).await, api.try_ring(&runtimes[3]).await].into_iter().unzip();
    assert_eq!(statuses, [429, 429]);
    assert_eq!(costs.iter().map(calls).collect::<Vec<_>>(), [[] as [&str; 0]; 2]);
}

#[tokio::test]
async fn first_use_of_a_day_costs_one_write() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = RecordedApi::new(&engine);
    issue_dev_tokens(&engine.store(), api.clock.now()).await.unwrap();
    let mut costs = Vec::new();
    for hours in [0, 1, 23, 1] {
        api.clock.advance(Duration::from_secs(hours * 3600));
        costs.push(api.authorize_with("Bearer dbu_dev_a").await.1);
    }
    let [read, write] = ["GetItem", "UpdateItem"];
    assert_eq!(
        costs.iter().map(calls).collect::<Vec<_>>(),
        [vec![read, write], vec![read], vec![read], vec![read, write]]
    );
}

#[tokio::test]
async fn malformed_authorization_costs_no_call() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let long = format!("Bearer dbu_{}", "a".repeat(200));
    for header in [
        "",
        " ",
        "dbu_dev_a",
        "Basic dbu_dev_a",
        "Bearer",
        "Bearer ",
        "Bearer dbu_",
        "Bearer dbx_a",
        "Bearer dbu_a b",
        "Bearer dbu_a,Bearer dbu_b",
        "Bearer dbu_ä",
        "Bearer dbd_{}",
        "Bearer a.b.c",
        &long,
    ] {
        let (caller, cost) = api.authorize_with(header).await;
        assert_eq!((caller, calls(&cost)), (Caller::Anonymous, vec![]), "{header}");
    }
    let (caller, cost) = api.authorize_with("Bearer dbu_unknown").await;
    assert_eq!((caller, calls(&cost)), (Caller::Anonymous, vec!["GetItem"]), "well-formed");
}
