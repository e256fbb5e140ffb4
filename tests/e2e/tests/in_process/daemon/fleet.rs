//! The client's requests to many runtimes at once.

use std::collections::BTreeMap;
use std::time::Duration;

use doorbell_client::{AskOptions, Fleet, FleetOutcome};
use doorbell_protocol::{Kind, RuntimeId};
use doorbell_shared::clock::Stopwatch;
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer};
use serde_json::json;

use crate::daemon::fixtures::{REQUEST, api, runtime, seconds};

const KIND: Kind = Kind::constant("disk_usage");
const TIME: &str = "2026-11-22T03:41:07.123Z";

/// The pending deadline of the scripted servers.
const DEADLINE: Duration = Duration::from_secs(30);

fn record(runtime: RuntimeId, status: &str) -> Reply {
    let record = json!({
        "id": REQUEST, "runtime_id": runtime, "kind": KIND, "status": status, "created_at": TIME, "updated_at": TIME,
    });
    Reply::Json(200, record)
}

fn runtimes(prefix: &str, count: usize) -> Vec<RuntimeId> {
    (0..count).map(|number| runtime(&format!("{prefix}{number}"))).collect()
}

fn runtime_of(call: &ScriptedCall) -> RuntimeId {
    call.path.split('/').nth(3).unwrap().parse().unwrap()
}

/// A poll of a request that no daemon claims. The server holds its response as it was asked to.
fn silent(call: &ScriptedCall) -> Reply {
    let wait = call.path.split_once("?wait=").map_or(0, |(_, wait)| wait.parse().unwrap());
    let left = DEADLINE.saturating_sub(call.at);
    if Duration::from_secs(wait) < left {
        record(runtime_of(call), "pending").after(Duration::from_secs(wait))
    } else {
        record(runtime_of(call), "timeout").after(left)
    }
}

/// A server on which the runtimes that are neither `offline` nor `silent` answer at once.
async fn server(offline: Vec<RuntimeId>, silent_ones: Vec<RuntimeId>) -> ScriptedServer {
    ScriptedServer::start(move |call| {
        let runtime = runtime_of(call);
        if offline.contains(&runtime) {
            Reply::error(503, "runtime is offline")
        } else if call.method == "POST" {
            record(runtime, "pending")
        } else if silent_ones.contains(&runtime) {
            silent(call)
        } else {
            record(runtime, "completed")
        }
    })
    .await
}

fn ask(server: &ScriptedServer, runtimes: impl IntoIterator<Item = RuntimeId>, waits: bool) -> Fleet {
    let options = AskOptions { rate_limit_timeout: seconds(20.0), ..AskOptions::new(KIND) };
    let runtimes = runtimes.into_iter().map(|runtime| (runtime, seconds(60.0)));
    Fleet::ask(&api(server), &options, runtimes, waits)
}

fn name(outcome: &FleetOutcome) -> &'static str {
    match outcome {
        FleetOutcome::Asked(_) => "asked",
        FleetOutcome::Answered(_) => "answered",
        FleetOutcome::Late(_) => "late",
        FleetOutcome::Failed(_) => "failed",
        FleetOutcome::Offline => "offline",
        FleetOutcome::Error(_) => "error",
    }
}

/// The number of each outcome.
async fn outcomes(mut fleet: Fleet) -> BTreeMap<&'static str, usize> {
    let mut outcomes = BTreeMap::new();
    while let Some((_, outcome)) = fleet.next().await {
        *outcomes.entry(name(&outcome)).or_default() += 1;
    }
    assert_eq!(fleet.open(), []);
    outcomes
}

