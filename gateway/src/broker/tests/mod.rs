//! The broker within the process, in virtual time, with the client of `doorbell-mqtt`.

mod connections;
mod http;
mod messages;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use doorbell_mqtt::{Client, Connect, ConnectError};
use doorbell_protocol::Timestamp;
use doorbell_shared::clock::{Clock, Stopwatch};
use serde_json::{Value, json};
use tokio::io::duplex;
use tokio::time::sleep;

use super::{Broker, BrokerHooks, HookError};

/// 2026-11-22T09:14:27.120Z
const START_MS: i64 = 1_795_338_867_120;
const CLIENT: &str = "local.a.b";
const TOPIC: &str = "doorbell/wake";

/// The virtual time.
struct VirtualClock(Stopwatch);

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(START_MS).unwrap() + self.0.elapsed()
    }
}

/// Answers every CONNECT with the same response, and records all events.
struct TestHooks {
    response: Mutex<Result<Value, &'static str>>,
    delay: Duration,
    authorizer_events: Mutex<Vec<Value>>,
    disconnected_events: Mutex<Vec<Value>>,
}

#[async_trait]
impl BrokerHooks for TestHooks {
    async fn authorize(&self, event: Value) -> Result<Value, HookError> {
        sleep(self.delay).await;
        self.authorizer_events.lock().unwrap().push(event);
        Ok(self.response.lock().unwrap().clone()?)
    }

    async fn disconnected(&self, event: Value) {
        self.disconnected_events.lock().unwrap().push(event);
    }
}

/// The response that allows [`CLIENT`] to connect and to receive on [`TOPIC`].
fn permission() -> Value {
    let allow = |action: &str, resource: String| json!({ "Effect": "Allow", "Action": action, "Resource": format!("arn:aws:iot:r:1:{resource}") });
    let statements =
        [allow("iot:Connect", format!("client/{CLIENT}")), allow("iot:Receive", format!("topic/{TOPIC}"))];
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    json!({
        "isAuthenticated": true,
        "principalId": "p1",
        "disconnectAfterInSeconds": 86_400,
        "refreshAfterInSeconds": 86_400,
        "policyDocuments": [policy.to_string()],
    })
}

struct TestBroker {
    broker: Broker,
    hooks: Arc<TestHooks>,
}

impl TestBroker {
    fn new() -> Self {
        Self::with(Ok(permission()), Duration::ZERO)
    }

    fn with(response: Result<Value, &'static str>, delay: Duration) -> Self {
        let hooks = Arc::new(TestHooks {
            response: Mutex::new(response),
            delay,
            authorizer_events: Mutex::default(),
            disconnected_events: Mutex::default(),
        });
        let clock = Arc::new(VirtualClock(Stopwatch::start()));
        Self { broker: Broker::in_process(hooks.clone(), clock), hooks }
    }

    async fn try_connect(&self, client_id: &str) -> Result<Client, ConnectError> {
        let (near, far) = duplex(1024);
        self.broker.serve(far);
        let connect = Connect {
            client_id: client_id.to_owned(),
            username: "doorbell".to_owned(),
            password: "secret".to_owned(),
            keep_alive: Duration::from_secs(30),
            pingresp_timeout: Duration::from_secs(10),
        };
        Client::connect(near, connect).await
    }

    async fn connect(&self) -> Client {
        self.try_connect(CLIENT).await.unwrap()
    }

    /// The lifecycle events, after the tasks in progress had the time to send them.
    async fn events(&self) -> Vec<Value> {
        sleep(Duration::from_millis(1)).await;
        self.hooks.disconnected_events.lock().unwrap().clone()
    }

    async fn reasons(&self) -> Vec<String> {
        let events = self.events().await;
        events.iter().map(|event| event["disconnectReason"].as_str().unwrap().to_owned()).collect()
    }
}
