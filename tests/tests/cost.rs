//! What each call costs in calls to DynamoDB and request units: counted from the engine's `ConsumedCapacity`, equal to
//! the design's, and the same with ten thousand answered requests waiting for TTL in the runtime's partition.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use doorbell_authorizer::AuthorizerEvent;
use doorbell_authorizer::oidc::Oidc;
use doorbell_cli::gateway;
use doorbell_shared::access::Scope;
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::http::Backend;
use doorbell_shared::http::principal::Caller;
use doorbell_shared::http::routes::Function;
use doorbell_shared::id::RuntimeId;
use doorbell_shared::limits::ATTENTION;
use doorbell_shared::mint::{Ids, RandomIds};
use doorbell_shared::request::{Address, Kind};
use doorbell_shared::runtime::Registration;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Meter};
use doorbell_shared::store::{Heartbeat, Initiate, Initiated, Register, Report};
use doorbell_tests::TestClock;
use doorbell_tests::api::WORKSPACE_A;
use doorbell_tests::catalog::catalog_report;
use doorbell_tests::event::event;
use serde_json::{Value, json};

/// Calls by name, and the units that each consumed.
type Cost = Vec<(String, f64)>;

struct Metered {
    backend: Backend<DynamoDbStore>,
    clock: Arc<TestClock>,
    meter: Arc<Meter>,
}

impl Metered {
    fn on(engine: &EmbeddedDynamoDb) -> Self {
        let meter = Arc::new(Meter::default());
        let store = engine.store_through(Arc::<Meter>::clone(&meter));
        let clock = Arc::new(TestClock::default());
        let backend = Backend { clock: Arc::<TestClock>::clone(&clock), ..Backend::new(store) };
        Self { backend, clock, meter }
    }

    /// Registers a runtime, uncounted, and gives its id.
    async fn register(&self) -> String {
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
        let (registered, _) = self.call(Function::Register, "/api/daemon/register", body).await;
        registered["runtimes"][0]["id"].as_str().unwrap().to_owned()
    }

    async fn call(&self, function: Function, path: &str, body: Value) -> (Value, Cost) {
        let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
        let response = gateway::call(function, &self.backend, &event(function, scope, path, &body)).await;
        assert_eq!(response.status(), 200, "{function:?}: {:?}", response.body());
        let body = serde_json::from_slice(response.body()).unwrap();
        (body, self.meter.take().into_iter().map(|call| (call.operation, call.units)).collect())
    }
}

/// One lifecycle, call by call: what was called, and what it cost. Of a daemon that says what is in flight, or of one that
/// does not.
async fn lifecycle(api: &Metered, in_flight: Option<Value>) -> Vec<(&'static str, Cost)> {
    let mut costs = Vec::new();
    let registration =
        json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
    let (registered, cost) = api.call(Function::Register, "/api/daemon/register", registration).await;
    costs.push(("register", cost));
    let runtime = registered["runtimes"][0]["id"].as_str().unwrap().to_owned();
    let mut beat = json!({"runtime_id": runtime});
    if let Some(in_flight) = in_flight {
        beat["in_flight"] = in_flight;
    }
    let heartbeat = async || api.call(Function::Heartbeat, "/api/daemon/heartbeat", beat.clone()).await;

    costs.push(("idle heartbeat", heartbeat().await.1));
    let models = format!("/api/runtimes/{runtime}/models");
    let (asked, cost) = api.call(Function::Initiate, &models, json!({})).await;
    costs.push(("initiate", cost));
    let request = asked["id"].as_str().unwrap().to_owned();
    let poll = format!("{models}/{request}");
    costs.push(("poll", api.call(Function::Poll, &poll, json!({})).await.1));
    let (beat, cost) = heartbeat().await;
    assert_eq!(beat["pending_model_list"]["id"], request.as_str());
    costs.push(("heartbeat with work", cost));
    let report = json!({"status": "completed", "models": [{"id": "a", "label": "A"}]});
    let result = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
    costs.push(("report", api.call(Function::Report, &result, report).await.1));
    costs.push(("poll of the result", api.call(Function::Poll, &poll, json!({})).await.1));
    costs.push(("runtimes", api.call(Function::Runtimes, "/api/runtimes", json!({})).await.1));
    let gone = json!({"runtime_ids": [runtime]});
    costs.push(("deregister", api.call(Function::Deregister, "/api/daemon/deregister", gone).await.1));
    costs
}

