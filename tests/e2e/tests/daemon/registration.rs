//! What a daemon says of its machine.

use doorbell_client::ApiError;
use doorbell_daemon::agents::Agent;
use doorbell_daemon::daemon::Daemon;
use serde_json::{Value, json};

use crate::support::{Reply, Scripted, Server, TOKEN, WORKSPACE, agent, runtime, settings};

fn daemon(server: &Server, agents: Vec<Agent>) -> Daemon {
    Daemon::new(server.api(), settings(), agents)
}

async fn registration_of(agents: Vec<Agent>) -> Value {
    let server = Server::usual().await;
    daemon(&server, agents).register().await.unwrap();
    server.calls()[0].body.clone()
}

#[tokio::test(start_paused = true)]
async fn a_registration_has_the_shape_of_the_contract() {
    let expected = json!({
        "workspace_id": WORKSPACE,
        "daemon_id": "my-laptop",
        "device_name": "My laptop",
        "cli_version": env!("CARGO_PKG_VERSION"),
        "runtimes": [
            {"name": "CODEX", "type": "codex", "version": "1.2.3", "status": "online", "profile_id": ""},
            {"name": "OPENAI", "type": "openai", "version": "1.2.3", "status": "online", "profile_id": "work"},
        ],
    });
    let second = Agent { profile_id: "work".to_owned(), ..agent("openai", Scripted::default()) };
    assert_eq!(registration_of(vec![agent("codex", Scripted::default()), second]).await, expected);
}

/// Servers validate with strict schemas, in which an optional field is absent and never null.
#[tokio::test(start_paused = true)]
async fn an_agent_that_tells_no_version_is_registered_without_one() {
    let agent = Agent { version: None, ..agent("codex", Scripted::default()) };
    let runtimes = &registration_of(vec![agent]).await["runtimes"];
    assert_eq!(runtimes, &json!([{"name": "CODEX", "type": "codex", "status": "online", "profile_id": ""}]));
}

#[tokio::test(start_paused = true)]
async fn every_call_carries_the_token_and_nothing_else_for_it() {
    let server = Server::usual().await;
    daemon(&server, vec![agent("codex", Scripted::default())]).register().await.unwrap();
    let call = &server.calls()[0];
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/api/daemon/register"));
    assert_eq!(call.authorization, [format!("Bearer {TOKEN}")]);
}

#[tokio::test(start_paused = true)]
async fn the_runtimes_come_in_the_order_of_the_agents() {
    let server = Server::usual().await;
    let agents = ["codex", "opencode", "openai"].map(|provider| agent(provider, Scripted::default()));
    let registered = daemon(&server, agents.into()).register().await.unwrap();
    let ids: Vec<_> = registered.iter().map(|record| record.id).collect();
    assert_eq!(ids, ["codex", "opencode", "openai"].map(runtime));
}

#[tokio::test(start_paused = true)]
async fn a_refused_registration_is_told_in_the_servers_words() {
    let server = Server::start(|_| Reply::error(404, "workspace not found")).await;
    let refused = daemon(&server, vec![agent("codex", Scripted::default())]).register().await;
    let error = "workspace not found".to_owned();
    assert_eq!(refused, Err(ApiError::Refused { status: 404, error }));
}
