//! Five hundred daemons and two thousand clients.

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

use super::calls::{Answer, Calls, Kind};
use super::figures::median;
use crate::support::api::WORKSPACE_A;

const DAEMONS: usize = 500;
const RINGS: u32 = 2_000;
/// How many runtimes one registration may name.
const AT_ONCE: usize = 50;
/// For how many seconds rings keep coming, at least and at most.
const RUSH: RangeInclusive<f64> = 5.0..=30.0;
/// As existing clients do.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How many callers one after another find out what can be served: more than can be served at once, far fewer than are shed.
const SATURATING: usize = 16;
const MEASURED_FOR: Duration = Duration::from_secs(3);
const PROBES: usize = 50;

/// A request is terminal 90 s after it was made, and the server has to be able to say so.
const PATIENCE: Duration = Duration::from_secs(100);

/// How a ring may end.
pub(crate) const ENDINGS: [&str; 4] = [
    "completed",
    "shed",
    "timeout: daemon did not respond within 30 seconds",
    "timeout: daemon did not finish within 60 seconds",
];

/// How many rings ended how.
pub(crate) type Endings = BTreeMap<String, usize>;

/// Makes the runtimes known, and returns their ids.
pub(crate) async fn register(calls: &Calls) -> Vec<String> {
    let mut ids = Vec::new();
    for daemon in 0..DAEMONS / AT_ONCE {
        let runtimes: Vec<_> =
            (0..AT_ONCE).map(|n| json!({"name": n.to_string(), "type": n.to_string()})).collect();
        let body =
            json!({"workspace_id": WORKSPACE_A, "daemon_id": daemon.to_string(), "runtimes": runtimes});
        let answer = calls.call(Kind::Register, "/api/daemon/register", &body).await;
        let Answer::Served(registered) = answer else { panic!("{answer:?}") };
        let records = registered["runtimes"].as_array().unwrap();
        ids.extend(records.iter().map(|record| record["id"].as_str().unwrap().to_owned()));
    }
    ids
}

async fn beat(calls: &Calls, runtime: &str) -> Answer {
    let body = json!({"runtime_id": runtime, "in_flight": []});
    calls.call(Kind::Heartbeat, "/api/daemon/heartbeat", &body).await
}

/// How long calls take one at a time, the shortest first.
pub(crate) async fn probe(calls: &Calls, runtime: &str) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..PROBES {
        let started = Stopwatch::start();
        beat(calls, runtime).await;
        took.push(started.elapsed());
    }
    took.sort_unstable();
    took
}

/// How many calls a second can be served.
pub(crate) async fn capacity(calls: &Arc<Calls>, runtimes: &[String]) -> f64 {
    let (mut callers, started) = (JoinSet::new(), Stopwatch::start());
    for runtime in runtimes.iter().take(SATURATING) {
        let (calls, runtime) = (Arc::clone(calls), runtime.clone());
        callers.spawn(async move {
            let mut served = 0;
            while started.elapsed() < MEASURED_FOR {
                served += u32::from(matches!(beat(&calls, &runtime).await, Answer::Served(_)));
            }
            served
        });
    }
    f64::from(callers.join_all().await.iter().sum::<u32>()) / started.elapsed().as_secs_f64()
}

/// Waits until calls take no longer than `bound` again: the median by then, and how long that took.
pub(crate) async fn recovered(
    calls: &Calls,
    runtime: &str,
    bound: Duration,
    within: Duration,
) -> (Duration, Duration) {
    let started = Stopwatch::start();
    loop {
        let took = started.elapsed();
        let latency = median(&probe(calls, runtime).await);
        if latency <= bound {
            return (latency, took);
        }
        assert!(took < within, "still {latency:?}, over {bound:?}");
    }
}

/// Everybody at once.
pub(crate) struct Crowd {
    pub(crate) calls: Arc<Calls>,
    pub(crate) runtimes: Vec<String>,
    /// What can be served in a second.
    pub(crate) capacity: f64,
}

