//! Registration of a daemon's runtimes, and their reregistration when the server no longer has them.

use std::time::Duration;

use doorbell_daemon::agents::Agent;
use doorbell_daemon::{Connection, Settings};
use doorbell_test_support::scripted_server::{Reply, ScriptedServer, heartbeat_response};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::daemon::fixtures::{
    DEREGISTER, HEARTBEAT, REGISTER, REQUEST, ScriptedSource, TOKEN, WORKSPACE, agent, agents, daemon,
    heartbeat_times, registered, runtime, seconds, serve_for, settings,
};

async fn registration_of(agents: Vec<Agent>) -> Value {
    let server = ScriptedServer::replying(Reply::Default).await;
    registered(&server, agents).await;
    let call = server.calls().remove(0);
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", REGISTER));
    assert_eq!(call.authorization, [format!("Bearer {TOKEN}")]);
    call.body
}

#[tokio::test(start_paused = true)]
async fn registration_has_shape_of_contract() {
    let expected = json!({
        "workspace_id": WORKSPACE,
        "daemon_id": "my-laptop",
        "device_name": "My laptop",
        "cli_version": env!("CARGO_PKG_VERSION"),
        "runtimes": [
            {"name": "CODEX", "type": "codex", "version": "1.2.3", "status": "online", "profile_id": ""},
            {"name": "OPENAI", "type": "openai", "version": "1.2.3", "status": "online", "profile_id": "work"},
        ],
        "push": true,
    });
    let second = Agent { profile_id: "work".to_owned(), ..agent("openai", ScriptedSource::default()) };
    assert_eq!(registration_of([agents(["codex"]), vec![second]].concat()).await, expected);
}

/// Servers validate with strict schemas, in which an optional field is absent and never null.
#[tokio::test(start_paused = true)]
async fn unknown_version_is_left_out() {
    let agent = Agent { version: None, ..agent("codex", ScriptedSource::default()) };
    let runtimes = &registration_of(vec![agent]).await["runtimes"];
    assert_eq!(runtimes, &json!([{"name": "CODEX", "type": "codex", "status": "online", "profile_id": ""}]));
}

#[tokio::test(start_paused = true)]
async fn runtimes_are_in_order_of_agents() {
    let server = ScriptedServer::replying(Reply::Default).await;
    let registered = registered(&server, agents(["codex", "opencode", "openai"])).await;
    let ids: Vec<_> = registered.iter().map(|record| record.id).collect();
    assert_eq!(ids, ["codex", "opencode", "openai"].map(runtime));
}

/// The times of registrations at a server that answers the first ones with `reply`, and what the daemon shows after the first.
async fn retried(failures: usize, reply: Reply) -> (Vec<Duration>, Connection) {
    let server = ScriptedServer::start(move |call| match call.path.as_str() {
        REGISTER if call.nth < failures => reply.clone(),
        _ => Reply::Default,
    });
    let server = server.await;
    let daemon = daemon(&server, settings(), agents(["codex"]));
    let mut status = daemon.status();
    let run = tokio::spawn(daemon.run(CancellationToken::new()));
    status.wait_for(|status| status.connection != Connection::Starting).await.unwrap();
    let first = status.borrow().connection.clone();
    status.wait_for(|status| status.connection == Connection::Online).await.unwrap();
    run.abort();
    (server.calls_to(REGISTER).iter().map(|call| call.at).collect(), first)
}