fn design() -> Vec<(&'static str, Cost)> {
    let cost =
        |calls: &[(&str, f64)]| calls.iter().map(|(name, units)| ((*name).to_owned(), *units)).collect();
    vec![
        ("register", cost(&[("PutItem", 1.0), ("UpdateItem", 1.0)])),
        ("idle heartbeat", cost(&[("UpdateItem", 1.0)])),
        ("initiate", cost(&[("UpdateItem", 1.0), ("PutItem", 1.0)])),
        ("poll", cost(&[("GetItem", 1.0)])),
        ("heartbeat with work", cost(&[("UpdateItem", 1.0), ("Query", 1.0), ("UpdateItem", 1.0)])),
        ("report", cost(&[("UpdateItem", 1.0)])),
        ("poll of the result", cost(&[("GetItem", 1.0)])),
        ("runtimes", cost(&[("Query", 1.0), ("BatchGetItem", 1.0)])),
        ("deregister", cost(&[("UpdateItem", 1.0)])),
    ]
}

/// Answered hours ago and due for deletion, which DynamoDB gets round to "within a few days". One a second, which is as
/// fast as a runtime may be rung.
async fn leave_dead_requests(engine: &EmbeddedDynamoDb, runtime: RuntimeId, how_many: u64) {
    leave_answered_requests(engine, runtime, how_many, Duration::from_secs(3600), 0).await;
}

/// One a second, each answered at once with so many models, the last one so long `ago`.
async fn leave_answered_requests(
    engine: &EmbeddedDynamoDb,
    runtime: RuntimeId,
    how_many: u64,
    ago: Duration,
    models: u16,
) {
    let (store, ids) = (engine.store(), RandomIds::default());
    let workspace = WORKSPACE_A.parse().unwrap();
    let allowed = [workspace].into_iter().collect();
    let start = SystemClock.now() - Duration::from_secs(how_many) - ago;
    let text = |text: &str| text.to_owned().try_into().unwrap();
    let (daemon_id, provider, name) = (text("d"), text("codex"), text("codex"));
    let registration = Registration { id: runtime, workspace, daemon_id, provider, name, online: true };
    store.register(registration, start).await.unwrap();
    let outcome = catalog_report(models).outcome().unwrap();
    for second in 0..how_many {
        let then = start + Duration::from_secs(second);
        if second % 30 == 0 {
            store.beat(runtime, &allowed, then).await.unwrap();
        }
        let address = Address { runtime, request: ids.request_id(then), kind: Kind::ModelList };
        let initiated = store.initiate(address, &allowed, then).await.unwrap();
        assert!(matches!(initiated, Initiated::Enqueued(_)), "{initiated:?}");
        store.report(address, &allowed, &outcome, then).await.unwrap();
    }
}

#[tokio::test]
async fn each_operation_costs_what_the_design_says() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    assert_eq!(lifecycle(&Metered::on(&engine), None).await, design());
}

#[tokio::test]
async fn a_daemon_that_says_what_is_in_flight_costs_the_same() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    assert_eq!(lifecycle(&Metered::on(&engine), Some(json!([]))).await, design());
}

#[tokio::test]
async fn ten_thousand_dead_items_in_the_partition_change_nothing() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let runtime = RuntimeId::derive(WORKSPACE_A.parse().unwrap(), "d", "codex", "");
    leave_dead_requests(&engine, runtime, 10_000).await;
    let api = Metered::on(&engine);
    for in_flight in [None, Some(json!([]))] {
        assert_eq!(lifecycle(&api, in_flight).await, design());
        api.clock.advance(ATTENTION * 2);
    }
}

/// A handed out request is the same item again: another claim, and no read more.
#[tokio::test]
async fn a_redelivery_costs_what_a_delivery_does() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = Metered::on(&engine);
    let runtime = api.register().await;
    api.call(Function::Initiate, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
    let beat = json!({"runtime_id": runtime, "in_flight": []});
    let first = api.call(Function::Heartbeat, "/api/daemon/heartbeat", beat.clone()).await;
    api.clock.advance(Duration::from_secs(6));
    let again = api.call(Function::Heartbeat, "/api/daemon/heartbeat", beat).await;
    assert_eq!(first, again);
}

