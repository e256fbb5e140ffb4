//! When a daemon sends heartbeats, and what they list as in flight.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use doorbell_daemon::Settings;
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer};
use serde_json::{Value, json};

use crate::fixtures::{
    HEARTBEAT, REQUEST, ScriptedSource, agent, agents, every_second, heartbeat_times, heartbeats_of,
    is_heartbeat_of, report_path, runtime, seconds, serve_for, settings,
};

const INTERVAL: Duration = Settings::INTERVAL;

/// The times between the heartbeats of `provider`.
fn gaps(provider: &str, server: &ScriptedServer) -> Vec<Duration> {
    heartbeat_times(provider, server).windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn assert_regular(provider: &str, server: &ScriptedServer, interval: Duration, least: usize) {
    let gaps = gaps(provider, server);
    assert!(gaps.len() >= least && gaps.iter().all(|gap| *gap == interval), "{gaps:?}");
}

fn is_report(call: &ScriptedCall) -> bool {
    call.path.ends_with("/result")
}

async fn ordinary_server() -> ScriptedServer {
    ScriptedServer::replying(Reply::Default).await
}

#[tokio::test(start_paused = true)]
async fn first_heartbeat_within_first_interval() {
    let server = ordinary_server().await;
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    serve_for(INTERVAL + seconds(0.002), &server, settings(), agents(names)).await.unwrap();
    assert!(names.iter().all(|name| !heartbeat_times(name, &server).is_empty()), "{:?}", server.calls());
}

/// Daemons that start at once, as after a power cut, would otherwise stay in step.
#[tokio::test(start_paused = true)]
async fn first_heartbeats_are_spread_at_random() {
    let server = ordinary_server().await;
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    serve_for(INTERVAL * 2, &server, settings(), agents(names)).await.unwrap();
    let firsts = names.map(|name| heartbeat_times(name, &server)[0]);
    assert!(firsts.iter().any(|first| *first != firsts[0]), "{firsts:?}");
}

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_their_interval() {
    let server = ordinary_server().await;
    serve_for(INTERVAL * 10, &server, settings(), agents(["codex"])).await.unwrap();
    assert_regular("codex", &server, INTERVAL, 8);

    let server = ordinary_server().await;
    serve_for(seconds(10.0), &server, every_second(), agents(["codex"])).await.unwrap();
    assert_regular("codex", &server, seconds(1.0), 8);
}

#[tokio::test(start_paused = true)]
async fn idle_heartbeat_lists_nothing_in_flight() {
    let server = ordinary_server().await;
    serve_for(INTERVAL * 2, &server, settings(), agents(["codex"])).await.unwrap();
    let heartbeat = &server.calls_to(HEARTBEAT)[0];
    assert_eq!(heartbeat.body, json!({"runtime_id": runtime("codex").to_string(), "in_flight": []}));
}

fn in_flight(provider: &str, server: &ScriptedServer) -> Vec<Value> {
    heartbeats_of(provider, server).into_iter().map(|call| call.body["in_flight"].clone()).collect()
}

/// Codex claims a request with its first heartbeat, and its reports are answered with `reported`.
fn codex_claims_once(reported: Reply) -> impl Fn(&ScriptedCall) -> Reply {
    let claimed = AtomicBool::new(false);
    move |call| {
        if is_heartbeat_of("codex", call) && !claimed.swap(true, Ordering::Relaxed) {
            Reply::pending(REQUEST)
        } else if is_report(call) {
            reported.clone()
        } else {
            Reply::Default
        }
    }
}

fn for_heartbeats_of_codex(reply: Reply) -> impl Fn(&ScriptedCall) -> Reply {
    move |call| if is_heartbeat_of("codex", call) { reply.clone() } else { Reply::Default }
}

#[tokio::test(start_paused = true)]
async fn lists_request_from_claim_to_report() {
    let server = ScriptedServer::start(codex_claims_once(Reply::Default)).await;
    let codex = agent("codex", ScriptedSource::slow(INTERVAL * 3 / 2));
    let agents = [vec![codex], agents(["opencode"])].concat();
    serve_for(INTERVAL * 5, &server, settings(), agents).await.unwrap();
    assert_eq!(in_flight("codex", &server)[..3], [json!([]), json!([REQUEST]), json!([])]);
    let of_other = in_flight("opencode", &server);
    assert!(of_other.iter().all(|listed| *listed == json!([])), "listed for another runtime: {of_other:?}");
}

/// The answer is lost, so the server may redeliver the request.
#[tokio::test(start_paused = true)]
async fn abandoned_report_is_no_longer_in_flight() {
    let server = ScriptedServer::start(codex_claims_once(Reply::Hang)).await;
    serve_for(INTERVAL * 5, &server, settings(), agents(["codex"])).await.unwrap();
    assert_eq!(in_flight("codex", &server)[..3], [json!([]), json!([REQUEST]), json!([])]);
}

#[tokio::test(start_paused = true)]
async fn redelivery_of_request_in_flight_is_answered_once() {
    let server = ScriptedServer::start(for_heartbeats_of_codex(Reply::pending(REQUEST))).await;
    let settings = Settings { interval: seconds(4.0), ..settings() };
    let agents = vec![agent("codex", ScriptedSource::slow(seconds(9.0)))];
    serve_for(seconds(11.0), &server, settings, agents).await.unwrap();
    assert!(heartbeat_times("codex", &server).len() >= 2);
    assert_eq!(server.calls_to(&report_path("codex")).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn hanging_heartbeat_delays_no_other_runtime() {
    let server = ScriptedServer::start(for_heartbeats_of_codex(Reply::Hang)).await;
    serve_for(INTERVAL * 5, &server, settings(), agents(["codex", "opencode"])).await.unwrap();
    assert_regular("opencode", &server, INTERVAL, 3);
    assert_regular("codex", &server, INTERVAL, 3);
}

/// A heartbeat that timed out after one interval would lose the claim of a slow response.
#[tokio::test(start_paused = true)]
async fn waits_longer_than_short_interval_for_claim() {
    let slow = Reply::pending(REQUEST).after(seconds(9.0));
    let server = ScriptedServer::start(move |call| {
        if call.path == HEARTBEAT && call.nth == 0 { slow.clone() } else { Reply::Default }
    });
    let server = server.await;
    serve_for(seconds(15.0), &server, every_second(), agents(["codex"])).await.unwrap();
    assert_eq!(server.calls().iter().filter(|call| is_report(call)).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn missed_heartbeats_are_skipped() {
    let server = ScriptedServer::start(|call| {
        if call.path == HEARTBEAT && call.nth == 0 { Reply::Hang } else { Reply::Default }
    });
    let server = server.await;
    serve_for(seconds(20.0), &server, every_second(), agents(["codex"])).await.unwrap();
    let gaps = gaps("codex", &server);
    assert_eq!(gaps[0], seconds(10.0), "the first heartbeat times out");
    assert!(gaps[1..].iter().all(|gap| *gap == seconds(1.0)), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn work_delays_no_heartbeat() {
    let server = ScriptedServer::start(for_heartbeats_of_codex(Reply::pending(REQUEST))).await;
    let slow = agent("codex", ScriptedSource::slow(seconds(60.0)));
    serve_for(seconds(30.0), &server, every_second(), vec![slow]).await.unwrap();
    assert_regular("codex", &server, seconds(1.0), 28);
}

#[tokio::test(start_paused = true)]
async fn hanging_report_delays_no_heartbeat() {
    let server = ScriptedServer::start(codex_claims_once(Reply::Hang)).await;
    serve_for(seconds(60.0), &server, every_second(), agents(["codex"])).await.unwrap();
    assert_regular("codex", &server, seconds(1.0), 58);
}
