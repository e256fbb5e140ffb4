//! Redelivery with real daemons in virtual time: a lost message costs time, not the result.
mod service;

use std::time::Duration;

use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::{HEARTBEAT_INTERVAL, REDELIVERY_AFTER};
use serde_json::{Value, json};

use crate::redelivery::service::{Network, Service, start_daemon};

const AGENT_DELAY: Duration = Duration::from_secs(1);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How a request ended.
struct Ending {
    record: Value,
    /// Since the ring.
    total: Duration,
    /// Since the first delivery.
    running: Duration,
    /// From the ring to the last delivery.
    heartbeats: usize,
}

/// Rings, and polls until the request ends.
async fn ring(service: &Service, runtime: &str) -> Ending {
    let rung_at = service.now();
    let models = format!("/api/runtimes/{runtime}/models");
    let request = service.call(Function::Initiate, &models).await;
    let path = format!("{models}/{}", request["id"].as_str().unwrap());
    for _ in 0..200 {
        let record = service.call(Function::Poll, &path).await;
        if !["pending", "running"].contains(&record["status"].as_str().unwrap()) {
            let since: Vec<_> =
                service.heartbeats().into_iter().filter(|heartbeat| heartbeat.at >= rung_at).collect();
            let first = since.iter().find(|heartbeat| heartbeat.hands_out).unwrap();
            let heartbeats = since.iter().rposition(|heartbeat| heartbeat.hands_out).unwrap() + 1;
            let total = service.now() - rung_at;
            return Ending { record, total, running: service.now() - first.at, heartbeats };
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    panic!("the request is still open");
}

/// A ring ten seconds after a heartbeat.
async fn ring_over(network: Network) -> Ending {
    let (service, api) = Service::start(network).await;
    let (runtime, daemon) = start_daemon(&api, AGENT_DELAY).await;
    service.wait_for_heartbeat(|_| true).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let ending = ring(&service, &runtime).await;
    daemon.abort();
    ending
}

fn print(name: &str, ending: &Ending) {
    let status = ending.record["status"].as_str().unwrap();
    println!("{name:<38} {status:<10} {:>6.1} s {:>6}", ending.total.as_secs_f64(), ending.heartbeats);
}

#[tokio::test(start_paused = true)]
async fn lost_heartbeat_response_costs_20_s_at_most() {
    let arrived = ring_over(Network::Reliable).await;
    let redelivered = ring_over(Network::LosesWork).await;
    let lost = ring_over(Network::LosesWorkOfOldDaemon).await;
    println!("{:<38} {:<10} {:>8} {:>6}", "a heartbeat's response", "end", "after", "heartbeats");
    print("arrives", &arrived);
    print("is lost, redelivery on", &redelivered);
    print("is lost, redelivery off", &lost);

    assert_eq!((&arrived.record["status"], arrived.heartbeats), (&Value::from("completed"), 1));
    // The heartbeat after a lost response comes at a random time. If the lease is too young by then, the one after it redelivers.
    assert_eq!(redelivered.record["status"], "completed");
    let cost = redelivered.total - arrived.total;
    assert!(cost <= REDELIVERY_AFTER + HEARTBEAT_INTERVAL + POLL_INTERVAL, "{cost:?}");
    assert_eq!(redelivered.record["models"], arrived.record["models"]);
    assert_eq!((&lost.record["status"], lost.heartbeats), (&Value::from("timeout"), 1));
    assert!(
        lost.running > Duration::from_secs(60) && lost.running < Duration::from_secs(61),
        "{:?}",
        lost.running
    );
}

/// The machine stores nothing: the server stores the lease, and the new daemon lists nothing in flight.
#[tokio::test(start_paused = true)]
async fn restarted_daemon_gets_its_work_back() {
    let (service, api) = Service::start(Network::Reliable).await;
    let (runtime, killed) = start_daemon(&api, AGENT_DELAY * 10).await;
    let restart = async {
        service.wait_for_heartbeat(|heartbeat| heartbeat.hands_out).await;
        killed.abort();
        tokio::time::sleep(Duration::from_secs(5)).await;
        start_daemon(&api, AGENT_DELAY).await
    };
    let (ending, (same_runtime, _)) = tokio::join!(ring(&service, &runtime), restart);
    assert_eq!(same_runtime, runtime);
    assert_eq!(ending.record["status"], "completed");
    assert!(ending.running <= Duration::from_secs(5 + 15 + 2), "{:?}", ending.running);
}

/// The next heartbeat is answered 404, and the daemon registers the runtime with the same id.
#[tokio::test(start_paused = true)]
async fn daemon_reregisters_forgotten_runtime() {
    let (service, api) = Service::start(Network::Reliable).await;
    let (runtime, _daemon) = start_daemon(&api, AGENT_DELAY).await;
    service.wait_for_heartbeat(|_| true).await;
    service.call(Function::Forget, &format!("/api/runtimes/{runtime}")).await;
    assert_eq!(service.call(Function::Runtimes, "/api/runtimes").await, json!([]));
    tokio::time::sleep(Duration::from_secs(16)).await;
    let listed = service.call(Function::Runtimes, "/api/runtimes").await;
    assert_eq!((&listed[0]["id"], &listed[0]["status"]), (&json!(runtime), &json!("online")));
    assert_eq!(ring(&service, &runtime).await.record["status"], "completed");
}
