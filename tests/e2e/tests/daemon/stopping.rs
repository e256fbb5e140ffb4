//! A clean stop: what is under way may still end, then the runtimes are signed off, once.

use std::time::Duration;

use doorbell_daemon::agents::Agent;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{
    Call, DEREGISTER, HEARTBEAT, REQUEST, Reply, Scripted, Server, agent, report_path, runtime, seconds,
    serve_for, serve_until, settings,
};

#[tokio::test(start_paused = true)]
async fn every_runtime_is_signed_off_exactly_once() {
    let server = Server::usual().await;
    let agents = ["codex", "opencode", "openai"].map(|provider| agent(provider, Scripted::default()));
    serve_for(seconds(60.0), &server, agents.into()).await.unwrap();
    let signed_off = server.calls_to(DEREGISTER);
    assert_eq!(signed_off.len(), 1);
    let ids = ["codex", "opencode", "openai"].map(|provider| runtime(provider).to_string());
    assert_eq!(signed_off[0].body, json!({ "runtime_ids": ids }));
}

#[tokio::test(start_paused = true)]
async fn an_idle_daemon_stops_at_once_and_beats_no_more() {
    let server = Server::usual().await;
    serve_for(seconds(40.0), &server, vec![agent("codex", Scripted::default())]).await.unwrap();
    tokio::time::sleep(seconds(60.0)).await;
    let last = server.calls().pop().unwrap();
    assert_eq!((last.path.as_str(), last.at), (DEREGISTER, seconds(40.0)));
}

#[tokio::test(start_paused = true)]
async fn a_daemon_stopped_before_its_first_beat_signs_off() {
    let server = Server::usual().await;
    let stop = CancellationToken::new();
    stop.cancel();
    serve_until(stop, &server, settings(), vec![agent("codex", Scripted::default())]).await.unwrap();
    assert_eq!((server.calls_to(HEARTBEAT).len(), server.calls_to(DEREGISTER).len()), (0, 1));
}

/// The server finds out by itself after a while, so this is no reason to fail.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_gone_does_not_spoil_the_stop() {
    let gone = |call: &Call| if call.path == DEREGISTER { Reply::Broken } else { Reply::Usual };
    let server = Server::start(gone).await;
    serve_for(seconds(20.0), &server, vec![agent("codex", Scripted::default())]).await.unwrap();
    assert_eq!(server.calls_to(DEREGISTER).len(), 1);
}

fn rung_once(call: &Call) -> Reply {
    match call.path.as_str() {
        HEARTBEAT if call.nth == 0 => Reply::pending(REQUEST),
        _ => Reply::Usual,
    }
}

/// Serves an agent that takes so long, and stops as soon as it is asked. Waits to see what comes after the end.
async fn stopped_at_work(takes: Duration) -> Server {
    let (server, stop) = (Server::start(rung_once).await, CancellationToken::new());
    let discoverer = Scripted { takes, asked: stop.clone(), ..Scripted::default() };
    serve_until(stop, &server, settings(), vec![agent("codex", discoverer)]).await.unwrap();
    tokio::time::sleep(seconds(60.0)).await;
    server
}

fn paths(server: &Server) -> Vec<String> {
    server.calls().into_iter().map(|call| call.path).collect()
}

#[tokio::test(start_paused = true)]
async fn work_under_way_is_reported_before_the_runtimes_are_signed_off() {
    let server = stopped_at_work(seconds(4.9)).await;
    let (report, off) = (report_path("codex"), DEREGISTER.to_owned());
    assert_eq!(paths(&server)[2..], [report, off]);
    let calls = server.calls();
    assert_eq!(calls[3].at - calls[1].at, seconds(4.9));
}

/// A report of a runtime that was signed off would come from nowhere.
#[tokio::test(start_paused = true)]
async fn work_that_takes_longer_than_five_seconds_is_abandoned_for_good() {
    let server = stopped_at_work(seconds(5.1)).await;
    assert_eq!(paths(&server)[2..], [DEREGISTER]);
    let calls = server.calls();
    assert_eq!(calls[2].at - calls[1].at, seconds(5.0));
}

fn codex() -> Vec<Agent> {
    vec![agent("codex", Scripted::default())]
}

/// The server, stopped while a beat waits for that answer.
async fn stopped_at_a_beat(reply: Reply) -> Server {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let server = Server::start(move |call| match call.path.as_str() {
        HEARTBEAT => {
            stopped.cancel();
            reply.clone()
        }
        _ => Reply::Usual,
    });
    let server = server.await;
    serve_until(stop, &server, settings(), codex()).await.unwrap();
    server
}

/// The request is handed out to nobody else, so the person would wait for its time-out.
#[tokio::test(start_paused = true)]
async fn what_a_beat_under_way_collects_is_answered() {
    let server = stopped_at_a_beat(Reply::pending(REQUEST).after(seconds(2.0))).await;
    assert_eq!(paths(&server)[2..], [report_path("codex"), DEREGISTER.to_owned()]);
}

#[tokio::test(start_paused = true)]
async fn a_beat_that_hangs_is_abandoned_after_five_seconds() {
    let server = stopped_at_a_beat(Reply::Hang).await;
    let calls = server.calls();
    assert_eq!(calls[2].path, DEREGISTER);
    assert_eq!(calls[2].at - calls[1].at, seconds(5.0));
}

/// What the daemon does not do any more, it does not do behind its caller's back either.
#[tokio::test(start_paused = true)]
async fn a_daemon_that_is_dropped_leaves_no_beats_and_no_work_behind() {
    let server = Server::start(rung_once).await;
    let discoverer = Scripted::slow(seconds(10.0));
    let asked = discoverer.asked.clone();
    let agents = vec![agent("codex", discoverer)];
    tokio::select! {
        () = asked.cancelled() => {}
        ended = serve_until(CancellationToken::new(), &server, settings(), agents) => panic!("{ended:?}"),
    }
    tokio::time::sleep(seconds(60.0)).await;
    assert_eq!(server.calls().last().unwrap().path, HEARTBEAT);
}