/// Whether it is stored as text or compressed, and nothing in between.
#[tokio::test]
async fn a_report_of_a_few_models_costs_one_unit() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = Metered::on(&engine);
    let runtime = api.register().await;
    for length in (0..1_500).step_by(50) {
        let (asked, _) =
            api.call(Function::Initiate, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
        let request = asked["id"].as_str().unwrap();
        let result = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
        let model = json!({"id": "a", "label": "A", "description": "x".repeat(length)});
        let report = json!({"status": "completed", "models": [model]});
        let (_, cost) = api.call(Function::Report, &result, report).await;
        assert_eq!(cost, [("UpdateItem".to_owned(), 1.0)], "{length}");
    }
}

/// Stored as text it would be one write unit for each KB of its 95, and 24 read units for each poll.
#[tokio::test]
async fn a_catalog_of_two_hundred_models_costs_a_few_units() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = Metered::on(&engine);
    let runtime = api.register().await;
    let models = format!("/api/runtimes/{runtime}/models");
    let (asked, _) = api.call(Function::Initiate, &models, json!({})).await;
    let request = asked["id"].as_str().unwrap();
    let result = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
    let body = json!(catalog_report(200));
    let (_, report) = api.call(Function::Report, &result, body.clone()).await;
    let (shown, poll) = api.call(Function::Poll, &format!("{models}/{request}"), json!({})).await;
    assert_eq!(shown["models"], body["models"]);
    println!("{} KB of text: {report:?}, {poll:?}", body.to_string().len() / 1024);
    assert!(report.len() == 1 && report[0].1 <= 8.0, "{report:?}");
    assert!(poll.len() == 1 && poll[0].1 <= 2.0, "{poll:?}");
}

/// What was answered is read by a look as far back as anything may be found: 35 s, or 95 s where what was handed out is
/// looked for too. Here as fast as a runtime may be rung, each ring answered with a catalog.
#[tokio::test]
async fn saying_what_is_in_flight_reads_further_back() {
    for (models, most) in [(1, [6.0, 14.0]), (20, [20.0, 54.0]), (200, [72.0, 192.0])] {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let api = Metered::on(&engine);
        let runtime = api.register().await;
        leave_answered_requests(&engine, runtime.parse().unwrap(), 120, Duration::ZERO, models).await;
        api.call(Function::Initiate, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
        let mut units = Vec::new();
        for beat in [json!({"runtime_id": runtime}), json!({"runtime_id": runtime, "in_flight": []})] {
            let (_, cost) = api.call(Function::Heartbeat, "/api/daemon/heartbeat", beat).await;
            units.push(cost.iter().filter(|(call, _)| call == "Query").map(|(_, units)| units).sum::<f64>());
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
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = Metered::on(&engine);
    let models = format!("/api/runtimes/{}/models", api.register().await);
    api.call(Function::Initiate, &models, json!({})).await;
    let (_, cost) = api.call(Function::Initiate, &models, json!({})).await;
    let calls: Vec<_> = cost.iter().map(|(operation, _)| operation.as_str()).collect();
    assert_eq!(calls, ["UpdateItem", "UpdateItem", "PutItem"]);
}

/// Counted apart from the function's own calls: API Gateway remembers the answer, and asks again once a minute.
#[tokio::test]
async fn knowing_a_token_costs_one_read() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let api = Metered::on(&engine);
    gateway::issue_dev_tokens(&engine.store(), api.backend.clock.now()).await.unwrap();
    let event = json!({"headers": {"authorization": "Bearer dbd_dev_a"}});
    let event: AuthorizerEvent = serde_json::from_value(event).unwrap();
    let oidc: Option<&Oidc> = None;
    let answer = doorbell_authorizer::handle(&api.backend, oidc, &event).await.unwrap();
    assert!(matches!(answer.context, Caller::Known(_)));
    let calls: Cost = api.meter.take().into_iter().map(|call| (call.operation, call.units)).collect();
    assert_eq!(calls, [("GetItem".to_owned(), 1.0)]);
}
