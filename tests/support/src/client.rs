//! A client of the API in process or deployed: the callers of two workspaces, and what the API responds.

use std::time::Duration;

use doorbell_client::http_client;
use doorbell_protocol::error_text;
use doorbell_shared::id_gen::{IdGenerator as _, RandomIdGenerator};
use reqwest::Method;
use serde_json::{Value, json};

/// API Gateway's integration timeout is 30 s.
const TIMEOUT: Duration = Duration::from_secs(40);

/// The retries of a registration over the token's rate of 1 a second: more than the registrations of the suite.
const RETRIES: usize = 120;

#[derive(Clone, Debug, PartialEq)]
pub struct ApiResponse {
    pub status: u16,
    /// Always JSON.
    pub body: Value,
}

/// The token that is sent: of a user, a daemon or an administrator, in workspace A or B.
#[derive(Clone, Copy, Debug)]
pub enum Caller {
    UserA,
    DaemonA,
    UserB,
    DaemonB,
    AdminA,
    AdminB,
}

/// A workspace and its tokens.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub id: String,
    pub user: String,
    pub daemon: String,
    pub admin: String,
}

impl Workspace {
    /// The two workspaces of `doorbell dev`.
    pub fn of_dev() -> [Self; 2] {
        let [user_a, daemon_a, user_b, daemon_b, admin_a, admin_b] = doorbell_gateway::TOKENS;
        [(user_a, daemon_a, admin_a), (user_b, daemon_b, admin_b)].map(|(user, daemon, admin)| Self {
            id: user.workspace.to_owned(),
            user: user.token.to_owned(),
            daemon: daemon.token.to_owned(),
            admin: admin.token.to_owned(),
        })
    }
}

/// Calls the API at one URL.
#[derive(Clone, Debug)]
pub struct Client {
    url: String,
    http: reqwest::Client,
    pub a: Workspace,
    /// The other tenant.
    pub b: Workspace,
}

impl Client {
    /// A client of the API at `url`, which may end in a path.
    pub fn new(url: impl Into<String>, [a, b]: [Workspace; 2]) -> Self {
        Self { url: url.into(), http: http_client().unwrap(), a, b }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn token(&self, caller: Caller) -> &str {
        match caller {
            Caller::UserA => &self.a.user,
            Caller::DaemonA => &self.a.daemon,
            Caller::UserB => &self.b.user,
            Caller::DaemonB => &self.b.daemon,
            Caller::AdminA => &self.a.admin,
            Caller::AdminB => &self.b.admin,
        }
    }

    /// A request without token and body.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).timeout(TIMEOUT)
    }

    /// Sends a request and checks that the response is JSON.
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

