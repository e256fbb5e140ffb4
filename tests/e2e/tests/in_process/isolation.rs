//! Tenant isolation: every route of the route table, called with every kind of credential. A foreign runtime or request
//! looks exactly like an absent one: status, headers, body and cost.

mod bound_tokens;
mod fixtures;

use std::sync::Arc;

use doorbell_protocol::Scope;
use doorbell_shared::http::routes::Function;
use doorbell_shared::kinds::RouteKind;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_test_support::api::{WORKSPACE_A, WORKSPACE_B};
use doorbell_test_support::{ApiResponse, TestApi, TestClock};
use reqwest::Method;
use serde_json::{Value, json};

use crate::isolation::fixtures::{
    KindRoute, Tenant, Tenants, bearer, invalid_credentials, issue_token, routes, scope,
};

#[tokio::test]
async fn invalid_credentials_are_rejected_on_every_route() {
    let tenants = Tenants::new().await;
    let mut calls = 0;
    for (name, authorization) in invalid_credentials(&tenants).await {
        for route in &routes() {
            let response = tenants.call(route, authorization.as_deref(), &tenants.a).await;
            assert_eq!(response.status, 401, "{name} at {route:?}: {}", response.body);
            calls += 1;
        }
    }
    println!("isolation: {calls} calls of (route x invalid credential)");
}

#[tokio::test]
async fn token_of_other_scope_is_rejected_on_every_route() {
    let tenants = Tenants::new().await;
    let mut calls = 0;
    for route in &routes() {
        for other in Scope::ALL.iter().filter(|other| **other != scope(route)) {
            let response = tenants.call(route, Some(&bearer(tenants.a.token(*other))), &tenants.a).await;
            assert_eq!(response.status, 403, "{other} at {route:?}: {}", response.body);
            calls += 1;
        }
    }
    println!("isolation: {calls} calls of (route x other scope)");
}

/// Except for the heartbeat, which the contract lets differ; a caller must know the runtime's id.
#[tokio::test]
async fn foreign_response_equals_absent_response_byte_for_byte() {
    let tenants = Tenants::new().await;
    let mut calls = 0;
    for route in &routes() {
        for (caller, other) in [(&tenants.a, &tenants.b), (&tenants.b, &tenants.a)] {
            let authorization = bearer(caller.token(scope(route)));
            tenants.recorder.take();
            let foreign = tenants.call(route, Some(&authorization), other).await;
            let foreign_calls = tenants.recorder.take().len();
            let absent = tenants.call(route, Some(&authorization), &Tenant::absent()).await;
            let absent_calls = tenants.recorder.take().len();
            assert_eq!(foreign_calls, absent_calls, "calls of {route:?}");
            calls += 2;
            if route.0.function == Function::Heartbeat {
                assert_eq!((foreign.status, absent.status), (404, 404));
            } else {
                assert_eq!(foreign, absent, "{route:?}");
            }
        }
    }
    println!("isolation: {calls} calls of (route x foreign or absent)");
}

