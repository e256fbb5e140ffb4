//! The real functions on the embedded engine, real daemons, and a network that loses one answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Uri};
use axum::response::Response;
use doorbell_client::Api;
use doorbell_daemon::agents::Agent;
use doorbell_daemon::daemon::{Daemon, Settings};
use doorbell_daemon::discover::{DiscoveryError, ModelSource};
use doorbell_gateway;
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
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What becomes of heartbeats on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// They arrive, and so do their answers.
    Safe,
    /// The first answer that hands out a request does not arrive.
    LosesWork,
    /// The same, and the daemon is one that does not say what is in flight.
    LosesWorkOfAnOlderDaemon,
}

/// The service, and what daemons have asked of it.
pub(crate) struct World {
    backend: AppState<DynamoDbStore>,
    way: Way,
    running: Stopwatch,
    beats: Mutex<Vec<Heartbeat>>,
}

/// One heartbeat, as the service saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    pub(crate) at: Duration,
    /// Whether a request was handed out.
    pub(crate) hands_out: bool,
}

impl World {
    /// A service that daemons reach that way.
    pub(crate) async fn start(way: Way) -> (Arc<Self>, Api) {
        let store = EmbeddedDynamoDb::start().await.unwrap().store();
        let backend = AppState { clock: Arc::new(VirtualClock::default()), ..AppState::new(store) };
        let world = Arc::new(Self { backend, way, running: Stopwatch::start(), beats: Mutex::default() });
        let served = Arc::clone(&world);
        let handler = move |method: Method, uri: Uri, body: Bytes| async move {
            served.answer(&method, uri.path(), serde_json::from_slice(&body).unwrap()).await
        };
        let api = connect(Router::new().fallback(handler)).await;
        (world, api)
    }

    pub(crate) fn now(&self) -> Duration {
        self.running.elapsed()
    }

    pub(crate) fn beats(&self) -> Vec<Heartbeat> {
        self.beats.lock().unwrap().clone()
    }

    /// Calls a function as a person.
    pub(crate) async fn call(&self, function: Function, path: &str) -> Value {
        let event = event(function, Scope::User, path, &json!({}));
        let response = invoke(function, &self.backend, &event).await;
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_slice(response.body()).unwrap()
    }

    /// Answers a daemon.
    async fn answer(&self, method: &Method, path: &str, mut body: Value) -> Response {
        let mut routes = ROUTES.into_iter();
        let route = routes.find(|route| route.method == method && route.parameters(path).is_some()).unwrap();
        if self.way == Way::LosesWorkOfAnOlderDaemon {
            body.as_object_mut().unwrap().remove("in_flight");
        }
        let event = event(route.function, Scope::Daemon, path, &body);
        let response = invoke(route.function, &self.backend, &event).await;
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        if route.function == Function::Heartbeat && self.is_lost(answer.get("pending_model_list").is_some()) {
            let broken = futures_util::stream::once(async { Err::<Bytes, _>("the connection broke") });
            return Response::new(Body::from_stream(broken));
        }
        response.map(|body| Body::from(body.as_ref().to_vec()))
    }

    /// Notes a heartbeat, and says whether its answer is lost.
    fn is_lost(&self, hands_out: bool) -> bool {
        let mut beats = self.beats.lock().unwrap();
        let is_first = hands_out && !beats.iter().any(|beat| beat.hands_out);
        beats.push(Heartbeat { at: self.now(), hands_out });
        is_first && self.way != Way::Safe
    }

    /// Waits until the service has seen a heartbeat like that.
    pub(crate) async fn wait_for_beat(&self, like_that: impl Fn(&Heartbeat) -> bool) {
        for _ in 0..1_000 {
            if self.beats().iter().any(&like_that) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no such heartbeat");
    }
}

/// A daemon at work, with a single agent that takes so long. Dropped like one that is killed when it is aborted.
pub(crate) async fn start_daemon(api: &Api, takes: Duration) -> (String, JoinHandle<()>) {
    let settings = Settings {
        workspace: WORKSPACE_A.parse().unwrap(),
        daemon_id: "my-laptop".to_owned(),
        device_name: "My laptop".to_owned(),
        interval: Settings::INTERVAL,
    };
    let agent = Agent {
        name: "Codex".to_owned(),
        provider: "codex".to_owned(),
        profile_id: String::new(),
        version: None,
        discoverer: Arc::new(Takes(takes)),
    };
    let daemon = Daemon::new(api.clone(), settings, vec![agent]);
    let registered = daemon.register().await.unwrap();
    let runtime = registered[0].id.to_string();
    let served = async move { daemon.run(&registered, CancellationToken::new()).await.unwrap() };
    (runtime, tokio::spawn(served))
}

/// An agent program that takes so long.
#[derive(Debug)]
struct Takes(Duration);

#[async_trait]
impl ModelSource for Takes {
    fn name(&self) -> &str {
        "the agent"
    }

    async fn discover(&self) -> Result<ModelListResult, DiscoveryError> {
        tokio::time::sleep(self.0).await;
        let model = Model { id: "gpt-6".to_owned(), label: "GPT-6".to_owned(), ..Model::default() };
        let models = vec![ModelEntry::try_from(model).unwrap()];
        Ok(ModelListResult { models, supported: true, fallback: false })
    }
}
