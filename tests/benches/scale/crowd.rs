//! Registered runtimes, and their heartbeats as fast as they are served.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use doorbell_bench::Spread;
use doorbell_cli::gateway::WORKSPACE_A;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::limits::RUNTIMES_PER_REGISTRATION;
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::connection::Connection;
use crate::server::Server;

/// As many as `doorbell dev` serves at once, so that a call waits for its turn and none is turned away.
pub(crate) const CONNECTIONS: usize = 32;
/// Into so many parts a measurement is cut, each with a rate of its own.
const PARTS: u32 = 8;

/// The runtimes of a server.
pub(crate) struct Crowd<'s> {
    server: &'s Server,
    runtimes: Arc<Vec<String>>,
}

/// What heartbeats came to.
pub(crate) struct Served {
    /// Answered with 200, by the second.
    pub(crate) rate: Spread,
    /// Milliseconds of a call.
    pub(crate) latency: Spread,
    /// Microseconds of the server's time on a core, for each.
    pub(crate) on_core: f64,
    /// Answered with 503.
    pub(crate) shed: usize,
}

impl<'s> Crowd<'s> {
    pub(crate) fn new(server: &'s Server) -> Self {
        Self { server, runtimes: Arc::default() }
    }

    /// Registers until there are so many.
    pub(crate) async fn grow(&mut self, count: usize) {
        let known = self.runtimes.len();
        let numbers: Vec<_> = (known..count).collect();
        let daemons: Vec<_> = numbers.chunks(RUNTIMES_PER_REGISTRATION).map(<[_]>::to_vec).collect();
        let mut registering = JoinSet::new();
        for daemons in daemons.chunks(daemons.len().div_ceil(CONNECTIONS).max(1)) {
            registering.spawn(register(self.server.addr.clone(), daemons.to_vec()));
        }
        Arc::make_mut(&mut self.runtimes).extend(registering.join_all().await.into_iter().flatten());
        assert_eq!(self.runtimes.len(), count);
    }

    /// Lets all of them beat in turn, on so many connections, for so long.
    pub(crate) async fn beat(&self, connections: usize, seconds: f64) -> Served {
        let (served, over) = (Arc::new(AtomicUsize::new(0)), Duration::from_secs_f64(seconds));
        let on_core = self.server.on_core();
        let mut callers = JoinSet::new();
        for first in 0..connections {
            let runtimes = (Arc::clone(&self.runtimes), first);
            callers.spawn(caller(self.server.addr.clone(), runtimes, connections, Arc::clone(&served), over));
        }
        let rate = rate(&served, over / PARTS).await;
        let ended = callers.join_all().await;
        let spent = self.server.on_core().saturating_sub(on_core);
        Served {
            rate,
            shed: ended.iter().map(|(_, shed)| shed).sum(),
            latency: Spread::of(ended.into_iter().flat_map(|(latencies, _)| latencies).collect()),
            on_core: spent.as_secs_f64() * 1e6 / served.load(Ordering::Relaxed) as f64,
        }
    }
}

/// Each list is one daemon's.
async fn register(addr: String, daemons: Vec<Vec<usize>>) -> Vec<String> {
    let (mut connection, mut ids) = (Connection::to(&addr).await, Vec::new());
    for numbers in daemons {
        let runtimes: Vec<_> =
            numbers.iter().map(|n| json!({"name": "Codex", "type": n.to_string()})).collect();
        let daemon = format!("daemon-{}", numbers[0]);
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": daemon, "runtimes": runtimes});
        let (status, answer) = connection.post("/api/daemon/register", &body).await;
        assert_eq!(status, StatusCode::OK, "{answer:?}");
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let records = answer["runtimes"].as_array().unwrap();
        ids.extend(records.iter().map(|record| record["id"].as_str().unwrap().to_owned()));
    }
    ids
}

/// Milliseconds of each heartbeat that was served, and how many were shed.
async fn caller(
    addr: String,
    (runtimes, first): (Arc<Vec<String>>, usize),
    step: usize,
    served: Arc<AtomicUsize>,
    over: Duration,
) -> (Vec<f64>, usize) {
    let (mut connection, mut latencies, mut shed) = (Connection::to(&addr).await, Vec::new(), 0);
    let started = Stopwatch::start();
    for runtime in runtimes.iter().cycle().skip(first % runtimes.len()).step_by(step) {
        if started.elapsed() >= over {
            break;
        }
        let call = Stopwatch::start();
        let beat = json!({"runtime_id": runtime, "in_flight": []});
        match connection.post("/api/daemon/heartbeat", &beat).await.0 {
            StatusCode::OK => {
                served.fetch_add(1, Ordering::Relaxed);
                latencies.push(call.elapsed().as_secs_f64() * 1e3);
            }
            StatusCode::SERVICE_UNAVAILABLE => shed += 1,
            other => panic!("a heartbeat was answered with {other}"),
        }
    }
    (latencies, shed)
}

async fn rate(served: &AtomicUsize, part: Duration) -> Spread {
    let mut rates = Vec::new();
    for _ in 0..PARTS {
        let (started, before) = (Stopwatch::start(), served.load(Ordering::Relaxed));
        tokio::time::sleep(part).await;
        let count = served.load(Ordering::Relaxed) - before;
        rates.push(count as f64 / started.elapsed().as_secs_f64());
    }
    Spread::of(rates)
}