/// With 40 silent runtimes, more requests are open than calls may be in flight.
#[tokio::test(start_paused = true)]
async fn silent_runtimes_end_within_one_deadline() {
    for (silent, answering) in [(5, 40), (40, 5)] {
        let [offline, silent, answering] = [("offline", 5), ("silent", silent), ("up", answering)]
            .map(|(name, count)| runtimes(name, count));
        let counts = BTreeMap::from([("offline", 5), ("late", silent.len()), ("answered", answering.len())]);
        let server = server(offline.clone(), silent.clone()).await;
        let watch = Stopwatch::start();
        assert_eq!(outcomes(ask(&server, [offline, silent, answering].concat(), true)).await, counts);
        assert!((DEADLINE..DEADLINE + seconds(3.0)).contains(&watch.elapsed()), "{:?}", watch.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn answers_come_before_silent_runtimes_end() {
    let silent = runtimes("silent", 30);
    let answering = runtimes("up", 3);
    let server = server(Vec::new(), silent.clone()).await;
    let watch = Stopwatch::start();
    let mut fleet = ask(&server, [silent.clone(), answering].concat(), true);
    for _ in 0..3 {
        assert_eq!(name(&fleet.next().await.unwrap().1), "answered");
    }
    assert!(watch.elapsed() < seconds(2.0), "{:?}", watch.elapsed());
    let open: Vec<_> =
        fleet.open().into_iter().map(|(runtime, request)| (runtime, request.is_some())).collect();
    let mut expected: Vec<_> = silent.into_iter().map(|runtime| (runtime, true)).collect();
    expected.sort_unstable();
    assert_eq!(open, expected);
}

#[tokio::test(start_paused = true)]
async fn at_most_16_calls_are_in_flight() {
    let server = ScriptedServer::start(|call| match call.method.as_str() {
        "POST" => record(runtime_of(call), "pending"),
        _ => record(runtime_of(call), "completed").after(seconds(1.0)),
    });
    let server = server.await;
    assert_eq!(outcomes(ask(&server, runtimes("up", 40), true)).await, BTreeMap::from([("answered", 40)]));
    let polls: Vec<_> =
        server.calls().into_iter().filter(|call| call.method == "GET").map(|call| call.at).collect();
    let in_flight_at = |time| polls.iter().filter(|at| (time..time + seconds(1.0)).contains(*at)).count();
    assert_eq!(polls.iter().map(|at| in_flight_at(*at)).max(), Some(16));
}

/// The rate of a token: a burst, then a few rings a second.
#[tokio::test(start_paused = true)]
async fn rate_limit_slows_rings_down() {
    let server = ScriptedServer::start(|call| {
        let number: usize =
            (0..60).find(|number| runtime(&format!("up{number}")) == runtime_of(call)).unwrap();
        if call.at.as_secs_f64() < number as f64 / 10.0 {
            Reply::RateLimited(1)
        } else {
            record(runtime_of(call), "completed")
        }
    });
    let server = server.await;
    assert_eq!(outcomes(ask(&server, runtimes("up", 60), true)).await, BTreeMap::from([("answered", 60)]));
    // Only the 16 runtimes whose turn it is are tried again.
    assert!(server.calls().len() < 60 + 16 * 7, "{}", server.calls().len());
}

#[tokio::test(start_paused = true)]
async fn without_waiting_requests_stay_open() {
    let server = server(runtimes("offline", 1), Vec::new()).await;
    let fleet = ask(&server, [runtimes("offline", 1), runtimes("up", 2)].concat(), false);
    assert_eq!(outcomes(fleet).await, BTreeMap::from([("asked", 2), ("offline", 1)]));
    assert!(server.calls().iter().all(|call| call.method == "POST"));
}

#[tokio::test(start_paused = true)]
async fn other_failures_are_distinguished() {
    let [failed, unknown, lost] = ["failed", "unknown", "lost"].map(runtime);
    let server = ScriptedServer::start(move |call| match runtime_of(call) {
        runtime if runtime == failed => record(runtime, "failed"),
        runtime if runtime == unknown => Reply::error(404, "unknown kind"),
        _ => Reply::error(500, "failed to enqueue request"),
    });
    let fleet = ask(&server.await, [failed, unknown, lost], true);
    assert_eq!(outcomes(fleet).await, BTreeMap::from([("failed", 1), ("error", 2)]));
}

async fn cancel(server: &ScriptedServer, runtimes: Vec<RuntimeId>) -> Result<Option<RuntimeId>, String> {
    let request = REQUEST.parse().unwrap();
    let cancelled = doorbell_client::cancel_on_any(&api(server), runtimes, request).await;
    cancelled.map(|record| record.map(|record| record.runtime_id)).map_err(|error| error.to_string())
}

#[tokio::test(start_paused = true)]
async fn cancel_finds_runtime_of_request() {
    let runtimes = runtimes("up", 40);
    let owner = runtimes[33];
    let server = ScriptedServer::start(move |call| match runtime_of(call) {
        runtime if runtime == owner => record(runtime, "failed"),
        _ => Reply::error(404, "request not found"),
    });
    let server = server.await;
    assert_eq!(cancel(&server, runtimes.clone()).await, Ok(Some(owner)));
    assert!(server.calls().iter().all(|call| call.method == "DELETE"));
    let others = runtimes.into_iter().filter(|runtime| *runtime != owner).collect();
    assert_eq!(cancel(&server, others).await, Ok(None));
}

/// The runtime whose call failed may have the request.
#[tokio::test(start_paused = true)]
async fn failed_search_is_an_error() {
    let broken = runtime("up1");
    let server = ScriptedServer::start(move |call| match runtime_of(call) {
        runtime if runtime == broken => Reply::error(500, "failed to load request"),
        _ => Reply::error(404, "request not found"),
    });
    let failed = cancel(&server.await, runtimes("up", 3)).await;
    assert_eq!(failed, Err("failed to load request".to_owned()));
}
