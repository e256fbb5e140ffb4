//! The broker is killed, restarted, refuses connections, goes deaf, or has two clients with one id.

use std::time::Duration;

use doorbell_gateway::broker::Faults;

use crate::push_outages::stage::Stage;

/// Rings of one case.
const RINGS: usize = 5;

/// Between two heartbeats without push. Users have 15 s; the suite waits less, and scales its limit.
fn fallback() -> Duration {
    let seconds = std::env::var("DOORBELL_FALLBACK_SECONDS").map_or(2, |seconds| seconds.parse().unwrap());
    Duration::from_secs(seconds)
}

/// A fallback heartbeat collects the request; the hint before it takes up to two calls of 1.5 s. The rest is for a busy machine.
fn limit() -> Duration {
    fallback() + Duration::from_secs(8)
}

fn show(case: &str, worst: Duration) {
    println!("{case}: worst time from ring to models {worst:.3?}");
    assert!(worst < limit(), "{case}: {worst:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real time"]
async fn undisturbed_channel() {
    let stage = Stage::start().await;
    let mut daemon = stage.daemon(fallback()).await;
    daemon.is_proven().await;
    show("undisturbed", stage.worst_answer(&daemon.runtime, RINGS).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real time"]
async fn killed_broker_loses_no_request() {
    let mut stage = Stage::start().await;
    let mut daemon = stage.daemon(fallback()).await;
    daemon.is_proven().await;
    stage.stop_broker().await;
    show("broker killed", stage.worst_answer(&daemon.runtime, RINGS).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real time"]
async fn restarted_broker_is_proven_again() {
    let mut stage = Stage::start().await;
    let mut daemon = stage.daemon(fallback()).await;
    daemon.is_proven().await;
    stage.stop_broker().await;
    daemon.falls_back().await;
    stage.restart_broker().await;
    show("broker restarted", stage.worst_answer(&daemon.runtime, RINGS).await);
    daemon.is_proven().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real time"]
async fn refusing_broker_loses_no_request() {
    let stage = Stage::start().await;
    let mut daemon = stage.daemon(fallback()).await;
    daemon.is_proven().await;
    stage.broker().set_faults(Faults { refuses_connections: true, ..Faults::default() });
    stage.broker().disconnect_all();
    show("broker refuses connections", stage.worst_answer(&daemon.runtime, RINGS).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real time"]
async fn broker_that_goes_deaf_loses_no_request() {
    let stage = Stage::start().await;
    let mut daemon = stage.daemon(fallback()).await;
    daemon.is_proven().await;
    stage.broker().set_faults(Faults { deaf: true, ..Faults::default() });
    show("broker deaf after the proof", stage.worst_answer(&daemon.runtime, RINGS).await);
    daemon.falls_back().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real time"]
async fn deaf_broker_is_never_proven() {
    let stage = Stage::start().await;
    stage.broker().set_faults(Faults { deaf: true, ..Faults::default() });
    let mut daemon = stage.daemon(fallback()).await;
    daemon.falls_back().await;
    show("broker deaf from the start", stage.worst_answer(&daemon.runtime, RINGS).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "real time"]
async fn daemons_with_one_client_id_lose_no_request() {
    let stage = Stage::start().await;
    let mut first = stage.daemon(fallback()).await;
    first.is_proven().await;
    let second = stage.daemon(fallback()).await;
    assert_eq!(first.runtime, second.runtime);
    show("two daemons with one client id", stage.worst_answer(&first.runtime, RINGS).await);
}
