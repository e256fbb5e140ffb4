//! Own time of warm calls: from the bytes of API Gateway's event to the bytes of the response, log and metrics included,
//! on the memory store. The store's own few microseconds are included; network and SDK are not.
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::cell::RefCell;
use std::io::sink;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use divan::Bencher;
use doorbell_functions::auth::AuthorizerEvent;
use doorbell_functions::auth::oidc::Oidc;
use doorbell_gateway::{DAEMON_A, WORKSPACE_A, invoke, issue_dev_tokens};
use doorbell_protocol::Scope;
use doorbell_shared::clock::Clock as _;
use doorbell_shared::http::routes::Function;
use doorbell_shared::http::{AppState, access_log};
use doorbell_shared::lambda::{self, Recorder};
use doorbell_shared::store::memory::MemoryStore;
use doorbell_test_support::TestClock;
use doorbell_test_support::catalog::catalog_report;
use doorbell_test_support::event::{caller, event_json};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tracing::level_filters::LevelFilter;

fn main() {
    tracing::subscriber::set_global_default(access_log::subscriber(LevelFilter::INFO, sink)).unwrap();
    divan::main();
}

type Event = (Function, Vec<u8>);

#[divan::bench(sample_size = 1, sample_count = 2_000)]
fn heartbeat_idle(bencher: Bencher<'_, '_>) {
    let service = Service::with_runtimes(1);
    service.bench(bencher, || service.heartbeat_event());
}

#[divan::bench(sample_size = 1, sample_count = 2_000)]
fn heartbeat_with_work(bencher: Bencher<'_, '_>) {
    let service = Service::with_runtimes(1);
    service.bench(bencher, || {
        service.ring();
        service.heartbeat_event()
    });
}

#[divan::bench(sample_size = 1, sample_count = 2_000)]
fn initiate(bencher: Bencher<'_, '_>) {
    let service = Service::with_runtimes(1);
    service.bench(bencher, || {
        service.clock.advance(BETWEEN_RINGS);
        service.send(&service.heartbeat_event());
        service.event(Function::Initiate, &service.new_models(), &Value::Null)
    });
}

#[divan::bench(args = [20, 200], sample_size = 1, sample_count = 2_000)]
fn initiate_cached(bencher: Bencher<'_, '_>, models: u16) {
    let service = Service::with_runtimes(1);
    service.send(&service.report_event(&service.ring(), &json!(catalog_report(models))));
    service.bench(bencher, || service.event(Function::Initiate, &service.models(), &Value::Null));
}

#[divan::bench(sample_size = 1, sample_count = 2_000)]
fn poll_pending(bencher: Bencher<'_, '_>) {
    let service = Service::with_runtimes(1);
    let path = format!("{}/{}", service.models(), service.ring());
    service.bench(bencher, || service.event(Function::Poll, &path, &Value::Null));
}

#[divan::bench(args = [20, 200], sample_size = 1, sample_count = 1_000)]
fn poll_with_models(bencher: Bencher<'_, '_>, models: u16) {
    let service = Service::with_runtimes(1);
    let request = service.ring();
    service.send(&service.report_event(&request, &json!(catalog_report(models))));
    let path = format!("{}/{request}", service.models());
    service.bench(bencher, || service.event(Function::Poll, &path, &Value::Null));
}

#[divan::bench(args = [20, 200], sample_size = 1, sample_count = 1_000)]
fn report_with_models(bencher: Bencher<'_, '_>, models: u16) {
    let service = Service::with_runtimes(1);
    let report = json!(catalog_report(models));
    service.bench(bencher, || {
        let request = service.ring();
        service.send(&service.heartbeat_event());
        service.report_event(&request, &report)
    });
}

#[divan::bench(sample_size = 1, sample_count = 2_000)]
fn register(bencher: Bencher<'_, '_>) {
    let service = Service::with_runtimes(1);
    service.bench(bencher, || service.event(Function::Register, "/api/daemon/register", &registration(0)));
}

#[divan::bench(sample_size = 1, sample_count = 2_000)]
fn deregister(bencher: Bencher<'_, '_>) {
    let service = Service::with_runtimes(1);
    let body = json!({"runtime_ids": [service.runtime]});
    service.bench(bencher, || service.event(Function::Deregister, "/api/daemon/deregister", &body));
}

#[divan::bench(sample_size = 1, sample_count = 2_000)]
fn list_10_runtimes(bencher: Bencher<'_, '_>) {
    let service = Service::with_runtimes(10);
    service.bench(bencher, || service.event(Function::Runtimes, "/api/runtimes", &Value::Null));
}

#[divan::bench(sample_size = 1, sample_count = 2_000)]
fn authorize_opaque_token(bencher: Bencher<'_, '_>) {
    let service = Service::with_runtimes(1);
    service.executor.block_on(issue_dev_tokens(&service.state.store, service.clock.now())).unwrap();
    let event = serde_json::to_vec(&with_headers(json!({"version": "2.0", "type": "REQUEST"}))).unwrap();
    bencher.bench_local(|| service.executor.block_on(service.authorize(&event)));
}

