//! The load: 500 daemons and 2,000 clients.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use doorbell_daemon::report::BACKOFF;
use doorbell_shared::clock::Stopwatch;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::client::{CallOutcome, LoadClient, Operation, median};
use crate::support::api::WORKSPACE_A;

const DAEMONS: usize = 500;
const RINGS: u32 = 2_000;
/// The longest heartbeat interval of a daemon, on a machine that is too slow for more load. Twice that, as after the rings, is
/// below the pending deadline of 30 s, so that a timeout is the server's fault.
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);
const RUNTIMES_PER_REGISTRATION: usize = 50;
/// How many seconds the rings take.
const LOAD_SECONDS: RangeInclusive<f64> = 5.0..=30.0;
/// The interval of existing clients.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Concurrent callers that measure the capacity: enough to saturate the server, too few to be shed.
const SATURATING_CALLERS: usize = 16;
const MEASUREMENT: Duration = Duration::from_secs(3);
const PROBES: usize = 50;

/// A request is terminal 90 s after its ring; the rest is for polls that are shed.
const POLL_TIMEOUT: Duration = Duration::from_secs(100);

/// The allowed outcomes of a ring: shed at once, or accepted and completed. A timeout would be wasted work.
pub(crate) const RING_OUTCOMES: [&str; 2] = ["completed", "shed"];

/// The number of rings with each outcome.
pub(crate) type RingCounts = BTreeMap<String, usize>;

/// Registers the runtimes and returns their ids.
pub(crate) async fn register(client: &LoadClient) -> Vec<String> {
    let mut ids = Vec::new();
    for daemon in 0..DAEMONS / RUNTIMES_PER_REGISTRATION {
        let runtimes: Vec<_> = (0..RUNTIMES_PER_REGISTRATION)
            .map(|n| json!({"name": n.to_string(), "type": n.to_string()}))
            .collect();
        let body =
            json!({"workspace_id": WORKSPACE_A, "daemon_id": daemon.to_string(), "runtimes": runtimes});
        let answer = client.call(Operation::Register, "/api/daemon/register", &body).await;
        let CallOutcome::Served(registered) = answer else { panic!("{answer:?}") };
        let records = registered["runtimes"].as_array().unwrap();
        ids.extend(records.iter().map(|record| record["id"].as_str().unwrap().to_owned()));
    }
    ids
}

async fn heartbeat(client: &LoadClient, runtime: &str) -> CallOutcome {
    let body = json!({"runtime_id": runtime, "in_flight": []});
    client.call(Operation::Heartbeat, "/api/daemon/heartbeat", &body).await
}

/// The latencies of sequential heartbeats, sorted.
pub(crate) async fn idle_latencies(client: &LoadClient, runtime: &str) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..PROBES {
        let started = Stopwatch::start();
        heartbeat(client, runtime).await;
        took.push(started.elapsed());
    }
    took.sort_unstable();
    took
}

/// The heartbeats a second that the server can serve.
pub(crate) async fn capacity(client: &Arc<LoadClient>, runtimes: &[String]) -> f64 {
    let mut callers = JoinSet::new();
    let started = Stopwatch::start();
    for runtime in runtimes.iter().take(SATURATING_CALLERS) {
        let (client, runtime) = (Arc::clone(client), runtime.clone());
        callers.spawn(async move {
            let mut served = 0;
            while started.elapsed() < MEASUREMENT {
                served += u32::from(matches!(heartbeat(&client, &runtime).await, CallOutcome::Served(_)));
            }
            served
        });
    }
    f64::from(callers.join_all().await.iter().sum::<u32>()) / started.elapsed().as_secs_f64()
}

/// Waits until the median latency is at most `bound`; returns the median and the waiting time.
pub(crate) async fn recovery(
    client: &LoadClient,
    runtime: &str,
    bound: Duration,
    within: Duration,
) -> (Duration, Duration) {
    let started = Stopwatch::start();
    loop {
        let took = started.elapsed();
        let latency = median(&idle_latencies(client, runtime).await);
        if latency <= bound {
            return (latency, took);
        }
        assert!(took < within, "still {latency:?}, over {bound:?}");
    }
}

pub(crate) struct Load {
    pub(crate) client: Arc<LoadClient>,
    pub(crate) runtimes: Vec<String>,
    /// Heartbeats a second.
    pub(crate) capacity: f64,
}

