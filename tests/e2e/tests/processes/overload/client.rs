//! Calls and their outcomes, with latencies.

use std::sync::Mutex;
use std::time::Duration;

use doorbell_shared::clock::Stopwatch;
use reqwest::{Client, Method};
use serde_json::Value;

use crate::support::api::{DAEMON_A, USER_A};

/// The timeout of existing daemons and clients.
const TIMEOUT: Duration = doorbell_client::TIMEOUT;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Register,
    Ring,
    Poll,
    Heartbeat,
    Report,
}

impl Operation {
    pub(crate) const ALL: [Self; 5] = [Self::Register, Self::Ring, Self::Poll, Self::Heartbeat, Self::Report];

    fn method(self) -> Method {
        if self == Self::Poll { Method::GET } else { Method::POST }
    }

    fn token(self) -> &'static str {
        if matches!(self, Self::Ring | Self::Poll) { USER_A } else { DAEMON_A }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CallOutcome {
    Served(Value),
    /// 503 with `Retry-After`.
    Shed,
    /// A timeout, or a response outside the contract.
    Wrong(String),
}

#[derive(Debug)]
struct TimedCall {
    operation: Operation,
    outcome: CallOutcome,
    latency: Duration,
}

/// A client of one server that records its calls.
#[derive(Debug)]
pub(crate) struct LoadClient {
    http: Client,
    url: String,
    calls: Mutex<Vec<TimedCall>>,
}

impl LoadClient {
    pub(crate) fn new(url: &str) -> Self {
        let http = doorbell_client::http_client().unwrap();
        Self { http, url: url.to_owned(), calls: Mutex::default() }
    }

    pub(crate) async fn call(&self, operation: Operation, path: &str, body: &Value) -> CallOutcome {
        let started = Stopwatch::start();
        let outcome = self.send(operation, path, body).await;
        let outcome =
            outcome.unwrap_or_else(|error| CallOutcome::Wrong(format!("{:?}", error.without_url())));
        let call = TimedCall { operation, outcome: outcome.clone(), latency: started.elapsed() };
        self.calls.lock().unwrap().push(call);
        outcome
    }

    async fn send(&self, operation: Operation, path: &str, body: &Value) -> reqwest::Result<CallOutcome> {
        let request = self.http.request(operation.method(), format!("{}{path}", self.url));
        let response = request.bearer_auth(operation.token()).timeout(TIMEOUT).json(body).send().await?;
        let status = response.status().as_u16();
        let has_retry_after = response.headers().contains_key("retry-after");
        let body: Value = response.json().await?;
        Ok(match status {
            200 => CallOutcome::Served(body),
            503 if has_retry_after && body["error"] == "server is busy" => CallOutcome::Shed,
            _ => CallOutcome::Wrong(format!("{status} {body}")),
        })
    }

    /// The number of calls that ended, in any way.
    pub(crate) fn count(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// The latencies of all calls that were shed, sorted.
    pub(crate) fn shed_latencies(&self) -> Vec<Duration> {
        let is_shed = |outcome: &CallOutcome| *outcome == CallOutcome::Shed;
        let mut latencies: Vec<_> =
            Operation::ALL.iter().flat_map(|operation| self.latencies(*operation, is_shed)).collect();
        latencies.sort_unstable();
        latencies
    }

    /// The first calls that ended outside the contract.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        let wrong = calls.iter().filter_map(|call| match &call.outcome {
            CallOutcome::Wrong(what) => Some(format!("{:?} {what}", call.operation)),
            _ => None,
        });
        wrong.take(10).collect()
    }

    /// The latencies of the calls with such an outcome, sorted.
    fn latencies(&self, operation: Operation, outcome: impl Fn(&CallOutcome) -> bool) -> Vec<Duration> {
        let calls = self.calls.lock().unwrap();
        let matching = calls.iter().filter(|call| call.operation == operation && outcome(&call.outcome));
        let mut latencies: Vec<_> = matching.map(|call| call.latency).collect();
        latencies.sort_unstable();
        latencies
    }

    /// Prints one line for each operation.
    pub(crate) fn print(&self) {
        for operation in Operation::ALL {
            let served = self.latencies(operation, |outcome| matches!(outcome, CallOutcome::Served(_)));
            let shed = self.latencies(operation, |outcome| *outcome == CallOutcome::Shed);
            let operation = format!("{operation:?}");
            println!("{operation:10} {}; {}", line("served", &served), line("shed", &shed));
        }
    }
}

fn line(what: &str, sorted: &[Duration]) -> String {
    let [p50, p99] = [50, 99].map(|percent| percentile(sorted, percent).as_millis());
    format!("{:6} {what} p50 {p50:4} p99 {p99:4} ms", sorted.len())
}

pub(crate) fn median(sorted: &[Duration]) -> Duration {
    percentile(sorted, 50)
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}