    /// `GET path`, with the body as text.
    pub async fn get_text(&self, caller: Caller, path: &str) -> (u16, String) {
        let response = self.request(Method::GET, path).bearer_auth(self.token(caller)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// `GET path`, with the path of the next page. The target of its `Link` is a query, which keeps the path, whatever precedes
    /// it (RFC 3986, 5.3).
    pub async fn get_page(&self, caller: Caller, path: &str) -> (ApiResponse, Option<String>) {
        let response = self.request(Method::GET, path).bearer_auth(self.token(caller)).send().await.unwrap();
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let next = link.map(|link| {
            let query = link.strip_prefix("<?").and_then(|link| link.strip_suffix(r#">; rel="next""#));
            let query = query.unwrap_or_else(|| panic!("not a query: {link}"));
            format!("{}?{query}", path.split('?').next().unwrap())
        });
        let status = response.status().as_u16();
        (ApiResponse { status, body: response.json().await.unwrap() }, next)
    }

    /// `DELETE path`.
    pub async fn delete(&self, caller: Caller, path: &str) -> ApiResponse {
        self.send(self.request(Method::DELETE, path).bearer_auth(self.token(caller))).await
    }

    /// `POST path` with a JSON body. Retries a registration over the token's rate, as daemons do: all cases of a deployed stack
    /// register with one token.
    pub async fn post(&self, caller: Caller, path: &str, body: Value) -> ApiResponse {
        self.post_within_rate(caller, path, &body.to_string()).await
    }

    /// Registers with any body, as workspace A's daemon. Retried as in [`post`](Self::post).
    pub async fn register_raw(&self, body: String) -> ApiResponse {
        self.post_within_rate(Caller::DaemonA, "/api/daemon/register", &body).await
    }

    async fn post_within_rate(&self, caller: Caller, path: &str, body: &str) -> ApiResponse {
        let limited = ApiResponse::error(503, error_text::REGISTRATIONS_LIMITED);
        for _ in 0..RETRIES {
            let response = self.post_raw(caller, path, body.to_owned()).await;
            if response != limited {
                return response;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        limited
    }

    /// `POST path` with any body.
    pub async fn post_raw(&self, caller: Caller, path: &str, body: impl Into<reqwest::Body>) -> ApiResponse {
        let request = self.request(Method::POST, path).bearer_auth(self.token(caller));
        self.send(request.header("content-type", "application/json").body(body)).await
    }

    /// `POST path` with a JSON body and any token, or none.
    pub async fn post_with(&self, token: Option<&str>, path: &str, body: &Value) -> ApiResponse {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        let request = request.body(body.to_string());
        self.send(token.into_iter().fold(request, |request, token| request.bearer_auth(token))).await
    }

    /// Creates an enrolment code for workspace A.
    pub async fn enrol(&self) -> String {
        let body = json!({"workspace_id": self.a.id});
        let response = self.post(Caller::AdminA, "/api/enrolments", body).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.body["code"].as_str().unwrap().to_owned()
    }

    /// Redeems a code, without a token.
    pub async fn redeem(&self, code: &str, daemon: &str) -> ApiResponse {
        self.post_with(None, "/api/enrolments/redeem", &json!({"code": code, "daemon_id": daemon})).await
    }

    /// A new token of workspace A that is bound to `daemon`.
    pub async fn bound_token(&self, daemon: &str) -> String {
        let response = self.redeem(&self.enrol().await, daemon).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.body["token"].as_str().unwrap().to_owned()
    }

    /// Registers the single runtime of a daemon in workspace A; returns its id.
    pub async fn register(&self, daemon: &str) -> String {
        let body = json!({
            "workspace_id": self.a.id,
            "daemon_id": daemon,
            "runtimes": [{"name": "Codex", "type": "codex", "version": "0.169.0", "status": "online"}],
        });
        let response = self.post(Caller::DaemonA, "/api/daemon/register", body).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.body["runtimes"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Registers a new runtime in workspace A; returns its id.
    pub async fn new_runtime(&self) -> String {
        self.register(&new_daemon_id()).await
    }

    /// The runtime in the list of workspace A's user, on any page.
    pub async fn find_runtime(&self, runtime: &str) -> Option<Value> {
        let mut path = "/api/runtimes".to_owned();
        loop {
            let (page, next) = self.get_page(Caller::UserA, &path).await;
            let found = page.body.as_array().unwrap().iter().find(|listed| listed["id"] == runtime).cloned();
            path = match (found, next) {
                (None, Some(next)) => next,
                (found, _) => return found,
            };
        }
    }

    /// Rings as workspace A's user, past the catalog; returns the request's id.
    pub async fn ring(&self, runtime: &str) -> String {
        let path = format!("/api/runtimes/{runtime}/models?refresh=true");
        let response = self.post(Caller::UserA, &path, json!({})).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.body["id"].as_str().unwrap().to_owned()
    }

    /// The same with an idempotency key, so that the ring joins no pending request.
    pub async fn ring_apart(&self, runtime: &str) -> String {
        let path = format!("/api/runtimes/{runtime}/models?refresh=true");
        let key = RandomIdGenerator::default().lease_token().to_string();
        let request = self.request(Method::POST, &path).bearer_auth(self.token(Caller::UserA));
        let response = self.send(request.header("idempotency-key", key)).await;
        assert_eq!(response.status, 200, "{response:?}");
        response.body["id"].as_str().unwrap().to_owned()
    }

    /// Polls as workspace A's user.
    pub async fn poll(&self, runtime: &str, request: &str) -> ApiResponse {
        self.get(Caller::UserA, &format!("/api/runtimes/{runtime}/models/{request}")).await
    }

    /// Sends a heartbeat as workspace A's daemon.
    pub async fn heartbeat(&self, runtime: &str) -> ApiResponse {
        self.post(Caller::DaemonA, "/api/daemon/heartbeat", json!({"runtime_id": runtime})).await
    }

    /// Reports as workspace A's daemon.
    pub async fn report(&self, runtime: &str, request: &str, body: Value) -> ApiResponse {
        let path = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
        self.post(Caller::DaemonA, &path, body).await
    }
}

/// A unique daemon id.
pub fn new_daemon_id() -> String {
    format!("daemon-{}", RandomIdGenerator::default().lease_token())
}

impl ApiResponse {
    /// An error response.
    pub fn error(status: u16, error: &str) -> Self {
        Self { status, body: json!({ "error": error }) }
    }

    /// A 200 with `body`.
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }
}