/// Each tenant has a snapshot, which answers its own rings only.
#[tokio::test]
async fn snapshot_is_served_in_its_workspace_only() {
    let tenants = Tenants::new().await;
    for (segment, body) in [("models", Value::Null), ("requests", json!({"kind": "model_list"}))] {
        let ring = async |tenant: &Tenant| {
            let path = format!("/api/runtimes/{}/{segment}", tenant.runtime);
            tenants.recorder.take();
            let response = tenants.send("POST", &path, Some(&bearer(&tenants.a.user)), &body).await;
            (response, tenants.recorder.take().len())
        };
        let (own, _) = ring(&tenants.a).await;
        assert!(own.status == 200 && own.body.contains(r#""cached":true"#), "{}", own.body);
        let foreign = ring(&tenants.b).await;
        assert_eq!((foreign.0.status, foreign.0.body.as_str()), (404, r#"{"error":"runtime not found"}"#));
        assert_eq!(foreign, ring(&Tenant::absent()).await);
    }
}

/// In the caller's own workspace, which the path of a revocation names besides the token.
#[tokio::test]
async fn foreign_token_id_equals_absent_token_id() {
    let tenants = Tenants::new().await;
    let revoke = routes().into_iter().find(|(route, _)| route.function == Function::RevokeToken).unwrap();
    let call = async |token_id: &str| {
        tenants.recorder.take();
        let target = Tenant { token_id: token_id.to_owned(), ..tenants.a.clone() };
        let response = tenants.call(&revoke, Some(&bearer(&tenants.a.admin)), &target).await;
        (response, tenants.recorder.take().len())
    };
    let absent = call(&Tenant::absent().token_id).await;
    assert_eq!((absent.0.status, absent.0.body.as_str()), (404, r#"{"error":"token not found"}"#));
    assert_eq!(call(&tenants.b.token_id).await, absent);
    assert_eq!(call(&tenants.a.token_id).await.0.status, 200);
}

/// An administrator of one workspace of a token sees neither the other workspaces nor their tokens.
#[tokio::test]
async fn list_of_tokens_shows_own_workspace_only() {
    let tenants = Tenants::new().await;
    let both = [WORKSPACE_A, WORKSPACE_B];
    issue_token(&tenants.engine, &tenants.api, Scope::User, &both, None).await;
    let path = format!("/api/tokens?workspace_id={WORKSPACE_A}");
    let listed = tenants.send("GET", &path, Some(&bearer(&tenants.a.admin)), &Value::Null).await;
    assert!(!listed.body.contains(WORKSPACE_B), "{}", listed.body);
    let listed: Vec<Value> = serde_json::from_str(&listed.body).unwrap();
    assert_eq!(listed.len(), 5, "user, daemon, admin, an unused one and that of both workspaces");
}

/// A heartbeat's response distinguishes a foreign runtime from an absent one, so an id must not be computable from names that
/// can be guessed.
#[tokio::test]
async fn runtime_id_depends_on_a_secret() {
    let first = Tenants::new().await;
    let second = Tenants::new().await;
    assert_ne!(first.a.runtime, second.a.runtime);
    assert_ne!(first.a.runtime, first.b.runtime);
}

#[tokio::test]
async fn foreign_calls_change_and_list_nothing() {
    let tenants = Tenants::new().await;
    for route in &routes() {
        tenants.call(route, Some(&bearer(tenants.a.token(scope(route)))), &tenants.b).await;
    }
    let poll = routes().into_iter();
    let mut poll =
        poll.filter(|(route, segment)| route.function == Function::Poll && *segment == RouteKind::ANY);
    let poll = poll.next().unwrap();
    let record = tenants.call(&poll, Some(&bearer(&tenants.b.user)), &tenants.b).await;
    assert!(record.body.contains(r#""status":"pending""#), "{}", record.body);
    let listed = tenants.list(&tenants.b.user).await;
    assert_eq!((listed.len(), &listed[0]["status"]), (1, &json!("online")));
    let path = format!("/api/tokens?workspace_id={}", tenants.b.workspace);
    let tokens = tenants.send("GET", &path, Some(&bearer(&tenants.b.admin)), &Value::Null).await;
    assert_eq!(tokens.body.matches(r#""id":"#).count(), 4, "{}", tokens.body);
}

#[tokio::test]
async fn user_in_both_workspaces_sees_both() {
    let tenants = Tenants::new().await;
    let both = [WORKSPACE_A, WORKSPACE_B];
    let opaque = issue_token(&tenants.engine, &tenants.api, Scope::User, &both, None).await;
    let jwt = tenants.issuer.sign(&tenants.issuer.claims(&both, tenants.tomorrow()));
    let mut calls = 0;
    // The tenants' requests are of the kind `model_list`, and one is cancelled as the last.
    let is_of_kind =
        |(route, segment): &KindRoute| route.function != Function::Poll || *segment != "local-skills";
    let (forget, others): (Vec<_>, Vec<_>) = routes()
        .into_iter()
        .filter(|route| scope(route) == Scope::User && is_of_kind(route))
        .partition(|(route, _)| route.function == Function::Forget);
    for token in [&opaque, &jwt] {
        for tenant in [&tenants.a, &tenants.b] {
            for route in &others {
                let response = tenants.call(route, Some(&bearer(token)), tenant).await;
                assert_eq!(response.status, 200, "{route:?}: {}", response.body);
                calls += 1;
            }
        }
        assert_eq!(tenants.list(token).await.len(), 2);
    }
    for (token, tenant) in [(opaque, &tenants.a), (jwt, &tenants.b)] {
        assert_eq!(tenants.call(&forget[0], Some(&bearer(&token)), tenant).await.status, 200);
        calls += 1;
    }
    println!("isolation: {calls} calls of (route x user in both workspaces)");
}

/// A cursor names a workspace; its error must not reveal whether that workspace or the runtime exists.
#[tokio::test]
async fn foreign_cursor_equals_malformed_cursor() {
    let tenants = Tenants::new().await;
    let list = async |query: String| {
        tenants.recorder.take();
        let path = format!("/api/runtimes?{query}");
        let response = tenants.send("GET", &path, Some(&bearer(&tenants.a.user)), &Value::Null).await;
        (response, tenants.recorder.take().len())
    };
    let malformed = list("cursor=x".to_owned()).await;
    assert_eq!((malformed.0.status, malformed.0.body.as_str()), (400, r#"{"error":"invalid cursor"}"#));
    for tenant in [tenants.b.clone(), Tenant::absent()] {
        assert_eq!(list(format!("cursor={}", tenant.workspace)).await, malformed);
        assert_eq!(list(format!("cursor={}.{}", tenant.workspace, tenant.runtime)).await, malformed);
        let own = format!("workspace_id={WORKSPACE_A}&cursor={}.{}", tenant.workspace, tenant.runtime);
        assert_eq!(list(own).await, malformed);
    }
}

#[tokio::test]
async fn jwt_has_no_daemon_scope() {
    let tenants = Tenants::new().await;
    let jwt = bearer(&tenants.issuer.sign(&tenants.issuer.claims(&[WORKSPACE_A], tenants.tomorrow())));
    for route in routes().iter().filter(|route| scope(route) == Scope::Daemon) {
        assert_eq!(tenants.call(route, Some(&jwt), &tenants.a).await.status, 403, "{route:?}");
    }
}

/// A daemon reads 401 as "log in again"; to accept the token would be a hole.
#[tokio::test]
async fn failed_token_lookup_is_500() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let broken = DynamoDbStore::new(engine.client(None), "not-there");
    let api = TestApi::serve(engine.store(), broken, None, Arc::new(TestClock::default())).await;
    let response = api.send(api.request(Method::GET, "/api/runtimes").bearer_auth("dbu_anything")).await;
    assert_eq!(response, ApiResponse::error(500, "authorization could not be checked"));
}

impl Tenants {
    /// The runtimes that `token` lists.
    pub(crate) async fn list(&self, token: &str) -> Vec<Value> {
        let listed = self.send("GET", "/api/runtimes", Some(&bearer(token)), &Value::Null).await;
        serde_json::from_str(&listed.body).unwrap()
    }
}
