//! Lost connections end leases, unless the daemon is back.

use doorbell_shared::http::AppState;
use doorbell_shared::http::routes::Function;

use crate::push_functions::fixtures::{Deployment, PROVEN, client};

#[tokio::test(start_paused = true)]
async fn lost_connection_ends_lease() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.advance(3_600);
    deployment.push.set_connected(&client("laptop"), false);
    deployment.connection_lost(client("laptop").as_str()).await;
    assert_eq!(deployment.status(&runtime).await, "offline");
}

#[tokio::test(start_paused = true)]
async fn lost_connection_leaves_time_of_last_heartbeat() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.advance(30);
    deployment.push.set_connected(&client("laptop"), false);
    deployment.connection_lost(client("laptop").as_str()).await;
    assert_eq!(deployment.status(&runtime).await, "online");
    deployment.advance(16);
    assert_eq!(deployment.status(&runtime).await, "offline");
}

#[tokio::test(start_paused = true)]
async fn late_event_of_connected_daemon_ends_nothing() {
    let (deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.advance(3_600);
    for _ in 0..2 {
        deployment.connection_lost(client("laptop").as_str()).await;
    }
    assert_eq!(deployment.status(&runtime).await, "online");
}

#[tokio::test(start_paused = true)]
async fn lost_connection_ends_leases_of_its_daemon_only() {
    let (deployment, laptop) = Deployment::with_proven_runtime().await;
    let desktop = deployment.register("desktop").await;
    assert_eq!(deployment.heartbeat(&[&desktop], true).await["next_heartbeat_s"], PROVEN);
    deployment.advance(3_600);
    for daemon in ["laptop", "desktop"] {
        deployment.push.set_connected(&client(daemon), false);
    }
    deployment.connection_lost(client("desktop").as_str()).await;
    assert_eq!([deployment.status(&laptop).await, deployment.status(&desktop).await], ["online", "offline"]);
}

#[tokio::test(start_paused = true)]
async fn clients_of_others_are_ignored() {
    let (deployment, _) = Deployment::with_proven_runtime().await;
    for client in
        ["a thermostat", "local.00000000-0000-4000-8000-00000000000a.00000000000000000000000000000000"]
    {
        deployment.connection_lost(client).await;
    }
    assert_eq!(deployment.push.take(), []);
}

#[tokio::test(start_paused = true)]
async fn deployment_without_channel_ignores_events() {
    let (mut deployment, runtime) = Deployment::with_proven_runtime().await;
    deployment.state = AppState { push: None, ..deployment.state.clone() };
    deployment.connection_lost(client("laptop").as_str()).await;
    assert_eq!(deployment.call(Function::Runtimes, "/api/runtimes", serde_json::Value::Null).await.0, 200);
    assert_eq!(deployment.status(&runtime).await, "online");
}