impl Crowd {
    /// Rings and heartbeats come twice as often as they can be served, and polls and reports on top of that, until every ring
    /// has ended.
    pub(crate) async fn rush(self) -> Endings {
        let (rush, every) = self.pace();
        let (over, mut daemons, mut clients) = (CancellationToken::new(), JoinSet::new(), JoinSet::new());
        for (n, runtime) in (0..).zip(&self.runtimes) {
            let beats = Beats { first: every * n / DAEMONS as u32, every, until: rush };
            let daemon = daemon(Arc::clone(&self.calls), runtime.clone(), beats);
            daemons.spawn(over.clone().run_until_cancelled_owned(daemon));
        }
        for n in 0..RINGS {
            let runtime = self.runtimes[n as usize % DAEMONS].clone();
            clients.spawn(client(Arc::clone(&self.calls), runtime, rush * n / RINGS));
        }
        let (endings, ()) = tokio::join!(count(clients), self.say_what_is_offered(rush));
        over.cancel();
        daemons.join_all().await;
        endings
    }

    async fn say_what_is_offered(&self, rush: Duration) {
        sleep(rush).await;
        println!("offered {:.0} calls/s for {rush:.1?}", self.calls.count() as f64 / rush.as_secs_f64());
    }

    /// How long rings keep coming, and how often each daemon beats meanwhile. Rings are three quarters of the load, where
    /// there are enough of them.
    fn pace(&self) -> (Duration, Duration) {
        let rush = (f64::from(RINGS) / (1.5 * self.capacity)).clamp(*RUSH.start(), *RUSH.end());
        let beats = (2.0 * self.capacity - f64::from(RINGS) / rush).max(self.capacity / 2.0);
        (Duration::from_secs_f64(rush), Duration::from_secs_f64(DAEMONS as f64 / beats))
    }
}

async fn count(mut clients: JoinSet<String>) -> Endings {
    let mut endings = Endings::new();
    while let Some(ending) = clients.join_next().await {
        *endings.entry(ending.unwrap()).or_default() += 1;
    }
    endings
}

/// When a daemon beats.
#[derive(Clone, Copy)]
struct Beats {
    first: Duration,
    every: Duration,
    until: Duration,
}

/// Beats, and reports what it is handed; half as often once the rush is over.
async fn daemon(calls: Arc<Calls>, runtime: String, Beats { first, every, until }: Beats) {
    let started = Stopwatch::start();
    sleep(first).await;
    let mut beats = interval(every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        beats.tick().await;
        if started.elapsed() >= until {
            sleep(every).await;
        }
        if let Answer::Served(answer) = beat(&calls, &runtime).await
            && let Some(request) = answer["pending_model_list"]["id"].as_str()
        {
            report(&calls, &runtime, request).await;
        }
    }
}

/// As often as daemons try. What is not delivered then is handed out again.
async fn report(calls: &Calls, runtime: &str, request: &str) {
    let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
    let body = json!({"status": "completed", "models": [{"id": request, "label": request}]});
    for wait in BACKOFF {
        sleep(wait).await;
        if let Answer::Served(_) = calls.call(Kind::Report, &path, &body).await {
            return;
        }
    }
}

/// Rings once, and polls until the end: unlike clients that people use it does not give up when a poll is shed, because how
/// the ring ends is what is asked.
async fn client(calls: Arc<Calls>, runtime: String, after: Duration) -> String {
    sleep(after).await;
    let path = format!("/api/runtimes/{runtime}/models");
    let rung = match calls.call(Kind::Ring, &path, &Value::Null).await {
        Answer::Served(rung) => rung,
        Answer::Shed => return "shed".to_owned(),
        Answer::Wrong(what) => return what,
    };
    let (id, started) = (rung["id"].as_str().unwrap().to_owned(), Stopwatch::start());
    while started.elapsed() < PATIENCE {
        sleep(POLL_INTERVAL).await;
        let Answer::Served(record) = calls.call(Kind::Poll, &format!("{path}/{id}"), &Value::Null).await
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
