//! When a daemon sends heartbeats, and what they list as in flight.

use std::collections::HashSet;
use std::time::Duration;

use doorbell_daemon::Settings;
use doorbell_daemon::agents::Agent;
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer, heartbeat_response};
use serde_json::{Value, json};

use crate::daemon::fixtures::{
    HEARTBEAT, REQUEST, ScriptedSource, agent, agents, claims_once, every_second, heartbeat_times, in_flight,
    report_path, runtime, seconds, serve_for, settings,
};

const INTERVAL: Duration = Settings::INTERVAL;

/// The times between heartbeats.
fn gaps(server: &ScriptedServer) -> Vec<Duration> {
    heartbeat_times(server).windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn assert_regular(server: &ScriptedServer, interval: Duration, least: usize) {
    let gaps = gaps(server);
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
    serve_for(INTERVAL + seconds(0.002), &server, settings(), agents(["codex"])).await.unwrap();
    assert!(!heartbeat_times(&server).is_empty(), "{:?}", server.calls());
}

/// Daemons that start at once, as after a power cut, would otherwise stay in step.
#[tokio::test(start_paused = true)]
async fn first_heartbeats_are_spread_at_random() {
    let mut firsts = Vec::new();
    for _ in 0..8 {
        let server = ordinary_server().await;
        serve_for(INTERVAL * 2, &server, settings(), agents(["codex"])).await.unwrap();
        let calls = server.calls();
        firsts.push(calls[1].at - calls[0].at);
    }
    assert!(firsts.iter().any(|first| *first != firsts[0]), "{firsts:?}");
}

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_their_interval() {
    let server = ordinary_server().await;
    serve_for(INTERVAL * 10, &server, settings(), agents(["codex"])).await.unwrap();
    assert_regular(&server, INTERVAL, 8);

    let server = ordinary_server().await;
    serve_for(seconds(10.0), &server, every_second(), agents(["codex"])).await.unwrap();
    assert_regular(&server, seconds(1.0), 8);
}

#[tokio::test(start_paused = true)]
async fn idle_heartbeat_lists_nothing_in_flight() {
    let server = ordinary_server().await;
    serve_for(INTERVAL * 2, &server, settings(), agents(["codex"])).await.unwrap();
    let heartbeat = &server.calls_to(HEARTBEAT)[0];
    let runtimes = json!([{"id": runtime("codex").to_string(), "in_flight": []}]);
    assert_eq!(heartbeat.body, json!({ "runtimes": runtimes }));
}

/// The first agent claims a request with the first heartbeat, and its reports are answered with `reported`.
fn claims_once_and_reports(reported: Reply) -> impl Fn(&ScriptedCall) -> Reply {
    move |call| if is_report(call) { reported.clone() } else { claims_once(call) }
}

fn for_heartbeats(reply: Reply) -> impl Fn(&ScriptedCall) -> Reply {
    move |call| if call.path == HEARTBEAT { reply.clone() } else { Reply::Default }
}

#[tokio::test(start_paused = true)]
async fn lists_request_from_claim_to_report() {
    let server = ScriptedServer::start(claims_once_and_reports(Reply::Default)).await;
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
    let server = ScriptedServer::start(claims_once_and_reports(Reply::Hang)).await;
    serve_for(INTERVAL * 5, &server, settings(), agents(["codex"])).await.unwrap();
    assert_eq!(in_flight("codex", &server)[..3], [json!([]), json!([REQUEST]), json!([])]);
}

#[tokio::test(start_paused = true)]
async fn redelivery_of_request_in_flight_is_answered_once() {
    let server = ScriptedServer::start(for_heartbeats(Reply::pending(REQUEST))).await;
    let settings = Settings { interval: seconds(4.0), ..settings() };
    let agents = vec![agent("codex", ScriptedSource::slow(seconds(9.0)))];
    serve_for(seconds(11.0), &server, settings, agents).await.unwrap();
    assert!(heartbeat_times(&server).len() >= 2);
    assert_eq!(server.calls_to(&report_path("codex")).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn hanging_heartbeat_delays_no_later_one() {
    let server = ScriptedServer::start(for_heartbeats(Reply::Hang)).await;
    serve_for(INTERVAL * 7, &server, settings(), agents(["codex"])).await.unwrap();
    let gaps = gaps(&server);
    // The first failure changes the phase.
    assert!((seconds(10.0)..=INTERVAL).contains(&gaps[0]), "{gaps:?}");
    assert!(gaps.len() >= 4 && gaps[1..].iter().all(|gap| *gap == INTERVAL), "{gaps:?}");
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
    let gaps = gaps(&server);
    assert_eq!(gaps[0], seconds(10.0), "the first heartbeat times out");
    assert!(gaps[1..].iter().all(|gap| *gap == seconds(1.0)), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn work_delays_no_heartbeat() {
    let server = ScriptedServer::start(for_heartbeats(Reply::pending(REQUEST))).await;
    let slow = agent("codex", ScriptedSource::slow(seconds(60.0)));
    serve_for(seconds(30.0), &server, every_second(), vec![slow]).await.unwrap();
    assert_regular(&server, seconds(1.0), 28);
}

#[tokio::test(start_paused = true)]
async fn hanging_report_delays_no_heartbeat() {
    let server = ScriptedServer::start(claims_once_and_reports(Reply::Hang)).await;
    serve_for(seconds(60.0), &server, every_second(), agents(["codex"])).await.unwrap();
    assert_regular(&server, seconds(1.0), 58);
}

/// A server that asks for a heartbeat after `next` seconds.
async fn asking_for_next(next: u32) -> ScriptedServer {
    ScriptedServer::start(move |call| {
        let mut response = heartbeat_response(call, |_| json!({}));
        response["next_heartbeat_s"] = next.into();
        if call.path == HEARTBEAT { Reply::Json(200, response) } else { Reply::Default }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn server_can_shorten_the_interval() {
    for (next, interval) in [(5, seconds(5.0)), (0, seconds(1.0)), (15, INTERVAL), (3_600, INTERVAL)] {
        let server = asking_for_next(next).await;
        serve_for(INTERVAL * 6, &server, settings(), agents(["codex"])).await.unwrap();
        assert_regular(&server, interval, 4);
    }
}

/// The response asked for heartbeats every 5 s, and then the server fails.
#[tokio::test(start_paused = true)]
async fn failed_heartbeat_is_followed_by_own_interval() {
    let server = ScriptedServer::start(|call| {
        let mut response = heartbeat_response(call, |_| json!({}));
        response["next_heartbeat_s"] = 5.into();
        match (call.path.as_str(), call.nth) {
            (HEARTBEAT, 0) => Reply::Json(200, response),
            (HEARTBEAT, _) => Reply::error(500, "heartbeat failed"),
            _ => Reply::Default,
        }
    });
    let server = server.await;
    serve_for(INTERVAL * 5, &server, settings(), agents(["codex"])).await.unwrap();
    let gaps = gaps(&server);
    assert_eq!((gaps[0], gaps[2]), (seconds(5.0), INTERVAL), "{gaps:?}");
}

/// A daemon whose heartbeats are rare, is not offline for as long after one that failed.
#[tokio::test(start_paused = true)]
async fn failed_heartbeat_of_a_long_interval_is_repeated_soon() {
    let server = ScriptedServer::start(|call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 0..3) => Reply::error(500, "heartbeat failed"),
        _ => Reply::Default,
    });
    let server = server.await;
    let settings = Settings { interval: seconds(120.0), ..settings() };
    serve_for(seconds(500.0), &server, settings, agents(["codex"])).await.unwrap();
    let gaps = gaps(&server);
    assert!(gaps[..3].iter().all(|gap| *gap <= INTERVAL), "{gaps:?}");
}

/// The phase is random after the first failure, and then stays.
#[tokio::test(start_paused = true)]
async fn first_failure_changes_the_phase() {
    let mut firsts = Vec::new();
    for _ in 0..8 {
        let server = ScriptedServer::start(for_heartbeats(Reply::error(500, "heartbeat failed"))).await;
        serve_for(INTERVAL * 4, &server, settings(), agents(["codex"])).await.unwrap();
        let gaps = gaps(&server);
        assert!((seconds(1.0)..=INTERVAL).contains(&gaps[0]), "{gaps:?}");
        assert_eq!(gaps[1], INTERVAL);
        firsts.push(gaps[0]);
    }
    assert!(firsts.iter().any(|first| *first != firsts[0]), "{firsts:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_a_heartbeat_is_waited_for() {
    let server = ScriptedServer::start(|call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 0) => Reply::RateLimited(40),
        _ => Reply::Default,
    });
    let server = server.await;
    serve_for(INTERVAL * 6, &server, settings(), agents(["codex"])).await.unwrap();
    assert_eq!(gaps(&server)[..2], [seconds(40.0), INTERVAL]);
}

fn many_agents(count: usize) -> Vec<Agent> {
    let source = ScriptedSource::default();
    let profile = |number| Agent { profile_id: format!("{number}"), ..agent("codex", source.clone()) };
    (0..count).map(profile).collect()
}

fn ids(runtimes: &Value) -> Vec<String> {
    runtimes.as_array().unwrap().iter().map(|runtime| runtime["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn one_call_serves_at_most_50_runtimes() {
    for (count, calls) in [(1, 1), (50, 1), (51, 2), (101, 3)] {
        let server = ScriptedServer::start(for_heartbeats(Reply::Default.after(seconds(1.0)))).await;
        serve_for(INTERVAL, &server, settings(), many_agents(count)).await.unwrap();
        let heartbeats = server.calls_to(HEARTBEAT);
        assert_eq!(heartbeats.len(), calls);
        assert!(heartbeats.iter().all(|call| call.at == heartbeats[0].at), "one after the other");
        let all: Vec<_> = heartbeats.iter().map(|call| ids(&call.body["runtimes"])).collect();
        assert!(all.iter().all(|ids| ids.len() <= 50));
        let registered: HashSet<_> = all.into_iter().flatten().collect();
        assert_eq!(registered.len(), count);
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_of_a_heartbeat_claims() {
    let server = ScriptedServer::start(|call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 0) => Reply::error(500, "heartbeat failed"),
        (HEARTBEAT, 1) => Reply::pending(REQUEST),
        _ => Reply::Default,
    });
    let server = server.await;
    serve_for(INTERVAL * 2, &server, settings(), many_agents(60)).await.unwrap();
    assert_eq!(server.calls().iter().filter(|call| is_report(call)).count(), 1);
}
