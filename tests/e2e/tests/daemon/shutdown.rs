//! Shutdown: work in progress may end, then the runtimes are deregistered once.

use std::time::Duration;

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::fixtures::{
    DEREGISTER, HEARTBEAT, REQUEST, ScriptedSource, agent, agents, claims_once, report_path, runtime,
    seconds, serve_for, serve_until, settings,
};

fn paths(server: &ScriptedServer) -> Vec<String> {
    server.calls().into_iter().map(|call| call.path).collect()
}

#[tokio::test(start_paused = true)]
async fn deregisters_all_runtimes_once() {
    let server = ScriptedServer::replying(Reply::Default).await;
    serve_for(seconds(60.0), &server, settings(), agents(["codex", "opencode", "openai"])).await.unwrap();
    let deregistrations = server.calls_to(DEREGISTER);
    assert_eq!(deregistrations.len(), 1);
    let ids = ["codex", "opencode", "openai"].map(|provider| runtime(provider).to_string());
    assert_eq!(deregistrations[0].body, json!({ "runtime_ids": ids }));
}

#[tokio::test(start_paused = true)]
async fn idle_daemon_stops_at_once() {
    let server = ScriptedServer::replying(Reply::Default).await;
    serve_for(seconds(40.0), &server, settings(), agents(["codex"])).await.unwrap();
    tokio::time::sleep(seconds(60.0)).await;
    let last = server.calls().pop().unwrap();
    assert_eq!((last.path.as_str(), last.at), (DEREGISTER, seconds(40.0)));
}

#[tokio::test(start_paused = true)]
async fn daemon_stopped_before_first_heartbeat_deregisters() {
    let server = ScriptedServer::replying(Reply::Default).await;
    let stop = CancellationToken::new();
    stop.cancel();
    serve_until(stop, &server, settings(), agents(["codex"])).await.unwrap();
    assert_eq!(paths(&server)[1..], [DEREGISTER]);
}

/// The server shows the runtimes offline after a while anyway.
#[tokio::test(start_paused = true)]
async fn failed_deregistration_is_no_error() {
    let server =
        ScriptedServer::start(|call| if call.path == DEREGISTER { Reply::Broken } else { Reply::Default });
    let server = server.await;
    serve_for(seconds(20.0), &server, settings(), agents(["codex"])).await.unwrap();
    assert_eq!(server.calls_to(DEREGISTER).len(), 1);
}

/// Serves an agent that takes `duration`, stops as soon as it is asked, and waits for calls after the end.
async fn stopped_at_work(duration: Duration) -> ScriptedServer {
    let server = ScriptedServer::start(claims_once).await;
    let stop = CancellationToken::new();
    let source = ScriptedSource { duration, asked: stop.clone(), ..ScriptedSource::default() };
    serve_until(stop, &server, settings(), vec![agent("codex", source)]).await.unwrap();
    tokio::time::sleep(seconds(60.0)).await;
    server
}

#[tokio::test(start_paused = true)]
async fn reports_work_in_progress_before_deregistration() {
    let server = stopped_at_work(seconds(4.9)).await;
    assert_eq!(paths(&server)[2..], [report_path("codex"), DEREGISTER.to_owned()]);
    let calls = server.calls();
    assert_eq!(calls[3].at - calls[1].at, seconds(4.9));
}

#[tokio::test(start_paused = true)]
async fn abandons_work_after_5_seconds() {
    let server = stopped_at_work(seconds(5.1)).await;
    assert_eq!(paths(&server)[2..], [DEREGISTER]);
    let calls = server.calls();
    assert_eq!(calls[2].at - calls[1].at, seconds(5.0));
}

/// The server, stopped while a heartbeat waits for `reply`.
async fn stopped_at_heartbeat(reply: Reply) -> ScriptedServer {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let server = ScriptedServer::start(move |call| {
        if call.path != HEARTBEAT {
            return Reply::Default;
        }
        stopped.cancel();
        reply.clone()
    });
    let server = server.await;
    serve_until(stop, &server, settings(), agents(["codex"])).await.unwrap();
    server
}

/// No other daemon has the request, so the client would wait for its timeout.
#[tokio::test(start_paused = true)]
async fn answers_request_claimed_during_shutdown() {
    let server = stopped_at_heartbeat(Reply::pending(REQUEST).after(seconds(2.0))).await;
    assert_eq!(paths(&server)[2..], [report_path("codex"), DEREGISTER.to_owned()]);
}

#[tokio::test(start_paused = true)]
async fn abandons_hanging_heartbeat_after_5_seconds() {
    let server = stopped_at_heartbeat(Reply::Hang).await;
    let calls = server.calls();
    assert_eq!(calls[2].path, DEREGISTER);
    assert_eq!(calls[2].at - calls[1].at, seconds(5.0));
}

#[tokio::test(start_paused = true)]
async fn dropped_daemon_leaves_no_tasks() {
    let server = ScriptedServer::start(claims_once).await;
    let source = ScriptedSource::slow(seconds(10.0));
    let asked = source.asked.clone();
    let agents = vec![agent("codex", source)];
    tokio::select! {
        () = asked.cancelled() => {}
        ended = serve_until(CancellationToken::new(), &server, settings(), agents) => panic!("{ended:?}"),
    }
    tokio::time::sleep(seconds(60.0)).await;
    assert_eq!(server.calls().last().unwrap().path, HEARTBEAT);
}
