//! A client that does not give up while nobody answers: what it is told at last is what the store says.

use std::time::Duration;

use doorbell_protocol::RequestRecord;
use doorbell_shared::clock::Stopwatch;
use reqwest::{Client, Method};

use crate::support::api::USER_A;

const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// A request is terminal 90 s after it was made, and outages are shorter than what is left of this.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Person {
    http: Client,
    /// `…/api/runtimes/{runtime}/models`.
    models: String,
}

impl Person {
    pub(crate) fn new(url: &str, runtime: &str) -> Self {
        let http = doorbell_client::http_client().unwrap();
        Self { http, models: format!("{url}/api/runtimes/{runtime}/models") }
    }

    /// Rings. Nothing when that was not acknowledged.
    pub(crate) async fn ring(&self) -> Option<RequestRecord> {
        self.call(Method::POST, &self.models).await
    }

    /// Polls until the request `rung` has ended.
    pub(crate) async fn ending(&self, rung: &RequestRecord) -> RequestRecord {
        let (url, watch) = (format!("{}/{}", self.models, rung.id), Stopwatch::start());
        loop {
            match self.call(Method::GET, &url).await {
                Some(record) if record.status.is_terminal() => return record,
                open => assert!(watch.elapsed() < PATIENCE, "stuck: {rung:?}, at last {open:?}"),
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Every answer has to be a record: a request that was acknowledged is never unknown, and a killed server says nothing.
    async fn call(&self, method: Method, url: &str) -> Option<RequestRecord> {
        let request = self.http.request(method, url).bearer_auth(USER_A).timeout(Duration::from_secs(10));
        let response = request.send().await.ok()?;
        let (status, body) = (response.status(), response.bytes().await.ok()?);
        assert_eq!(status, 200, "{url}: {}", String::from_utf8_lossy(&body));
        Some(serde_json::from_slice(&body).unwrap())
    }
}
