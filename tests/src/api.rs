//! The API over HTTP on loopback: the local gateway in front of the real functions on the embedded engine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use doorbell_authorizer::oidc::Oidc;
use doorbell_cli::gateway::{self, Callers, Gateway, Origins};
use doorbell_daemon::api::http_client;
use doorbell_shared::clock::Clock;
use doorbell_shared::http::Backend;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::store::{Store, Tokens};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::TestClock;

/// A served API. It ends with the test's runtime.
#[derive(Debug)]
pub struct TestApi {
    /// What time the functions think it is.
    pub clock: Arc<TestClock>,
    addr: SocketAddr,
    http: Client,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, which is always JSON.
    pub body: Value,
}

/// Whose token is sent.
#[derive(Clone, Copy, Debug)]
pub enum Caller {
    /// A person in workspace A.
    UserA,
    /// A daemon in workspace A.
    DaemonA,
    /// A person in workspace B.
    UserB,
    /// A daemon in workspace B.
    DaemonB,
}

impl Caller {
    fn token(self) -> &'static str {
        match self {
            Self::UserA => "dbu_dev_a",
            Self::DaemonA => "dbd_dev_a",
            Self::UserB => "dbu_dev_b",
            Self::DaemonB => "dbd_dev_b",
        }
    }
}

/// The workspace of the callers A.
pub const WORKSPACE_A: &str = gateway::WORKSPACE_A;
/// The workspace of the callers B.
pub const WORKSPACE_B: &str = gateway::WORKSPACE_B;

impl TestApi {
    /// On a new embedded engine.
    pub async fn start() -> Self {
        Self::on(EmbeddedDynamoDb::start().await.unwrap().store()).await
    }

    /// On `store`, for the callers of `doorbell dev`.
    pub async fn on<S: Store + 'static>(store: S) -> Self {
        let clock = Arc::new(TestClock::default());
        let tokens = MemoryStore::default();
        gateway::issue_dev_tokens(&tokens, clock.now()).await.unwrap();
        Self::serve(store, tokens, None, clock).await
    }

    /// On `store`, for the callers that `tokens` and `oidc` know.
    pub async fn serve<S: Store + 'static, T: Tokens + 'static>(
        store: S,
        tokens: T,
        oidc: Option<Oidc>,
        clock: Arc<TestClock>,
    ) -> Self {
        let callers = Callers { backend: Self::backend(tokens, &clock), oidc };
        let gateway = Gateway { backend: Self::backend(store, &clock), callers, origins: Origins::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(gateway::serve(listener, gateway, std::future::pending()));
        Self { clock, addr, http: http_client().unwrap() }
    }

    fn backend<S>(store: S, clock: &Arc<TestClock>) -> Backend<S> {
        Backend { clock: Arc::<TestClock>::clone(clock), ..Backend::new(store) }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Lets so many seconds pass.
    pub fn pass(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }

    /// A request built by the test itself.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url()))
    }

    /// Sends a request, with whatever it has.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        assert_eq!(response.headers()["content-type"], "application/json", "every body is JSON");
        Answer { status, body: response.json().await.unwrap() }
    }

    /// `GET path`.
    pub async fn get(&self, caller: Caller, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).bearer_auth(caller.token())).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, caller: Caller, path: &str, body: Value) -> Answer {
        self.post_raw(caller, path, body.to_string()).await
    }

    /// `POST path` with any body.
    pub async fn post_raw(&self, caller: Caller, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, path).bearer_auth(caller.token());
        self.send(request.header("content-type", "application/json").body(body)).await
    }

    /// Registers a runtime in workspace A and gives its id.
    pub async fn runtime(&self) -> String {
        let body = json!({
            "workspace_id": WORKSPACE_A,
            "daemon_id": "my-laptop",
            "runtimes": [{"name": "Codex", "type": "codex", "version": "0.169.0", "status": "online"}],
        });
        let answer = self.post(Caller::DaemonA, "/api/daemon/register", body).await;
        answer.body["runtimes"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Rings a runtime as a person in workspace A and gives the request's id.
    pub async fn ring(&self, runtime: &str) -> String {
        let answer = self.post(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// Polls as a person in workspace A.
    pub async fn poll(&self, runtime: &str, request: &str) -> Answer {
        self.get(Caller::UserA, &format!("/api/runtimes/{runtime}/models/{request}")).await
    }

    /// Beats as a daemon in workspace A.
    pub async fn beat(&self, runtime: &str) -> Answer {
        self.post(Caller::DaemonA, "/api/daemon/heartbeat", json!({"runtime_id": runtime})).await
    }

    /// Reports as a daemon in workspace A.
    pub async fn report(&self, runtime: &str, request: &str, body: Value) -> Answer {
        let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
        self.post(Caller::DaemonA, &path, body).await
    }
}

impl Answer {
    /// An answer with that status and error text.
    pub fn error(status: u16, error: &str) -> Self {
        Self { status, body: json!({ "error": error }) }
    }

    /// A 200 with that body.
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }
}
