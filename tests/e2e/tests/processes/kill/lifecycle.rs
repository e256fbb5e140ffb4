//! One ring, from the start of a deployment to the check of the outcome.

use std::time::Duration;

use doorbell_protocol::RequestRecord;
use doorbell_shared::clock::Stopwatch;
use reqwest::{Client, Method};

use super::deployment::Deployment;
use super::outcome::{Outcome, Trace};
use super::plan::Plan;
use crate::support::api::USER_A;

const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// A request is terminal 90 s after its ring, and outages are shorter than the rest.
const POLL_TIMEOUT: Duration = Duration::from_secs(120);

pub(crate) async fn run(number: u32, plan: Plan) -> Outcome {
    let mut deployment = Deployment::start(number, &plan).await;
    let client = RetryingClient::new(&deployment);
    let Some(record) = ring_during_kills(&client, &mut deployment, &plan).await else {
        return Outcome::NotAcknowledged;
    };

    deployment.kill_server(Duration::ZERO).await;
    let again = client.poll_to_end(&record).await;
    assert_eq!(again, record, "lifecycle {number}: a terminal record changed");
    let (daemon_log, runs) = deployment.end().await;
    Trace { record, daemon_log, runs }.check(number, &plan)
}

/// The terminal record, unless the ring was not acknowledged.
async fn ring_during_kills(
    client: &RetryingClient,
    deployment: &mut Deployment,
    plan: &Plan,
) -> Option<RequestRecord> {
    let end_of = async |ring: Option<RequestRecord>| match ring {
        Some(ring) => Some(client.poll_to_end(&ring).await),
        None => None,
    };
    if plan.hits_ring {
        let ring = async { end_of(client.ring().await).await };
        return tokio::join!(ring, deployment.run_kills(&plan.kills)).0;
    }
    let ring = client.ring().await;
    assert!(ring.is_some(), "nothing was killed, and the ring was not acknowledged");
    tokio::join!(end_of(ring), deployment.run_kills(&plan.kills)).0
}

/// A client that retries polls during outages.
struct RetryingClient {
    http: Client,
    /// `…/api/runtimes/{runtime}/models`.
    models: String,
}

impl RetryingClient {
    fn new(Deployment { url, runtime, .. }: &Deployment) -> Self {
        let http = doorbell_client::http_client().unwrap();
        Self { http, models: format!("{url}/api/runtimes/{runtime}/models") }
    }

    /// `None` when the ring was not acknowledged.
    async fn ring(&self) -> Option<RequestRecord> {
        self.call(Method::POST, &self.models).await
    }

    async fn poll_to_end(&self, ring: &RequestRecord) -> RequestRecord {
        let url = format!("{}/{}", self.models, ring.id);
        let watch = Stopwatch::start();
        loop {
            match self.call(Method::GET, &url).await {
                Some(record) if record.status.is_terminal() => return record,
                open => assert!(watch.elapsed() < POLL_TIMEOUT, "stuck: {ring:?}, at last {open:?}"),
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Every response is a record: an acknowledged request is always found. `None` when a killed server does not respond.
    async fn call(&self, method: Method, url: &str) -> Option<RequestRecord> {
        let request = self.http.request(method, url).bearer_auth(USER_A).timeout(Duration::from_secs(10));
        let response = request.send().await.ok()?;
        let status = response.status();
        let body = response.bytes().await.ok()?;
        assert_eq!(status, 200, "{url}: {}", String::from_utf8_lossy(&body));
        Some(serde_json::from_slice(&body).unwrap())
    }
}
