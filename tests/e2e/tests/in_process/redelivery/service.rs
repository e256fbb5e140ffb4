//! The functions on the embedded engine, real daemons, and a network that loses one response.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Uri};
use axum::response::Response;
use doorbell_client::Api;
use doorbell_daemon::agents::Agent;
use doorbell_daemon::sources::{ModelSource, SourceError};
use doorbell_daemon::{Daemon, Settings};
use doorbell_gateway::invoke;
use doorbell_protocol::Scope;
use doorbell_protocol::{Model, ModelEntry, ModelListResult};
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::AppState;
use doorbell_shared::http::routes::{Function, ROUTES};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_test_support::VirtualClock;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::event::event;
use doorbell_test_support::network::connect;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The network between daemon and service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    Reliable,
    /// Loses the first response that hands out a request.
    LosesWork,
    /// The same, with a daemon that sends no `in_flight`.
    LosesWorkOfOldDaemon,
}

/// The functions, and the heartbeats that they received.
pub(crate) struct Service {
    state: AppState<DynamoDbStore>,
    network: Network,
    running: Stopwatch,
    heartbeats: Mutex<Vec<Heartbeat>>,
}

/// One heartbeat that the service received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    pub(crate) at: Duration,
    /// Whether a request was handed out.
    pub(crate) hands_out: bool,
}

impl Service {
    /// Serves the functions behind `network`.
    pub(crate) async fn start(network: Network) -> (Arc<Self>, Api) {
        let store = EmbeddedDynamoDb::start().await.unwrap().store();
        let state = AppState { clock: Arc::new(VirtualClock::default()), ..AppState::new(store) };
        let service =
            Arc::new(Self { state, network, running: Stopwatch::start(), heartbeats: Mutex::default() });
        let served = Arc::clone(&service);
        let handler = move |method: Method, uri: Uri, body: Bytes| async move {
            served.respond(&method, uri.path(), serde_json::from_slice(&body).unwrap()).await
        };
        let api = connect(Router::new().fallback(handler)).await;
        (service, api)
    }

    pub(crate) fn now(&self) -> Duration {
        self.running.elapsed()
    }

    pub(crate) fn heartbeats(&self) -> Vec<Heartbeat> {
        self.heartbeats.lock().unwrap().clone()
    }

    /// Calls a function as a user.
    pub(crate) async fn call(&self, function: Function, path: &str) -> Value {
        let event = event(function, Scope::User, path, &json!({}));
        let response = invoke(function, &self.state, &self.state, &event).await;
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_slice(response.body()).unwrap()
    }

    /// Responds to a daemon.
    async fn respond(&self, method: &Method, path: &str, mut request: Value) -> Response {
        let mut routes = ROUTES.into_iter();
        let route = routes.find(|route| route.method == method && route.parameters(path).is_some()).unwrap();
        if self.network == Network::LosesWorkOfOldDaemon {
            for runtime in request["runtimes"].as_array_mut().into_iter().flatten() {
                runtime.as_object_mut().unwrap().remove("in_flight");
            }
        }
        let event = event(route.function, Scope::Daemon, path, &request);
        let response = invoke(route.function, &self.state, &self.state, &event).await;
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        if route.function == Function::Heartbeat && self.is_lost(body["runtimes"][0].get("work").is_some()) {
            let broken = futures_util::stream::once(async { Err::<Bytes, _>("the connection broke") });
            return Response::new(Body::from_stream(broken));
        }
        response.map(|body| Body::from(body.as_ref().to_vec()))
    }

    /// Records a heartbeat; returns whether its response is lost.
    fn is_lost(&self, hands_out: bool) -> bool {
        let mut heartbeats = self.heartbeats.lock().unwrap();
        let is_first = hands_out && !heartbeats.iter().any(|heartbeat| heartbeat.hands_out);
        heartbeats.push(Heartbeat { at: self.now(), hands_out });
        is_first && self.network != Network::Reliable
    }

    /// Waits for a heartbeat that matches.
    pub(crate) async fn wait_for_heartbeat(&self, matches: impl Fn(&Heartbeat) -> bool) {
        for _ in 0..1_000 {
            if self.heartbeats().iter().any(&matches) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no such heartbeat");
    }
}

/// A running daemon with one agent that takes `delay`. Aborting the task kills the daemon.
pub(crate) async fn start_daemon(api: &Api, delay: Duration) -> (String, JoinHandle<()>) {
    let settings = Settings {
        workspace: WORKSPACE_A.parse().unwrap(),
        daemon_id: "my-laptop".to_owned(),
        device_name: "My laptop".to_owned(),
        interval: Settings::INTERVAL,
        push: true,
        exit_on_auth_failure: false,
    };
    let agent = Agent::new("Codex", "codex", Arc::new(SlowAgent(delay)));
    let daemon = Daemon::new(api.clone(), settings, watch::channel(vec![agent]).1);
    let mut status = daemon.status();
    let served = tokio::spawn(async move { daemon.run(CancellationToken::new()).await.unwrap() });
    let registered = status.wait_for(|status| !status.runtimes.is_empty()).await.unwrap();
    (registered.runtimes[0].id.to_string(), served)
}

#[derive(Debug)]
struct SlowAgent(Duration);

#[async_trait]
impl ModelSource for SlowAgent {
    fn name(&self) -> &str {
        "the agent"
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        tokio::time::sleep(self.0).await;
        let model = Model { id: "gpt-6".to_owned(), label: "GPT-6".to_owned(), ..Model::default() };
        let models = vec![ModelEntry::try_from(&model).unwrap()];
        Ok(ModelListResult { models, supported: true, fallback: false })
    }
}
