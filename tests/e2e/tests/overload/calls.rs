//! Calls, each with what became of it.

use std::sync::Mutex;
use std::time::Duration;

use doorbell_shared::clock::Stopwatch;
use reqwest::{Client, Method};
use serde_json::Value;

use crate::support::api::{DAEMON_A, USER_A};

/// As long as existing daemons and clients wait for any answer.
const TIMEOUT: Duration = doorbell_client::TIMEOUT;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Register,
    Ring,
    Poll,
    Heartbeat,
    Report,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Register, Self::Ring, Self::Poll, Self::Heartbeat, Self::Report];

    fn method(self) -> Method {
        if self == Self::Poll { Method::GET } else { Method::POST }
    }

    fn token(self) -> &'static str {
        if matches!(self, Self::Ring | Self::Poll) { USER_A } else { DAEMON_A }
    }
}

/// What was answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Served(Value),
    /// Not now.
    Shed,
    /// Nothing in time, or something else.
    Wrong(String),
}

#[derive(Debug)]
struct Call {
    kind: Kind,
    answer: Answer,
    took: Duration,
}

/// Calls of one server.
#[derive(Debug)]
pub(crate) struct Calls {
    http: Client,
    url: String,
    made: Mutex<Vec<Call>>,
}

impl Calls {
    pub(crate) fn new(url: &str) -> Self {
        let http = doorbell_client::http_client().unwrap();
        Self { http, url: url.to_owned(), made: Mutex::default() }
    }

    /// Makes a call, and notes how it went.
    pub(crate) async fn call(&self, kind: Kind, path: &str, body: &Value) -> Answer {
        let started = Stopwatch::start();
        let answer = self
            .send(kind, path, body)
            .await
            .unwrap_or_else(|error| Answer::Wrong(format!("{:?}", error.without_url())));
        let (took, noted) = (started.elapsed(), answer.clone());
        self.made.lock().unwrap().push(Call { kind, answer: noted, took });
        answer
    }

    async fn send(&self, kind: Kind, path: &str, body: &Value) -> reqwest::Result<Answer> {
        let request = self.http.request(kind.method(), format!("{}{path}", self.url));
        let response = request.bearer_auth(kind.token()).timeout(TIMEOUT).json(body).send().await?;
        let (status, later) = (response.status().as_u16(), response.headers().contains_key("retry-after"));
        let body: Value = response.json().await?;
        Ok(match status {
            200 => Answer::Served(body),
            503 if later && body["error"] == "server is busy" => Answer::Shed,
            _ => Answer::Wrong(format!("{status} {body}")),
        })
    }

    /// How long calls took that were answered so, the shortest first.
    pub(crate) fn took(&self, kind: Kind, answered: impl Fn(&Answer) -> bool) -> Vec<Duration> {
        let made = self.made.lock().unwrap();
        let such = made.iter().filter(|call| call.kind == kind && answered(&call.answer));
        let mut took: Vec<_> = such.map(|call| call.took).collect();
        took.sort_unstable();
        took
    }

    /// How many were answered, one way or another.
    pub(crate) fn count(&self) -> usize {
        self.made.lock().unwrap().len()
    }

    /// How many were shed.
    pub(crate) fn shed(&self, kind: Kind) -> usize {
        self.took(kind, |answer| *answer == Answer::Shed).len()
    }

    /// Calls without an answer of the contract.
    pub(crate) fn unanswered(&self) -> Vec<String> {
        let made = self.made.lock().unwrap();
        let wrong = made.iter().filter_map(|call| match &call.answer {
            Answer::Wrong(what) => Some(format!("{:?} {what}", call.kind)),
            _ => None,
        });
        wrong.take(10).collect()
    }
}
