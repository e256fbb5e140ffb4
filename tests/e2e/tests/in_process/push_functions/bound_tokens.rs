//! Tokens that are bound to a daemon, at the functions.

use doorbell_shared::http::routes::Function;
use doorbell_test_support::api::WORKSPACE_A;
use serde_json::{Value, json};

use crate::push_functions::fixtures::{Deployment, PLAIN, PROVEN};

const OTHER: &str = "other";

fn registration(daemon: &str) -> Value {
    json!({"workspace_id": WORKSPACE_A, "daemon_id": daemon, "push": true, "runtimes": [{"type": "codex"}]})
}

/// A deployment, with a runtime of `laptop` and one of `other`.
async fn two_daemons() -> (Deployment, String, String) {
    let deployment = Deployment::new();
    let own = deployment.register("laptop").await;
    let other = deployment.register(OTHER).await;
    deployment.push.take();
    (deployment, own, other)
}

async fn register(deployment: &Deployment, daemon: &str) -> (u16, Value) {
    deployment.call_bound("laptop", Function::Register, "/api/daemon/register", registration(daemon)).await
}

async fn heartbeat(deployment: &Deployment, body: Value) -> (u16, Value) {
    deployment.call_bound("laptop", Function::Heartbeat, "/api/daemon/heartbeat", body).await
}

#[tokio::test]
async fn registers_its_daemon_only() {
    let deployment = Deployment::new();
    let (status, registered) = register(&deployment, "laptop").await;
    assert_eq!((status, &registered["runtimes"][0]["daemon_id"]), (200, &json!("laptop")));
    // White space around an id is no part of it.
    assert_eq!(register(&deployment, " laptop ").await.0, 200);
    for other in [OTHER, "Laptop", "laptop-2"] {
        assert_eq!(register(&deployment, other).await, (404, json!({"error": "workspace not found"})));
    }
    let (_, listed) = deployment.call(Function::Runtimes, "/api/runtimes", json!({})).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn runtime_of_other_daemon_is_foreign() {
    let (deployment, own, other) = two_daemons().await;
    assert_eq!(heartbeat(&deployment, json!({"runtime_id": own})).await.0, 200);
    let foreign = heartbeat(&deployment, json!({"runtime_id": other})).await;
    assert_eq!(foreign, (404, json!({"error": "not found"})));
}

/// The proof concerns only the runtimes of the daemon. Without one, no `hello` is sent.
#[tokio::test]
async fn runtime_of_other_daemon_gets_no_lease() {
    let (deployment, own, other) = two_daemons().await;
    let push = json!({"connected": true});
    let (_, alone) = heartbeat(&deployment, json!({"runtimes": [{"id": other}], "push": push})).await;
    assert_eq!(
        (&alone["runtimes"][0]["status"], &alone["next_heartbeat_s"]),
        (&json!("foreign"), &json!(PLAIN))
    );
    assert!(deployment.push.take().is_empty());
    let both = json!({"runtimes": [{"id": own}, {"id": other}], "push": push});
    let (_, both) = heartbeat(&deployment, both).await;
    let statuses = [&both["runtimes"][0]["status"], &both["runtimes"][1]["status"]];
    assert_eq!((statuses, &both["next_heartbeat_s"]), ([&json!("ok"), &json!("foreign")], &json!(PROVEN)));
    deployment.advance(46);
    assert_eq!(deployment.status(&own).await, "online");
    assert_eq!(deployment.status(&other).await, "offline");
}

#[tokio::test]
async fn reports_for_other_daemon_are_not_found() {
    let (deployment, _, other) = two_daemons().await;
    let (_, request) = deployment.ring(&other).await;
    let id = request["id"].as_str().unwrap();
    for (segment, report) in [
        ("models", json!({"status": "completed", "models": [{"id": "a", "label": "A"}]})),
        ("models", json!({"status": "failed", "error": "no"})),
        ("requests", json!({"status": "completed", "result": {"models": []}})),
        ("requests", json!({"status": "failed", "error": "no"})),
        ("requests", json!({"status": "running", "progress": 1})),
    ] {
        let path = format!("/api/daemon/runtimes/{other}/{segment}/{id}/result");
        let reported = deployment.call_bound("laptop", Function::Report, &path, report.clone()).await;
        assert_eq!(reported, (404, json!({"error": "request not found"})), "{segment} {report}");
    }
    assert_eq!(deployment.poll(&other, &request).await, (200, request));
}

#[tokio::test]
async fn deregistration_skips_other_daemon() {
    let (deployment, own, other) = two_daemons().await;
    let both = json!({"runtime_ids": [own, other]});
    let path = "/api/daemon/deregister";
    let response = deployment.call_bound("laptop", Function::Deregister, path, both).await;
    assert_eq!(response, (200, json!({"status": "ok"})));
    assert_eq!(deployment.status(&own).await, "offline");
    assert_eq!(deployment.status(&other).await, "online");
}
