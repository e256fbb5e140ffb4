//! Agents that appear and disappear while the daemon runs.

use std::time::Duration;

use doorbell_daemon::agents::Agent;
use doorbell_daemon::{Connection, DaemonStatus};
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::daemon::fixtures::{
    DEREGISTER, HEARTBEAT, REGISTER, ScriptedSource, agent, agents, claims_once, daemon_with, report_path,
    runtime, seconds, settings,
};

struct Running {
    agents: watch::Sender<Vec<Agent>>,
    status: watch::Receiver<DaemonStatus>,
    stop: CancellationToken,
}

impl Running {
    async fn start(server: &ScriptedServer, first: Vec<Agent>) -> Self {
        let agents = watch::Sender::new(first);
        let daemon = daemon_with(server, settings(), agents.subscribe());
        let status = daemon.status();
        let stop = CancellationToken::new();
        tokio::spawn(daemon.run(stop.clone()));
        tokio::time::sleep(seconds(20.0)).await;
        Self { agents, status, stop }
    }

    fn listed(&self) -> Vec<String> {
        self.status.borrow().runtimes.iter().map(|runtime| runtime.provider.clone()).collect()
    }
}

fn ids(call: &ScriptedCall) -> Vec<Value> {
    let runtimes = call.body["runtimes"].as_array().unwrap();
    runtimes.iter().map(|runtime| runtime["id"].clone()).collect()
}

fn ids_of<const N: usize>(providers: [&str; N]) -> Vec<Value> {
    providers.map(|provider| runtime(provider).to_string().into()).into()
}

#[tokio::test(start_paused = true)]
async fn new_agent_is_registered_at_once() {
    let server = ScriptedServer::replying(Reply::Default).await;
    let running = Running::start(&server, agents(["codex"])).await;
    running.agents.send_replace(agents(["codex", "claude"]));
    tokio::time::sleep(seconds(0.1)).await;
    assert_eq!(running.listed(), ["codex", "claude"]);
    let registrations = server.calls_to(REGISTER);
    assert_eq!((registrations.len(), registrations[1].at), (2, seconds(20.0)));
    tokio::time::sleep(seconds(15.0)).await;
    assert_eq!(ids(server.calls_to(HEARTBEAT).last().unwrap()), ids_of(["codex", "claude"]));
    assert_eq!(server.calls_to(DEREGISTER).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn lost_agent_is_deregistered_at_once() {
    let server = ScriptedServer::replying(Reply::Default).await;
    let running = Running::start(&server, agents(["codex", "claude"])).await;
    running.agents.send_replace(agents(["claude"]));
    tokio::time::sleep(seconds(0.1)).await;
    assert_eq!(running.listed(), ["claude"]);
    let deregistrations = server.calls_to(DEREGISTER);
    assert_eq!(deregistrations[0].body, json!({"runtime_ids": ids_of(["codex"])}));
    tokio::time::sleep(seconds(15.0)).await;
    assert_eq!(ids(server.calls_to(HEARTBEAT).last().unwrap()), ids_of(["claude"]));
}

/// With push it would be shown as online for hours.
#[tokio::test(start_paused = true)]
async fn failed_deregistration_of_lost_agent_is_repeated() {
    let server = ScriptedServer::start(|call| match call.path.as_str() {
        DEREGISTER if call.nth < 3 => Reply::error(500, "failed to deregister"),
        _ => Reply::Default,
    });
    let server = server.await;
    let running = Running::start(&server, agents(["codex", "claude"])).await;
    running.agents.send_replace(agents(["claude"]));
    tokio::time::sleep(seconds(30.0)).await;
    let bodies: Vec<_> = server.calls_to(DEREGISTER).into_iter().map(|call| call.body).collect();
    assert_eq!(bodies, vec![json!({"runtime_ids": ids_of(["codex"])}); 4]);
    assert_eq!(running.status.borrow().connection, Connection::Online);
}

#[tokio::test(start_paused = true)]
async fn without_agents_no_calls_are_made() {
    let server = ScriptedServer::replying(Reply::Default).await;
    let running = Running::start(&server, Vec::new()).await;
    assert_eq!(running.status.borrow().connection, Connection::NoAgents);
    tokio::time::sleep(seconds(3_600.0)).await;
    assert_eq!(server.begun(), Vec::<Duration>::new());
    running.agents.send_replace(agents(["codex"]));
    tokio::time::sleep(seconds(16.0)).await;
    assert_eq!(running.listed(), ["codex"]);
    assert_eq!(running.status.borrow().connection, Connection::Online);
    assert_eq!(ids(&server.calls_to(HEARTBEAT)[0]), ids_of(["codex"]));
}

#[tokio::test(start_paused = true)]
async fn calls_end_with_the_last_agent() {
    let server = ScriptedServer::replying(Reply::Default).await;
    let running = Running::start(&server, agents(["codex"])).await;
    running.agents.send_replace(Vec::new());
    tokio::time::sleep(seconds(1.0)).await;
    assert_eq!(running.status.borrow().connection, Connection::NoAgents);
    assert_eq!(running.listed(), Vec::<String>::new());
    let calls = server.calls();
    assert_eq!(calls.last().unwrap().path, DEREGISTER);
    tokio::time::sleep(seconds(3_600.0)).await;
    assert_eq!(server.calls().len(), calls.len());
    running.stop.cancel();
    tokio::time::sleep(seconds(10.0)).await;
    assert_eq!(server.calls().len(), calls.len(), "deregistered twice");
}

/// A client waits for it.
#[tokio::test(start_paused = true)]
async fn work_of_lost_agent_is_reported() {
    let server = ScriptedServer::start(claims_once).await;
    let slow = agent("codex", ScriptedSource::slow(seconds(40.0)));
    let running = Running::start(&server, vec![slow]).await;
    running.agents.send_replace(agents(["claude"]));
    tokio::time::sleep(seconds(60.0)).await;
    assert_eq!(running.listed(), ["claude"]);
    assert_eq!(server.calls_to(&report_path("codex")).len(), 1);
}
