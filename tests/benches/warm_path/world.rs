//! What a case needs to be called again and again: a store in the right state, and the event.
//!
//! The event is what API Gateway sends, and a call takes the way of an invocation: from the event's bytes through what a
//! function's `main` does with it to the bytes of the answer, log line and metrics included, which are thrown away.

use std::io::sink;
use std::sync::Arc;
use std::time::Duration;

use doorbell_authorizer::AuthorizerEvent;
use doorbell_authorizer::oidc::Oidc;
use doorbell_cli::gateway::{DAEMON_A, WORKSPACE_A, call, issue_dev_tokens};
use doorbell_shared::access::Workspaces;
use doorbell_shared::clock::Clock as _;
use doorbell_shared::http::Backend;
use doorbell_shared::http::routes::Function;
use doorbell_shared::id::{RequestId, RuntimeId};
use doorbell_shared::lambda::{self, Recorder};
use doorbell_shared::request::{Address, Kind};
use doorbell_shared::runtime::{Registration, Text};
use doorbell_shared::store::{Initiated, Store, TokenAdministration};
use doorbell_tests::TestClock;
use doorbell_tests::catalog::catalog_report;
use doorbell_tests::event::{payload_json, tester};
use serde_json::{Value, json};

use crate::case::Case;
use crate::store::Timed;

/// Longer than a ring must wait for the next.
const BETWEEN_RINGS: Duration = Duration::from_secs(2);

/// A case's own store, runtime and clock. Nothing of another case is in the way.
pub(crate) struct World<S> {
    case: Case,
    backend: Backend<Timed<S>>,
    clock: Arc<TestClock>,
    runtime: RuntimeId,
    allowed: Workspaces,
    recorder: Recorder,
    /// The request of the cases that look at the same one each time.
    asked: RequestId,
}

impl<S: Store + TokenAdministration> World<S> {
    pub(crate) async fn new(case: Case, store: S, recorder: Recorder) -> Self {
        let clock = Arc::new(TestClock::default());
        issue_dev_tokens(&store, clock.now()).await.unwrap();
        let backend = Backend { clock: Arc::<TestClock>::clone(&clock), ..Backend::new(Timed(store)) };
        let workspace = WORKSPACE_A.parse().unwrap();
        let allowed = [workspace].into_iter().collect();
        let runtime = RuntimeId::derive(workspace, &daemon_id(case, 0), "codex", "");
        let mut world = Self { case, backend, clock, runtime, allowed, recorder, asked: RequestId::MIN };
        world.settle().await;
        world
    }

    async fn settle(&mut self) {
        let runtimes = if let Case::Runtimes { listed } = self.case { listed } else { 1 };
        for number in 0..runtimes {
            self.register(number).await;
        }
        if let Case::Poll { models } = self.case {
            self.asked = self.ring().await;
            if models > 0 {
                self.answer(models).await;
            }
        }
    }

    async fn register(&self, number: usize) {
        let text = |text: String| Text::try_from(text).unwrap();
        let (workspace, daemon_id) = (WORKSPACE_A.parse().unwrap(), daemon_id(self.case, number));
        let registration = Registration {
            id: RuntimeId::derive(workspace, &daemon_id, "codex", ""),
            workspace,
            daemon_id: text(daemon_id),
            provider: text("codex".to_owned()),
            name: text("Codex".to_owned()),
            online: true,
        };
        self.backend.store.0.register(registration, self.clock.now()).await.unwrap();
    }

    /// A request that nobody has looked at yet.
    async fn ring(&self) -> RequestId {
        let request = self.backend.ids.request_id(self.clock.now());
        let asked =
            self.backend.store.0.initiate(self.address(request), &self.allowed, self.clock.now()).await;
        assert!(matches!(asked, Ok(Initiated::Enqueued(_))), "{asked:?}");
        request
    }

    async fn answer(&self, models: u16) {
        let report = catalog_report(models);
        let (outcome, now) = (report.outcome().unwrap(), self.clock.now());
        self.backend.store.0.report(self.address(self.asked), &self.allowed, &outcome, now).await.unwrap();
    }

