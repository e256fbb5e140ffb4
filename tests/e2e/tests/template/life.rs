//! One life of a runtime, in which every function takes every way that it has, each under a policy of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use doorbell_functions::auth::AuthorizerEvent;
use doorbell_functions::auth::oidc::Oidc;
use doorbell_gateway::invoke;
use doorbell_protocol::Scope;
use doorbell_protocol::limits::PENDING_DEADLINE;
use doorbell_shared::http::AppState;
use doorbell_shared::http::caller::Caller;
use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::RUNTIME_RETENTION;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_test_support::TestClock;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::event::event;
use doorbell_test_support::interceptor::AllowOnly;
use serde_json::{Value, json};

use crate::routes::binary;

/// What each function may call, by the name of its binary.
pub(crate) type Policies = BTreeMap<String, BTreeSet<String>>;

/// What did not come out as it should.
pub(crate) type Broken = String;

/// Lives one life under `policies`.
pub(crate) async fn live(policies: &Policies) -> Result<(), Broken> {
    let life = Life {
        policies,
        engine: EmbeddedDynamoDb::start().await.unwrap(),
        // So long ago that a listing which no heartbeat has renewed is over by the real time, which TTL goes by.
        clock: Arc::new(TestClock::ago(RUNTIME_RETENTION + Duration::from_secs(60))),
    };
    life.a_token_is_known().await?;
    let runtime = life.a_runtime_registers().await?;
    life.a_late_beat_renews_its_listing(&runtime).await?;
    life.a_request_lapses(&runtime).await?;
    life.a_request_is_answered(&runtime).await?;
    life.the_runtime_signs_off(&runtime).await
}

struct Life<'p> {
    policies: &'p Policies,
    engine: EmbeddedDynamoDb,
    clock: Arc<TestClock>,
}

impl Life<'_> {
    async fn a_token_is_known(&self) -> Result<(), Broken> {
        let backend = self.backend("authorizer");
        doorbell_gateway::issue_dev_tokens(&self.engine.store(), backend.clock.now()).await.unwrap();
        let event = json!({"headers": {"authorization": "Bearer dbu_dev_a"}});
        let event: AuthorizerEvent = serde_json::from_value(event).unwrap();
        let oidc: Option<&Oidc> = None;
        match doorbell_functions::auth::handle(&backend, oidc, &event).await {
            Ok(answer) if matches!(answer.context, Caller::Known(_)) => Ok(()),
            other => Err(format!("authorizer: {other:?}")),
        }
    }

    async fn a_runtime_registers(&self) -> Result<String, Broken> {
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
        let registered = self.call(Function::Register, "/api/daemon/register", body).await?;
        Ok(registered["runtimes"][0]["id"].as_str().unwrap().to_owned())
    }

    async fn a_late_beat_renews_its_listing(&self, runtime: &str) -> Result<(), Broken> {
        self.clock.advance(RUNTIME_RETENTION * 3 / 4);
        self.beat(runtime).await?;
        self.engine.sweep_ttl().unwrap();
        let listed = self.call(Function::Runtimes, "/api/runtimes", json!({})).await?;
        expect("the listing", &listed[0]["id"], runtime)
    }

    async fn a_request_lapses(&self, runtime: &str) -> Result<(), Broken> {
        let request = self.ring(runtime).await?;
        self.clock.advance(PENDING_DEADLINE + Duration::from_millis(1));
        expect("the lapse", &self.poll(runtime, &request).await?["status"], "timeout")
    }

    async fn a_request_is_answered(&self, runtime: &str) -> Result<(), Broken> {
        let request = self.ring(runtime).await?;
        let beat = self.beat(runtime).await?;
        expect("the claim", &beat["pending_model_list"]["id"], &request)?;
        let result = format!("/api/daemon/runtimes/{runtime}/models/{request}/result");
        self.call(Function::Report, &result, json!({"status": "completed"})).await?;
        expect("the answer", &self.poll(runtime, &request).await?["status"], "completed")
    }

    async fn the_runtime_signs_off(&self, runtime: &str) -> Result<(), Broken> {
        let body = json!({"runtime_ids": [runtime]});
        self.call(Function::Deregister, "/api/daemon/deregister", body).await?;
        let listed = self.call(Function::Runtimes, "/api/runtimes", json!({})).await?;
        expect("the end", &listed[0]["status"], "offline")
    }

    async fn beat(&self, runtime: &str) -> Result<Value, Broken> {
        self.call(Function::Heartbeat, "/api/daemon/heartbeat", json!({"runtime_id": runtime})).await
    }

    async fn ring(&self, runtime: &str) -> Result<String, Broken> {
        let path = format!("/api/runtimes/{runtime}/models");
        let rung = self.call(Function::Initiate, &path, json!({})).await?;
        Ok(rung["id"].as_str().unwrap().to_owned())
    }

    async fn poll(&self, runtime: &str, request: &str) -> Result<Value, Broken> {
        let path = format!("/api/runtimes/{runtime}/models/{request}");
        self.call(Function::Poll, &path, json!({})).await
    }

    async fn call(&self, function: Function, path: &str, body: Value) -> Result<Value, Broken> {
        let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
        let backend = self.backend(binary(function));
        let response = invoke(function, &backend, &event(function, scope, path, &body)).await;
        match response.status().as_u16() {
            200 => Ok(serde_json::from_slice(response.body()).unwrap()),
            status => Err(format!("{function:?}: {status}")),
        }
    }

    /// What a function stands on: the table as its policy lets it.
    fn backend(&self, binary: &str) -> AppState<DynamoDbStore> {
        let store = self.engine.store_with_interceptor(Arc::new(AllowOnly(self.policies[binary].clone())));
        AppState { clock: Arc::<TestClock>::clone(&self.clock), ..AppState::new(store) }
    }
}

fn expect(what: &str, found: &Value, expected: &str) -> Result<(), Broken> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found}")) }
}
