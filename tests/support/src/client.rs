//! A client of the API, wherever it is served: who calls, with which token, and what came back.
//!
//! It knows the wire's paths and words, and judges nothing but that every body is JSON.

use std::time::Duration;

use doorbell_client::http_client;
use doorbell_shared::id_gen::{IdGenerator as _, RandomIdGenerator};
use reqwest::Method;
use serde_json::{Value, json};

/// API Gateway gives up on a function after 30 s. What takes longer is not coming.
const TIMEOUT: Duration = Duration::from_secs(40);

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiResponse {
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

/// A workspace, and the tokens that open it.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Its id.
    pub id: String,
    /// A person's token.
    pub user: String,
    /// A daemon's token.
    pub daemon: String,
}

impl Workspace {
    /// The two of `doorbell dev`.
    pub fn of_dev() -> [Self; 2] {
        let [user_a, daemon_a, user_b, daemon_b] = doorbell_gateway::TOKENS;
        [(user_a, daemon_a), (user_b, daemon_b)].map(|(user, daemon)| Self {
            id: user.workspace.to_owned(),
            user: user.token.to_owned(),
            daemon: daemon.token.to_owned(),
        })
    }
}

/// Calls the API at one URL, for everybody in two workspaces.
#[derive(Clone, Debug)]
pub struct Client {
    url: String,
    http: reqwest::Client,
    /// Where most of what happens happens.
    pub a: Workspace,
    /// Where nothing of that may be seen.
    pub b: Workspace,
}

impl Client {
    /// Of the API at `url`, which may end in a path of its own.
    pub fn new(url: impl Into<String>, [a, b]: [Workspace; 2]) -> Self {
        Self { url: url.into(), http: http_client().unwrap(), a, b }
    }

    /// Where the API is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The token of a caller.
    pub fn token(&self, caller: Caller) -> &str {
        match caller {
            Caller::UserA => &self.a.user,
            Caller::DaemonA => &self.a.daemon,
            Caller::UserB => &self.b.user,
            Caller::DaemonB => &self.b.daemon,
        }
    }

    /// A request built by the test itself.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).timeout(TIMEOUT)
    }

    /// Sends a request, with whatever it has.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> ApiResponse {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        assert_eq!(response.headers()["content-type"], "application/json", "every body is JSON");
        ApiResponse { status, body: response.json().await.unwrap() }
    }

    /// `GET path`.
    pub async fn get(&self, caller: Caller, path: &str) -> ApiResponse {
        self.send(self.request(Method::GET, path).bearer_auth(self.token(caller))).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, caller: Caller, path: &str, body: Value) -> ApiResponse {
        self.post_raw(caller, path, body.to_string()).await
    }

    /// `POST path` with any body.
    pub async fn post_raw(&self, caller: Caller, path: &str, body: impl Into<reqwest::Body>) -> ApiResponse {
        let request = self.request(Method::POST, path).bearer_auth(self.token(caller));
        self.send(request.header("content-type", "application/json").body(body)).await
    }

    /// Registers the one runtime of a daemon in workspace A and gives its id.
    pub async fn register(&self, daemon: &str) -> String {
        let body = json!({
            "workspace_id": self.a.id,
            "daemon_id": daemon,
            "runtimes": [{"name": "Codex", "type": "codex", "version": "0.169.0", "status": "online"}],
        });
        let answer = self.post(Caller::DaemonA, "/api/daemon/register", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["runtimes"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Registers a runtime in workspace A that nobody else knows, and gives its id.
    pub async fn new_runtime(&self) -> String {
        self.register(&new_daemon_id()).await
    }

    /// A runtime as a person in workspace A finds it listed.
    pub async fn find_runtime(&self, runtime: &str) -> Option<Value> {
        let listed = self.get(Caller::UserA, "/api/runtimes").await.body;
        listed.as_array().unwrap().iter().find(|listed| listed["id"] == runtime).cloned()
    }

    /// Rings a runtime as a person in workspace A and gives the request's id.
    pub async fn ring(&self, runtime: &str) -> String {
        let answer = self.post(Caller::UserA, &format!("/api/runtimes/{runtime}/models"), json!({})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// Polls as a person in workspace A.
    pub async fn poll(&self, runtime: &str, request: &str) -> ApiResponse {
        self.get(Caller::UserA, &format!("/api/runtimes/{runtime}/models/{request}")).await
    }

    /// Beats as a daemon in workspace A.
    pub async fn heartbeat(&self, runtime: &str) -> ApiResponse {
        self.post(Caller::DaemonA, "/api/daemon/heartbeat", json!({"runtime_id": runtime})).await
    }

    /// Reports as a daemon in workspace A.
    pub async fn report(&self, runtime: &str, request: &str, body: Value) -> ApiResponse {
        let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
        self.post(Caller::DaemonA, &path, body).await
    }
}

/// The id of a daemon that nobody else has.
pub fn new_daemon_id() -> String {
    format!("daemon-{}", RandomIdGenerator::default().lease_token())
}

impl ApiResponse {
    /// An answer with that status and error text.
    pub fn error(status: u16, error: &str) -> Self {
        Self { status, body: json!({ "error": error }) }
    }

    /// A 200 with that body.
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }
}
