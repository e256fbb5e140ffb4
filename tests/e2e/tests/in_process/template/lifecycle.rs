//! The lifecycle of a runtime: every function takes each of its paths, under its own policy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use doorbell_functions::auth::AuthorizerEvent;
use doorbell_functions::auth::oidc::Oidc;
use doorbell_gateway::invoke;
use doorbell_protocol::Scope;
use doorbell_protocol::limits::PENDING_DEADLINE;
use doorbell_shared::http::input::Caller;
use doorbell_shared::http::routes::Function;
use doorbell_shared::http::{AppState, HttpRequest};
use doorbell_shared::limits::RUNTIME_RETENTION;
use doorbell_shared::store::TokenStore as _;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::token::Token;
use doorbell_test_support::TestClock;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::event::{event, route};
use doorbell_test_support::interceptor::AllowOnly;
use doorbell_test_support::push::ScriptedPush;
use serde_json::{Value, json};

use crate::template::push_channel;

/// The allowed actions of each function, by binary name.
pub(crate) type Policies = BTreeMap<String, BTreeSet<String>>;

/// Runs one lifecycle under `policies`.
pub(crate) async fn run(policies: &Policies) -> Result<(), String> {
    let lifecycle = Lifecycle {
        policies,
        engine: EmbeddedDynamoDb::start().await.unwrap(),
        // A listing without renewal has expired by the real time, which TTL uses.
        clock: Arc::new(TestClock::ago(RUNTIME_RETENTION + Duration::from_secs(60))),
        push: Arc::default(),
    };
    lifecycle.authorize().await?;
    let runtime = lifecycle.register().await?;
    lifecycle.renew_listing(&runtime).await?;
    lifecycle.time_out(&runtime).await?;
    lifecycle.complete(&runtime).await?;
    lifecycle.question(&runtime).await?;
    lifecycle.cancel(&runtime).await?;
    lifecycle.register_without_questions().await?;
    lifecycle.push().await?;
    lifecycle.enrol().await?;
    lifecycle.deregister(&runtime).await?;
    lifecycle.forget(&runtime).await
}

pub(crate) struct Lifecycle<'p> {
    policies: &'p Policies,
    pub(crate) engine: EmbeddedDynamoDb,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) push: Arc<ScriptedPush>,
}

