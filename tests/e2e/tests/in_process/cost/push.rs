//! Calls and units with the push channel.

use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::limits::{ONLINE_WINDOW, RUNTIMES_PER_HEARTBEAT};
use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::{FREE_CALL_INTERVAL, HEARTBEAT_INTERVAL, REMINDER_AFTER};
use doorbell_shared::push::ClientId;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::catalog::catalog_report;
use doorbell_test_support::cost::{Cost, RecordedApi};
use doorbell_test_support::push::{Answer, DEPLOYMENT, INTERVAL, PushCall, ScriptedPush};
use doorbell_test_support::seed::TableSeeder;
use serde_json::json;

use crate::cost::{item_size, owned};

/// A poll after this is due a reminder.
const LATE: Duration = REMINDER_AFTER.saturating_add(Duration::from_millis(1));

/// The API with the push channel.
struct Fixture {
    engine: EmbeddedDynamoDb,
    push: Arc<ScriptedPush>,
    api: RecordedApi,
}

impl Fixture {
    async fn new() -> Self {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let push = Arc::new(ScriptedPush::default());
        let api = RecordedApi::with_push(&engine, &push);
        Self { engine, push, api }
    }

    /// Registers `count` runtimes of the daemon `d`; returns their ids.
    async fn register(&self, count: usize) -> Vec<String> {
        let programs: Vec<_> = (0..count).map(|number| json!({"type": format!("agent-{number}")})).collect();
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "push": true, "runtimes": programs});
        let (registered, _) = self.api.call(Function::Register, "/api/daemon/register", body).await;
        let registered = registered["runtimes"].as_array().unwrap();
        registered.iter().map(|runtime| runtime["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Sends a heartbeat that proves the channel.
    async fn prove(&self, runtimes: &[String]) -> Cost {
        let (next, cost) = self.api.daemon_heartbeat(runtimes, true).await;
        assert_eq!(next, INTERVAL.as_secs());
        cost
    }
}

/// The client id of the daemon `d`.
fn client() -> ClientId {
    let daemon = "d".to_owned().try_into().unwrap();
    ClientId::new(&DEPLOYMENT.parse().unwrap(), WORKSPACE_A.parse().unwrap(), &daemon)
}

/// Calls with their units, and the number of calls of the push channel.
type Step = (&'static str, Vec<(String, f64)>, usize);

fn designed() -> Vec<Step> {
    let [write, read] = [("UpdateItem", 1.0), ("GetItem", 1.0)];
    let put = ("PutItem", 1.0);
    let step = |operation, calls: &[(&str, f64)], pushed| (operation, owned(calls), pushed);
    vec![
        step("heartbeat without push", &[write], 0),
        step("heartbeat that does not prove", &[write, write], 1),
        // The last heartbeat, the connection, and the lease.
        step("heartbeat that proves", &[write, write, write], 1),
        step("heartbeat with a fresh lease", &[write], 0),
        step("ring", &[write, put], 1),
        step("poll", &[read], 0),
        step("poll with a reminder", &[read, write, read], 1),
        step("poll after a reminder", &[read], 0),
        step("heartbeat after a hint", &[write, write], 0),
        step("ring with an undelivered hint", &[write, put, write], 1),
        // Its client is disconnected.
        step("ring with an unacknowledged hint", &[write, put, write], 2),
        // Another two writes cancel the request.
        step("ring of an offline runtime", &[write, put, write, write, write], 1),
        step("end of a connection", &[read, ("BatchGetItem", 1.0), write], 1),
        step("end of a connection without leases", &[read, ("BatchGetItem", 1.0)], 0),
        step("connect", &[read, put], 0),
    ]
}

/// Each operation once, with a runtime of the daemon `d`.
async fn steps(fixture: &Fixture) -> Vec<Step> {
    let Fixture { push, api, .. } = fixture;
    let runtimes = fixture.register(1).await;
    let runtime = &runtimes[0];
    let mut steps = Vec::new();
    let mut record = |operation, cost: Cost| {
        let calls = cost.0.into_iter().map(|call| (call.operation, call.units)).collect();
        steps.push((operation, calls, push.take().len()));
    };
    record("heartbeat without push", api.daemon_heartbeat(&runtimes, false).await.1);
    push.answer_next([Answer::NotConnected]);
    let (next, cost) = api.daemon_heartbeat(&runtimes, true).await;
    assert_eq!(next, HEARTBEAT_INTERVAL.as_secs());
    record("heartbeat that does not prove", cost);
    record("heartbeat that proves", fixture.prove(&runtimes).await);
    record("heartbeat with a fresh lease", fixture.prove(&runtimes).await);

    let (request, cost) = api.ring(runtime).await;
    record("ring", cost);
    record("poll", api.poll(runtime, &request).await.1);
    api.clock.advance(LATE);
    record("poll with a reminder", api.poll(runtime, &request).await.1);
    record("poll after a reminder", api.poll(runtime, &request).await.1);
    record("heartbeat after a hint", api.daemon_heartbeat(&runtimes, true).await.1);
    api.report(runtime, &request, &catalog_report(1)).await;

    for (operation, answer) in [
        ("ring with an undelivered hint", Answer::NotConnected),
        ("ring with an unacknowledged hint", Answer::Unacknowledged),
    ] {
        // Another ring of the token before would be charged.
        api.clock.advance(FREE_CALL_INTERVAL);
        push.answer_next([answer]);
        let (request, cost) = api.ring(runtime).await;
        record(operation, cost);
        api.report(runtime, &request, &catalog_report(1)).await;
        // A plain heartbeat comes first.
        api.daemon_heartbeat(&runtimes, false).await;
        fixture.prove(&runtimes).await;
        push.take();
    }
    api.clock.advance(ONLINE_WINDOW + Duration::from_millis(1));
    push.answer_next([Answer::NotConnected]);
    let (status, cost) = api.try_ring(runtime).await;
    assert_eq!(status, 503);
    record("ring of an offline runtime", cost);

    fixture.prove(&runtimes).await;
    push.take();
    push.set_connected(&client(), false);
    record("end of a connection", api.disconnected(&client()).await);
    record("end of a connection without leases", api.disconnected(&client()).await);
    record("connect", api.connect(&client()).await);
    steps
}

#[tokio::test(start_paused = true)]
async fn push_costs_as_designed() {
    assert_eq!(steps(&Fixture::new().await).await, designed());
}

#[tokio::test(start_paused = true)]
async fn cost_of_push_is_flat_with_10000_dead_items() {
    let fixture = Fixture::new().await;
    let runtimes = fixture.register(1).await;
    let seeder = TableSeeder::new(&fixture.engine).await;
    seeder.dead_requests(&runtimes[0], 0..10_000, &catalog_report(1)).await;
    assert_eq!(steps(&fixture).await, designed());
}

/// The proof of a daemon is one message. The connection's item has 39 bytes for each runtime.
#[tokio::test(start_paused = true)]
async fn runtimes_of_a_daemon_share_a_connection() {
    let fixture = Fixture::new().await;
    let runtimes = fixture.register(RUNTIMES_PER_HEARTBEAT).await;
    let proof = fixture.prove(&runtimes).await;
    assert_eq!(proof.0.len(), 2 * RUNTIMES_PER_HEARTBEAT + 1);
    assert_eq!(fixture.push.take().len(), 1);
    fixture.push.set_connected(&client(), false);
    let end = fixture.api.disconnected(&client()).await;
    assert_eq!(end.0.len(), 2 + RUNTIMES_PER_HEARTBEAT);
    assert_eq!(fixture.push.take(), [PushCall::IsConnected(client())]);
    let units = [proof.write_units(), end.read_units(), end.write_units()];
    println!("units of 50 runtimes: proof {} write, end {} read and {} write", units[0], units[1], units[2]);
    assert_eq!(units, [102.0, 51.0, 50.0]);
}

/// Without a channel, a daemon that says it is connected is one without push.
#[tokio::test]
async fn deployment_without_push_pays_nothing_for_it() {
    let api = RecordedApi::new(&EmbeddedDynamoDb::start().await.unwrap());
    let (runtime, _) = api.register("d").await;
    let (next, cost) = api.daemon_heartbeat(std::slice::from_ref(&runtime), true).await;
    assert_eq!((next, cost.by_name()), (HEARTBEAT_INTERVAL.as_secs(), vec![("UpdateItem", 1.0)]));
    let (request, cost) = api.ring(&runtime).await;
    assert_eq!(cost.by_name(), [("UpdateItem", 1.0), ("PutItem", 1.0)]);
    api.clock.advance(LATE);
    assert_eq!(api.poll(&runtime, &request).await.1.by_name(), [("GetItem", 1.0)]);
}

/// Its daemon does not learn that no hints are sent any more.
#[tokio::test]
async fn first_ring_ends_lease_of_channel_that_was_removed() {
    let Fixture { engine, api, .. } = Fixture::new().await;
    let (runtime, _) = api.register("d").await;
    api.daemon_heartbeat(std::slice::from_ref(&runtime), true).await;
    let api = RecordedApi::new(&engine);
    let (request, cost) = api.ring(&runtime).await;
    assert_eq!(cost.by_name(), [("UpdateItem", 1.0), ("PutItem", 1.0), ("UpdateItem", 1.0)]);
    // The next ring would join it.
    api.report(&runtime, &request, &catalog_report(1)).await;
    api.clock.advance(FREE_CALL_INTERVAL);
    let (request, cost) = api.ring(&runtime).await;
    assert_eq!(cost.by_name(), [("UpdateItem", 1.0), ("PutItem", 1.0)]);
    api.clock.advance(LATE);
    assert_eq!(api.poll(&runtime, &request).await.1.by_name(), [("GetItem", 1.0)]);
}

/// Every heartbeat writes the item, and a write costs a unit per KB. Also with nine open requests.
#[tokio::test]
async fn leased_runtime_item_is_under_1_kb() {
    let Fixture { engine, push, api } = Fixture::new().await;
    let (runtime, _) = api.register("annas-macbook-pro.local").await;
    api.daemon_heartbeat(std::slice::from_ref(&runtime), true).await;
    assert_eq!(push.take().len(), 1);
    api.ring(&runtime).await;
    assert_eq!(item_size(&engine, &runtime).await.0, 19, "attributes");
    api.open_questions(&runtime, 7).await;
    api.clock.advance(FREE_CALL_INTERVAL);
    // With args, because it would join the first.
    let body = json!({"kind": "model_list", "args": 1});
    let (_, cost) = api.call(Function::Initiate, &format!("/api/runtimes/{runtime}/requests"), body).await;
    assert_eq!(cost.by_name(), [("UpdateItem", 1.0), ("PutItem", 1.0)]);
    item_size(&engine, &runtime).await;
}