/// Longer than the rate limit's interval between two rings.
const BETWEEN_RINGS: Duration = Duration::from_secs(2);

/// The functions on a memory store, with virtual time.
struct Service {
    executor: Runtime,
    state: AppState<MemoryStore>,
    clock: Arc<TestClock>,
    runtime: String,
    last_request: RefCell<Option<String>>,
}

impl Service {
    fn with_runtimes(count: usize) -> Self {
        let executor = Builder::new_current_thread().enable_time().build().unwrap();
        let clock = Arc::new(TestClock::default());
        let state =
            AppState { clock: Arc::<TestClock>::clone(&clock), ..AppState::new(MemoryStore::default()) };
        let last_request = RefCell::default();
        let mut service = Self { executor, state, clock, runtime: String::new(), last_request };
        for number in 0..count {
            let event = service.event(Function::Register, "/api/daemon/register", &registration(number));
            service.runtime = service.send(&event)["runtimes"][0]["id"].as_str().unwrap().to_owned();
        }
        service
    }

    fn bench(&self, bencher: Bencher<'_, '_>, event: impl FnMut() -> Event) {
        bencher.with_inputs(event).bench_local_refs(|event| self.executor.block_on(self.invoke(event)));
    }

    /// Ends the previous request, rings, and returns the id of the new request.
    fn ring(&self) -> String {
        if let Some(last) = self.last_request.take() {
            self.send(&self.report_event(&last, &json!({"status": "failed", "error": "none"})));
        }
        self.clock.advance(BETWEEN_RINGS);
        self.send(&self.heartbeat_event());
        let rung = self.send(&self.event(Function::Initiate, &self.new_models(), &Value::Null));
        let request = rung["id"].as_str().unwrap().to_owned();
        self.last_request.replace(Some(request.clone()));
        request
    }

    fn models(&self) -> String {
        format!("/api/runtimes/{}/models", self.runtime)
    }

    /// The path of a ring past the catalog.
    fn new_models(&self) -> String {
        format!("{}?refresh=true", self.models())
    }

    fn heartbeat_event(&self) -> Event {
        let body = json!({"runtime_id": self.runtime, "in_flight": []});
        self.event(Function::Heartbeat, "/api/daemon/heartbeat", &body)
    }

    fn report_event(&self, request: &str, report: &Value) -> Event {
        let path = format!("/api/daemon/runtimes/{}/models/{request}/result", self.runtime);
        self.event(Function::Report, &path, report)
    }

    fn event(&self, function: Function, path: &str, body: &Value) -> Event {
        let scope = match function {
            Function::Initiate | Function::Poll | Function::Runtimes => Scope::User,
            _ => Scope::Daemon,
        };
        let event = event_json(&caller(scope), function, path, body, self.clock.now());
        (function, serde_json::to_vec(&with_headers(event)).unwrap())
    }

    /// The body of the response.
    fn send(&self, event: &Event) -> Value {
        let response: Value = serde_json::from_slice(&self.executor.block_on(self.invoke(event))).unwrap();
        serde_json::from_str(response["body"].as_str().unwrap()).unwrap()
    }

    /// One invocation, as in a function's `main`.
    async fn invoke(&self, (function, event): &Event) -> Vec<u8> {
        let event = serde_json::from_slice(event).unwrap();
        let handle =
            |request| Box::pin(async move { invoke(*function, &self.state, &self.state, &request).await });
        let response = lambda::respond(event, handle, recorder(), sink()).await;
        assert_eq!(response.status_code, 200, "{function:?}: {:?}", response.body);
        serde_json::to_vec(&response).unwrap()
    }

    async fn authorize(&self, event: &[u8]) -> Vec<u8> {
        let event: AuthorizerEvent = serde_json::from_slice(event).unwrap();
        let oidc: Option<&Oidc> = None;
        let answer = doorbell_functions::auth::handle(&self.state, oidc, &event).await.unwrap();
        serde_json::to_vec(&answer).unwrap()
    }
}

/// Installed once per process.
fn recorder() -> Recorder {
    static RECORDER: OnceLock<Recorder> = OnceLock::new();
    *RECORDER.get_or_init(|| Recorder::install("bench".to_owned()).unwrap())
}

fn registration(number: usize) -> Value {
    let daemon = format!("daemon-{number}");
    let runtime = json!({"name": "Codex", "type": "codex", "version": "0.169.0", "status": "online"});
    json!({"workspace_id": WORKSPACE_A, "daemon_id": daemon, "runtimes": [runtime]})
}

/// Headers that API Gateway passes on with every call.
fn with_headers(mut event: Value) -> Value {
    event["headers"] = json!({
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
    event
}