    fn address(&self, request: RequestId) -> Address {
        Address { runtime: self.runtime, request, kind: Kind::ModelList }
    }

    /// The bytes of the next event, with the store made ready for it.
    pub(crate) async fn event(&mut self) -> Vec<u8> {
        if matches!(self.case, Case::Initiate | Case::HeartbeatWithWork | Case::Report { .. }) {
            self.clock.advance(BETWEEN_RINGS);
            self.backend.store.0.beat(self.runtime, &self.allowed, self.clock.now()).await.unwrap();
        }
        if matches!(self.case, Case::HeartbeatWithWork | Case::Report { .. }) {
            // Or a heartbeat would be handed the one before, once more.
            self.answer(0).await;
            self.asked = self.ring().await;
        }
        let event = match self.case.function() {
            Some(function) => self.route_event(function),
            None => json!({"version": "2.0", "type": "REQUEST"}),
        };
        serde_json::to_vec(&with_headers(event)).unwrap()
    }

    fn route_event(&self, function: Function) -> Value {
        let (runtime, request) = (self.runtime, self.asked);
        let models = format!("/api/runtimes/{runtime}/models");
        let (path, body) = match self.case {
            Case::IdleHeartbeat | Case::HeartbeatWithWork => {
                ("/api/daemon/heartbeat".to_owned(), json!({"runtime_id": runtime, "in_flight": []}))
            }
            Case::Poll { .. } => (format!("{models}/{request}"), Value::Null),
            Case::Report { models } => (
                format!("/api/daemon/runtimes/{runtime}/models/{request}/result"),
                json!(catalog_report(models)),
            ),
            Case::Register => ("/api/daemon/register".to_owned(), registration(self.case)),
            Case::Deregister => ("/api/daemon/deregister".to_owned(), json!({"runtime_ids": [runtime]})),
            Case::Runtimes { .. } => ("/api/runtimes".to_owned(), Value::Null),
            Case::Initiate | Case::Authorizer => (models, Value::Null),
        };
        payload_json(&tester(self.case.scope()), function, &path, &body, self.clock.now())
    }

    /// One invocation.
    pub(crate) async fn call(&self, event: &[u8]) -> Vec<u8> {
        let Some(function) = self.case.function() else { return self.authorize(event).await };
        let event = serde_json::from_slice(event).unwrap();
        // Boxed, as on Lambda.
        let handle = |request| Box::pin(async move { call(function, &self.backend, &request).await });
        let answer = lambda::answer(event, handle, self.recorder, sink()).await;
        assert_eq!(answer.status_code, 200, "{:?}: {:?}", self.case, answer.body);
        serde_json::to_vec(&answer).unwrap()
    }

    async fn authorize(&self, event: &[u8]) -> Vec<u8> {
        let event: AuthorizerEvent = serde_json::from_slice(event).unwrap();
        let oidc: Option<&Oidc> = None;
        let answer = doorbell_authorizer::handle(&self.backend, oidc, &event).await;
        serde_json::to_vec(&answer.unwrap()).unwrap()
    }
}

fn daemon_id(case: Case, number: usize) -> String {
    format!("{case:?}-{number}")
}

fn registration(case: Case) -> Value {
    let runtime = json!({"name": "Codex", "type": "codex", "version": "0.169.0", "status": "online"});
    json!({"workspace_id": WORKSPACE_A, "daemon_id": daemon_id(case, 0), "runtimes": [runtime]})
}

/// What API Gateway hands on with every call, besides what functions read.
fn with_headers(mut event: Value) -> Value {
    let headers = json!({
        "accept": "*/*",
        "authorization": format!("Bearer {}", DAEMON_A.token),
        "content-type": "application/json",
        "host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
        "user-agent": "doorbell-daemon/0.1.0",
        "x-amzn-trace-id": "Root=1-67891233-abcdef012345678912345678",
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    });
    event["headers"] = headers;
    event
}
