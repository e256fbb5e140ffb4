//! A daemon's token that is bound to another daemon of the same workspace: every daemon route responds as for another workspace's token.

use doorbell_protocol::Scope;
use doorbell_shared::http::routes::Function;
use serde_json::{Value, json};

use crate::isolation::fixtures::{KindRoute, Tenant, Tenants, bearer, routes, scope};

/// The `authorization` of a new token of workspace A that is bound to `daemon`, after its first use, which costs a write.
async fn bound(tenants: &Tenants, daemon: &str) -> String {
    let body =
        json!({"workspace_id": tenants.a.workspace, "scope": "daemon", "subject": "s", "daemon_id": daemon});
    let created = tenants.send("POST", "/api/tokens", Some(&bearer(&tenants.a.admin)), &body).await;
    let created: Value = serde_json::from_str(&created.body).unwrap();
    let bound = bearer(created["token"].as_str().unwrap());
    let listed = tenants.send("GET", "/api/daemon/workspaces", Some(&bound), &Value::Null).await;
    assert!(listed.body.contains(tenants.a.workspace), "{}", listed.body);
    bound
}

/// The routes that act for a daemon.
fn daemon_routes() -> Vec<KindRoute> {
    let acts = |route: &KindRoute| scope(route) == Scope::Daemon && route.0.function != Function::Workspaces;
    routes().into_iter().filter(acts).collect()
}

#[tokio::test]
async fn response_to_bound_token_equals_foreign_response() {
    let tenants = Tenants::new().await;
    let bound = bound(&tenants, "other").await;
    let foreign = bearer(&tenants.b.daemon);
    let mut calls = 0;
    for route in &daemon_routes() {
        tenants.recorder.take();
        let expected = tenants.call(route, Some(&foreign), &tenants.a).await;
        let expected_calls = tenants.recorder.take().len();
        let response = tenants.call(route, Some(&bound), &tenants.a).await;
        assert_eq!(response, expected, "{route:?}");
        assert_eq!(tenants.recorder.take().len(), expected_calls, "calls of {route:?}");
        calls += 2;
    }
    println!("isolation: {calls} calls of (route x daemon of another binding or workspace)");
}

#[tokio::test]
async fn heartbeat_of_bound_tokens_daemon_shows_others_as_foreign() {
    let tenants = Tenants::new().await;
    let bound = bound(&tenants, "other").await;
    let body =
        json!({"runtimes": [{"id": tenants.a.runtime, "in_flight": []}, {"id": Tenant::absent().runtime}]});
    let response = tenants.send("POST", "/api/daemon/heartbeat", Some(&bound), &body).await;
    let response: Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(response["runtimes"][0], json!({"id": tenants.a.runtime, "status": "foreign"}));
    assert_eq!(response["runtimes"][1]["status"], "unknown");
}

#[tokio::test]
async fn bound_token_changes_nothing_of_other_daemons() {
    let tenants = Tenants::new().await;
    let bound = bound(&tenants, "other").await;
    for route in &daemon_routes() {
        tenants.call(route, Some(&bound), &tenants.a).await;
    }
    let path = format!("/api/runtimes/{}/models/{}", tenants.a.runtime, tenants.a.request);
    let record = tenants.send("GET", &path, Some(&bearer(&tenants.a.user)), &Value::Null).await;
    assert!(record.body.contains(r#""status":"pending""#), "{}", record.body);
    let listed = tenants.list(&tenants.a.user).await;
    assert_eq!((listed.len(), &listed[0]["status"]), (1, &json!("online")));
}

/// The runtimes of the tenants are of the daemon `d`.
#[tokio::test]
async fn bound_token_acts_for_its_daemon() {
    let tenants = Tenants::new().await;
    let bound = bound(&tenants, "d").await;
    let registration =
        json!({"workspace_id": tenants.a.workspace, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
    let heartbeat = json!({"runtime_id": tenants.a.runtime});
    let report = format!("/api/daemon/runtimes/{}/models/{}/result", tenants.a.runtime, tenants.a.request);
    for (path, body) in [
        ("/api/daemon/register", registration),
        ("/api/daemon/heartbeat", heartbeat),
        (&report, json!({"status": "failed", "error": "no"})),
        ("/api/daemon/deregister", json!({"runtime_ids": [tenants.a.runtime]})),
    ] {
        let response = tenants.send("POST", path, Some(&bound), &body).await;
        assert_eq!(response.status, 200, "{path}: {}", response.body);
    }
    assert_eq!(tenants.list(&tenants.a.user).await[0]["status"], "offline");
}