impl Load {
    /// Sends rings and heartbeats at twice the capacity, with polls and reports on top, until every ring has ended.
    pub(crate) async fn run(self) -> RingCounts {
        let (duration, every) = self.schedule();
        let over = CancellationToken::new();
        let mut daemons = JoinSet::new();
        let mut clients = JoinSet::new();
        for (n, runtime) in (0..).zip(&self.runtimes) {
            let schedule = Schedule { first: every * n / DAEMONS as u32, every, until: duration };
            let daemon = daemon(Arc::clone(&self.client), runtime.clone(), schedule);
            daemons.spawn(over.clone().run_until_cancelled_owned(daemon));
        }
        for n in 0..RINGS {
            let runtime = self.runtimes[n as usize % DAEMONS].clone();
            clients.spawn(client(Arc::clone(&self.client), runtime, duration * n / RINGS));
        }
        let (rings, ()) = tokio::join!(count(clients), self.print_rate(duration));
        over.cancel();
        daemons.join_all().await;
        rings
    }

    async fn print_rate(&self, duration: Duration) {
        sleep(duration).await;
        println!(
            "offered {:.0} calls/s for {duration:.1?}",
            self.client.count() as f64 / duration.as_secs_f64()
        );
    }

    /// The duration of the rings, and each daemon's heartbeat interval. Rings are three quarters of the load, unless they run
    /// out.
    fn schedule(&self) -> (Duration, Duration) {
        let duration =
            (f64::from(RINGS) / (1.5 * self.capacity)).clamp(*LOAD_SECONDS.start(), *LOAD_SECONDS.end());
        let heartbeats = (2.0 * self.capacity - f64::from(RINGS) / duration).max(self.capacity / 2.0);
        let every = Duration::from_secs_f64(DAEMONS as f64 / heartbeats).min(LONGEST_INTERVAL);
        (Duration::from_secs_f64(duration), every)
    }
}

async fn count(mut clients: JoinSet<String>) -> RingCounts {
    let mut rings = RingCounts::new();
    while let Some(outcome) = clients.join_next().await {
        *rings.entry(outcome.unwrap()).or_default() += 1;
    }
    rings
}

/// When a daemon sends heartbeats.
#[derive(Clone, Copy)]
struct Schedule {
    first: Duration,
    every: Duration,
    until: Duration,
}

/// Sends heartbeats and reports on claimed requests; at half the rate once the rings are over.
async fn daemon(client: Arc<LoadClient>, runtime: String, Schedule { first, every, until }: Schedule) {
    let started = Stopwatch::start();
    sleep(first).await;
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        if started.elapsed() >= until {
            sleep(every).await;
        }
        // A heartbeat hands out one request, so the next heartbeat follows at once: several rings of a runtime must not wait
        // for the interval.
        while let CallOutcome::Served(answer) = heartbeat(&client, &runtime).await
            && let Some(request) = answer["pending_model_list"]["id"].as_str()
        {
            report(&client, &runtime, request).await;
        }
    }
}

/// Retries like a daemon. A request whose report is abandoned is redelivered.
async fn report(client: &LoadClient, runtime: &str, request: &str) {
    let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
    let body = json!({"status": "completed", "models": [{"id": request, "label": request}]});
    for wait in BACKOFF {
        sleep(wait).await;
        if let CallOutcome::Served(_) = client.call(Operation::Report, &path, &body).await {
            return;
        }
    }
}

/// Rings once and polls until the request ends. Unlike existing clients it retries a poll that is shed, because the outcome
/// of the ring is what is tested.
async fn client(client: Arc<LoadClient>, runtime: String, after: Duration) -> String {
    sleep(after).await;
    let path = format!("/api/runtimes/{runtime}/models");
    // Past the catalog, which has the models of an earlier request.
    let ring = match client.call(Operation::Ring, &format!("{path}?refresh=true"), &Value::Null).await {
        CallOutcome::Served(ring) => ring,
        CallOutcome::Shed => return "shed".to_owned(),
        CallOutcome::Wrong(what) => return what,
    };
    let id = ring["id"].as_str().unwrap().to_owned();
    let started = Stopwatch::start();
    while started.elapsed() < POLL_TIMEOUT {
        sleep(POLL_INTERVAL).await;
        let CallOutcome::Served(record) =
            client.call(Operation::Poll, &format!("{path}/{id}"), &Value::Null).await
        else {
            continue;
        };
        match record["status"].as_str().unwrap() {
            "pending" | "running" => {}
            "completed" if record["models"][0]["id"] == id => return "completed".to_owned(),
            ended => return format!("{ended}: {}", record["error"].as_str().unwrap_or("not its own models")),
        }
    }
    "stuck".to_owned()
}