impl Lifecycle<'_> {
    async fn authorize(&self) -> Result<(), String> {
        let state = self.state("authorizer");
        doorbell_gateway::issue_dev_tokens(&self.engine.store(), state.clock.now()).await.unwrap();
        let event = json!({"headers": {"authorization": "Bearer dbu_dev_a"}});
        let event: AuthorizerEvent = serde_json::from_value(event).unwrap();
        let oidc: Option<&Oidc> = None;
        match doorbell_functions::auth::handle(&state, oidc, &event).await {
            Ok(answer) if matches!(answer.context, Caller::Known(_)) => {}
            other => return Err(format!("authorizer: {other:?}")),
        }
        let workspace = WORKSPACE_A.parse().unwrap();
        let listed = self.engine.store().list_tokens(workspace, state.clock.now()).await.unwrap();
        let is_used = listed.iter().any(|token| token.last_used_at.is_some());
        if is_used { Ok(()) } else { Err("authorizer: the use is not recorded".to_owned()) }
    }

    async fn register(&self) -> Result<String, String> {
        let program = json!({"type": "codex", "questions": [{"name": "uptime"}]});
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [program]});
        let registered = self.call(Function::Register, "/api/daemon/register", body).await?;
        Ok(registered["runtimes"][0]["id"].as_str().unwrap().to_owned())
    }

    async fn register_without_questions(&self) -> Result<(), String> {
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
        self.call(Function::Register, "/api/daemon/register", body).await?;
        let listed = self.call(Function::Runtimes, "/api/runtimes", json!({})).await?;
        expect("the questions", &json!(listed[0]["questions"].to_string()), "null")
    }

    /// Asked twice with one key, and reported on the route of every kind.
    async fn question(&self, runtime: &str) -> Result<(), String> {
        let request = self.ask_with_key(runtime).await?;
        expect("the request of the key", &json!(self.ask_with_key(runtime).await?), request.as_str())?;
        self.whole_heartbeat(runtime, &[]).await?;
        let result = format!("/api/daemon/runtimes/{runtime}/requests/{request}/result");
        self.call(Function::Report, &result, json!({"status": "running", "progress": "half"})).await?;
        self.call(Function::Report, &result, json!({"status": "completed", "result": "up"})).await?;
        let path = format!("/api/runtimes/{runtime}/requests/{request}");
        expect("the result", &self.call(Function::Poll, &path, json!({})).await?["result"], "up")
    }

    async fn ask_with_key(&self, runtime: &str) -> Result<String, String> {
        let path = format!("/api/runtimes/{runtime}/requests");
        let mut request = event(Function::Initiate, Scope::User, &path, &json!({"kind": "uptime"}));
        request.headers_mut().insert("idempotency-key", "key".parse().unwrap());
        let asked = self.send(Function::Initiate, &request).await?;
        Ok(asked["id"].as_str().unwrap().to_owned())
    }

    /// The heartbeat names the cancelled request to the daemon that works on it.
    async fn cancel(&self, runtime: &str) -> Result<(), String> {
        let request = self.ring(runtime).await?;
        self.whole_heartbeat(runtime, &[]).await?;
        let path = format!("/api/runtimes/{runtime}/requests/{request}");
        self.call(Function::Cancel, &path, json!({})).await?;
        let response = self.whole_heartbeat(runtime, &[&request]).await?;
        expect("the cancellation", &response["runtimes"][0]["cancelled"][0], request)
    }

    async fn whole_heartbeat(&self, runtime: &str, in_flight: &[&str]) -> Result<Value, String> {
        let body = json!({"runtimes": [{"id": runtime, "in_flight": in_flight}]});
        self.call(Function::Heartbeat, "/api/daemon/heartbeat", body).await
    }

    /// A code is redeemed twice, and the token that it gave out is revoked.
    async fn enrol(&self) -> Result<(), String> {
        let workspace = json!({"workspace_id": WORKSPACE_A});
        let enrolled = self.call(Function::Enrol, "/api/enrolments", workspace).await?;
        let body = json!({"code": enrolled["code"], "daemon_id": "d"});
        self.call(Function::Redeem, "/api/enrolments/redeem", body.clone()).await?;
        let redeemed = self.call(Function::Redeem, "/api/enrolments/redeem", body).await?;
        let token = Token::parse(redeemed["token"].as_str().unwrap()).unwrap();
        self.connect_and_revoke(&token).await?;
        let body = json!({"workspace_id": WORKSPACE_A, "scope": "daemon", "subject": "s"});
        let issued = self.call(Function::IssueToken, "/api/tokens", body).await?;
        let listed = format!("/api/tokens?workspace_id={WORKSPACE_A}");
        let listed = self.call(Function::ListTokens, &listed, json!({})).await?;
        let is_listed = |id: &Value| listed.as_array().unwrap().iter().any(|token| token["id"] == *id);
        expect("the issued token in the list", &json!(is_listed(&issued["id"])), true)?;
        expect("the revoked token in the list", &json!(is_listed(&json!(token.hash().id()))), false)
    }

    async fn renew_listing(&self, runtime: &str) -> Result<(), String> {
        self.clock.advance(RUNTIME_RETENTION * 3 / 4);
        self.heartbeat(runtime).await?;
        self.engine.sweep_ttl().unwrap();
        let listed = self.call(Function::Runtimes, "/api/runtimes", json!({})).await?;
        expect("the listing", &listed[0]["id"], runtime)
    }

    async fn time_out(&self, runtime: &str) -> Result<(), String> {
        let request = self.ring(runtime).await?;
        self.clock.advance(PENDING_DEADLINE + Duration::from_millis(1));
        expect("the timeout", &self.poll(runtime, &request).await?["status"], "timeout")
    }

    async fn complete(&self, runtime: &str) -> Result<(), String> {
        let request = self.ring(runtime).await?;
        let response = self.heartbeat(runtime).await?;
        expect("the claim", &response["pending_model_list"]["id"], request.as_str())?;
        let result = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
        self.call(Function::Report, &result, json!({"status": "completed"})).await?;
        expect("the answer", &self.poll(runtime, &request).await?["status"], "completed")
    }

    async fn deregister(&self, runtime: &str) -> Result<(), String> {
        let body = json!({"runtime_ids": [runtime]});
        self.call(Function::Deregister, "/api/daemon/deregister", body).await?;
        let listed = self.call(Function::Runtimes, "/api/runtimes", json!({})).await?;
        expect("the deregistration", &listed[0]["status"], "offline")
    }

    async fn forget(&self, runtime: &str) -> Result<(), String> {
        self.call(Function::Forget, &format!("/api/runtimes/{runtime}"), json!({})).await?;
        let listed = self.call(Function::Runtimes, "/api/runtimes", json!({})).await?;
        expect("the removal", &json!(listed.to_string()), "[]")
    }

    async fn heartbeat(&self, runtime: &str) -> Result<Value, String> {
        self.call(Function::Heartbeat, "/api/daemon/heartbeat", json!({"runtime_id": runtime})).await
    }

    pub(crate) async fn ring(&self, runtime: &str) -> Result<String, String> {
        let path = format!("/api/runtimes/{runtime}/models");
        let ring = self.call(Function::Initiate, &path, json!({})).await?;
        Ok(ring["id"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn poll(&self, runtime: &str, request: &str) -> Result<Value, String> {
        let path = format!("/api/runtimes/{runtime}/models/{request}");
        self.call(Function::Poll, &path, json!({})).await
    }

    pub(crate) async fn call(&self, function: Function, path: &str, body: Value) -> Result<Value, String> {
        // A public route has no caller, whatever the scope.
        let scope = route(function).scope.unwrap_or(Scope::User);
        self.send(function, &event(function, scope, path, &body)).await
    }

    async fn send(&self, function: Function, request: &HttpRequest) -> Result<Value, String> {
        let state = self.state(function.lambda());
        let response = invoke(function, &state, &state, request).await;
        match response.status().as_u16() {
            200 => Ok(serde_json::from_slice(response.body()).unwrap()),
            status => Err(format!("{function:?}: {status}")),
        }
    }

    /// The state of a function: the table and the push channel under its policy.
    pub(crate) fn state(&self, binary: &str) -> AppState<DynamoDbStore> {
        let actions = &self.policies[binary];
        let operations = actions.iter().filter_map(|action| action.strip_prefix("dynamodb:"));
        let allowed = AllowOnly(operations.map(str::to_owned).collect());
        AppState {
            clock: Arc::<TestClock>::clone(&self.clock),
            push: Some(push_channel::channel(&self.push, actions)),
            ..AppState::new(self.engine.store_with_interceptor(Arc::new(allowed)))
        }
    }
}

pub(crate) fn expect(what: &str, found: &Value, expected: impl Into<Value>) -> Result<(), String> {
    if *found == expected.into() { Ok(()) } else { Err(format!("{what}: {found}")) }
}