fn assert_gaps(times: &[Duration], bounds: &[(f64, f64)]) {
    let gaps: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    // Timers round up to a millisecond.
    let is_within =
        |(gap, (shortest, longest)): (&f64, &(f64, f64))| (*shortest..*longest + 0.01).contains(gap);
    assert!(gaps.len() == bounds.len() && gaps.iter().zip(bounds).all(is_within), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn busy_server_is_asked_again() {
    let (times, shown) = retried(4, Reply::error(503, "too many registrations for this token")).await;
    assert_gaps(&times, &[1.0, 2.0, 4.0, 8.0].map(|longest| (0.0, longest)));
    assert_eq!(shown, Connection::Retrying { reason: "too many registrations for this token".to_owned() });
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_busy_server_is_waited_for() {
    let (times, _) = retried(2, Reply::RateLimited(40)).await;
    assert_gaps(&times, &[(40.0, 41.0), (40.0, 42.0)]);
}

#[tokio::test(start_paused = true)]
async fn refused_registration_is_repeated_slowly() {
    for (status, text, reason) in [
        (400, "invalid workspace_id", "invalid workspace_id"),
        (
            404,
            "workspace not found",
            "workspace not found (check the workspace, the daemon id and whose the token is)",
        ),
        (
            409,
            "too many runtimes in this workspace",
            "too many runtimes in this workspace (\"doorbell forget\" removes runtimes that are gone)",
        ),
    ] {
        let (times, shown) = retried(3, Reply::error(status, text)).await;
        assert_gaps(&times, &[(15.0, 30.0), (30.0, 60.0), (60.0, 120.0)]);
        assert_eq!(shown, Connection::Retrying { reason: reason.to_owned() });
    }
}

/// The answer to a heartbeat of an unknown runtime.
fn not_found() -> Reply {
    Reply::Heartbeat(json!({"status": "unknown"}))
}

#[tokio::test(start_paused = true)]
async fn reregisters_runtime_that_server_forgot() {
    let server = ScriptedServer::start(|call| {
        if call.path == HEARTBEAT && call.nth == 0 { not_found() } else { Reply::Default }
    });
    let server = server.await;
    serve_for(seconds(60.0), &server, settings(), agents(["codex"])).await.unwrap();
    let registrations = server.calls_to(REGISTER);
    assert_eq!(registrations.len(), 2);
    assert_eq!(registrations[0].body, registrations[1].body);
    let heartbeats = heartbeat_times(&server);
    assert_eq!(registrations[1].at, heartbeats[0]);
    assert!(heartbeats.len() >= 3 && heartbeats[1] - heartbeats[0] == Settings::INTERVAL, "{heartbeats:?}");
}

/// A server that has lost its table derives ids from another secret.
#[tokio::test(start_paused = true)]
async fn adopts_ids_of_reregistration() {
    const NEW: &str = "99999999-0000-4000-8000-000000000001";
    let server = ScriptedServer::start(|call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, _) if call.body["runtimes"][0]["id"] != NEW => not_found(),
        (HEARTBEAT, 1) => Reply::pending(REQUEST),
        (REGISTER, 1) => {
            let time = "2026-11-22T03:41:07.123Z";
            let record = json!({
                "id": NEW, "workspace_id": WORKSPACE, "daemon_id": "my-laptop", "name": "CODEX", "provider": "codex",
                "status": "online", "last_seen_at": time, "created_at": time, "updated_at": time,
            });
            Reply::Json(200, json!({"runtimes": [record]}))
        }
        _ => Reply::Default,
    });
    let server = server.await;
    serve_for(seconds(60.0), &server, settings(), agents(["codex"])).await.unwrap();
    assert_eq!(server.calls_to(REGISTER).len(), 2);
    let heartbeats = server.calls_to(HEARTBEAT);
    assert!(
        heartbeats.len() >= 3 && heartbeats[1..].iter().all(|call| call.body["runtimes"][0]["id"] == NEW)
    );
    let reported = format!("/api/daemon/runtimes/{NEW}/models/{REQUEST}/result");
    assert_eq!(server.calls_to(&reported).len(), 1);
    assert_eq!(server.calls_to(DEREGISTER)[0].body, json!({"runtime_ids": [NEW]}));
}

#[tokio::test(start_paused = true)]
async fn failed_reregistration_is_repeated_with_backoff() {
    let server = ScriptedServer::start(|call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 0) => not_found(),
        (REGISTER, 1..=3) => Reply::error(500, "failed to register"),
        _ => Reply::Default,
    });
    let server = server.await;
    serve_for(seconds(60.0), &server, settings(), agents(["codex"])).await.unwrap();
    let times: Vec<_> = server.calls_to(REGISTER)[1..].iter().map(|call| call.at).collect();
    assert_eq!(times[0], heartbeat_times(&server)[0]);
    assert_gaps(&times, &[1.0, 2.0, 4.0].map(|longest| (0.0, longest)));
}

#[tokio::test(start_paused = true)]
async fn many_runtimes_are_registered_in_parts() {
    let server = ScriptedServer::replying(Reply::Default).await;
    let profile =
        |number| Agent { profile_id: format!("{number}"), ..agent("codex", ScriptedSource::default()) };
    let agents: Vec<Agent> = (0..120).map(profile).collect();
    serve_for(seconds(20.0), &server, settings(), agents).await.unwrap();
    let parts = server.calls_to(REGISTER);
    let sizes: Vec<_> = parts.iter().map(|call| call.body["runtimes"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [50, 50, 20]);
    assert_eq!(server.calls_to(DEREGISTER)[0].body["runtime_ids"].as_array().unwrap().len(), 120);
}

/// A server that has lost one runtime has usually lost all.
#[tokio::test(start_paused = true)]
async fn unknown_runtimes_are_registered_with_all_others() {
    for unknown in [&["opencode"][..], &["codex", "opencode", "openai"]] {
        let ids: Vec<_> = unknown.iter().map(|provider| runtime(provider).to_string()).collect();
        let server = ScriptedServer::start(move |call| match (call.path.as_str(), call.nth) {
            (HEARTBEAT, 0) => {
                let is_unknown = |id: &Value| ids.iter().any(|unknown| id == unknown);
                let status = |id: &Value| json!({"status": if is_unknown(id) { "unknown" } else { "ok" }});
                Reply::Json(200, heartbeat_response(call, status))
            }
            _ => Reply::Default,
        });
        let server = server.await;
        let agents = agents(["codex", "opencode", "openai"]);
        serve_for(seconds(60.0), &server, settings(), agents).await.unwrap();
        let registrations = server.calls_to(REGISTER);
        assert_eq!(registrations.len(), 2, "{unknown:?}");
        assert_eq!(registrations[0].body, registrations[1].body);
        assert_eq!(registrations[1].at, heartbeat_times(&server)[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn reregisters_every_time() {
    let server = ScriptedServer::start(|call| {
        if call.path == HEARTBEAT && call.nth.is_multiple_of(2) { not_found() } else { Reply::Default }
    });
    let server = server.await;
    serve_for(seconds(150.0), &server, settings(), agents(["codex"])).await.unwrap();
    let heartbeats = heartbeat_times(&server).len();
    assert_eq!(server.calls_to(REGISTER).len(), 1 + heartbeats.div_ceil(2));
}
