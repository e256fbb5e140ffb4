//! A deployment with a scripted push channel, and a daemon in it.

use std::sync::Arc;
use std::time::Duration;

use doorbell_functions::presence::{self, DisconnectedEvent};
use doorbell_gateway::invoke;
use doorbell_protocol::{PushMessage, Scope};
use doorbell_shared::clock::Clock as _;
use doorbell_shared::http::input::AuthorizerContext;
use doorbell_shared::http::routes::Function;
use doorbell_shared::http::{AppState, HttpRequest};
use doorbell_shared::push::ClientId;
use doorbell_shared::runtime::ShortText;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_test_support::TestClock;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::event::{event, event_from};
use doorbell_test_support::push::{DEPLOYMENT, INTERVAL, PushCall, ScriptedPush};
use serde_json::{Value, json};

/// The `next_heartbeat_s` of a daemon without proven push.
pub const PLAIN: u64 = 15;

/// That of a daemon whose channel has just been proven.
pub const PROVEN: u64 = INTERVAL.as_secs();

pub struct Deployment {
    pub push: Arc<ScriptedPush>,
    pub clock: Arc<TestClock>,
    pub state: AppState<MemoryStore>,
}

impl Deployment {
    pub fn new() -> Self {
        let (push, clock) = (Arc::new(ScriptedPush::default()), Arc::new(TestClock::default()));
        let state = AppState {
            clock: Arc::<TestClock>::clone(&clock),
            push: Some(push.channel()),
            ..AppState::new(MemoryStore::default())
        };
        Self { push, clock, state }
    }

    /// A deployment, and a runtime of it whose channel is proven. What led to it is not recorded.
    pub async fn with_proven_runtime() -> (Self, String) {
        let deployment = Self::new();
        let runtime = deployment.register("laptop").await;
        assert_eq!(deployment.heartbeat(&[&runtime], true).await["next_heartbeat_s"], PROVEN);
        deployment.push.take();
        (deployment, runtime)
    }

    pub async fn call(&self, function: Function, path: &str, body: Value) -> (u16, Value) {
        let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
        self.respond(function, &event(function, scope, path, &body)).await
    }

    /// The same with a token that is bound to `daemon`.
    pub async fn call_bound(
        &self,
        daemon: &str,
        function: Function,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let caller = AuthorizerContext {
            subject: daemon.to_owned(),
            token_id: None,
            scopes: vec![Scope::Daemon],
            workspaces: vec![WORKSPACE_A.parse().unwrap()],
            daemon_id: Some(daemon.to_owned()),
        };
        self.respond(function, &event_from(&caller, function, path, &body, self.clock.now())).await
    }

    async fn respond(&self, function: Function, request: &HttpRequest) -> (u16, Value) {
        let response = invoke(function, &self.state, &self.state, request).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    /// The id of the daemon's runtime.
    pub async fn register(&self, daemon: &str) -> String {
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": daemon, "push": true, "runtimes": [{"type": "codex"}]});
        let (status, body) = self.call(Function::Register, "/api/daemon/register", body).await;
        assert_eq!(status, 200, "{body}");
        body["runtimes"][0]["id"].as_str().unwrap().to_owned()
    }

    /// The response to a heartbeat of a whole daemon that has nothing in flight.
    pub async fn heartbeat(&self, runtimes: &[&str], connected: bool) -> Value {
        let runtimes: Vec<_> = runtimes.iter().map(|id| json!({"id": id, "in_flight": []})).collect();
        let body = json!({"runtimes": runtimes, "push": {"connected": connected}});
        let (status, body) = self.call(Function::Heartbeat, "/api/daemon/heartbeat", body).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub async fn ring(&self, runtime: &str) -> (u16, Value) {
        self.call(Function::Initiate, &format!("/api/runtimes/{runtime}/models"), json!({})).await
    }

    pub async fn poll(&self, runtime: &str, request: &Value) -> (u16, Value) {
        let path = format!("/api/runtimes/{runtime}/models/{}", request["id"].as_str().unwrap());
        self.call(Function::Poll, &path, json!({})).await
    }

    pub async fn status(&self, runtime: &str) -> String {
        let (_, listed) = self.call(Function::Runtimes, "/api/runtimes", json!({})).await;
        let record = listed.as_array().unwrap().iter().find(|record| record["id"] == runtime);
        record.unwrap()["status"].as_str().unwrap().to_owned()
    }

    /// Calls `presence` for the lost connection of `client`. The wait is virtual.
    pub async fn connection_lost(&self, client: &str) {
        let event: DisconnectedEvent = serde_json::from_value(json!({"clientId": client})).unwrap();
        presence::handle(&self.state, &event).await.unwrap();
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The hints since the last call, by runtime.
    pub fn hints(&self) -> Vec<String> {
        let sent = self.push.take().into_iter();
        sent.filter_map(|call| match call {
            PushCall::Send(_, PushMessage::Hint { runtime_id }) => Some(runtime_id.to_string()),
            _ => None,
        })
        .collect()
    }
}

pub fn client(daemon: &str) -> ClientId {
    let daemon = ShortText::try_from(daemon.to_owned()).unwrap();
    ClientId::new(&DEPLOYMENT.parse().unwrap(), WORKSPACE_A.parse().unwrap(), &daemon)
}
