//! When a daemon beats, and that nothing else keeps it from beating.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use doorbell_daemon::daemon::Settings;
use serde_json::{Value, json};

use crate::support::{
    Call, HEARTBEAT, REQUEST, Reply, Scripted, Server, agent, report_path, runtime, seconds, serve_as_for,
    serve_for, settings,
};

const INTERVAL: Duration = Settings::INTERVAL;

fn gaps(beats: &[Duration]) -> Vec<Duration> {
    beats.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_beat_comes_within_the_first_interval() {
    let server = Server::usual().await;
    let agents = (0..8).map(|number| agent(&format!("agent-{number}"), Scripted::default()));
    serve_for(INTERVAL + seconds(0.002), &server, agents.collect()).await.unwrap();
    for number in 0..8 {
        assert!(!server.beats_of(&format!("agent-{number}")).is_empty(), "agent-{number}");
    }
}

/// Daemons that were started at once, as after a power cut, would beat at once for ever.
#[tokio::test(start_paused = true)]
async fn first_beats_are_spread_at_random() {
    let server = Server::usual().await;
    let agents = (0..8).map(|number| agent(&format!("agent-{number}"), Scripted::default()));
    serve_for(INTERVAL * 2, &server, agents.collect()).await.unwrap();
    let firsts: Vec<_> = (0..8).map(|number| server.beats_of(&format!("agent-{number}"))[0]).collect();
    assert!(firsts.iter().any(|first| *first != firsts[0]), "{firsts:?}");
}

#[tokio::test(start_paused = true)]
async fn beats_go_on_at_the_interval() {
    let server = Server::usual().await;
    serve_for(INTERVAL * 10, &server, vec![agent("codex", Scripted::default())]).await.unwrap();
    let gaps = gaps(&server.beats_of("codex"));
    assert!(gaps.len() >= 8 && gaps.iter().all(|gap| *gap == INTERVAL), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn the_interval_can_be_changed() {
    let server = Server::usual().await;
    let settings = Settings { interval: seconds(1.0), ..settings() };
    let agents = vec![agent("codex", Scripted::default())];
    serve_as_for(seconds(10.0), &server, settings, agents).await.unwrap();
    let gaps = gaps(&server.beats_of("codex"));
    assert!(gaps.len() >= 8 && gaps.iter().all(|gap| *gap == seconds(1.0)), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_beat_names_its_runtime_and_has_nothing_in_flight() {
    let server = Server::usual().await;
    serve_for(INTERVAL * 2, &server, vec![agent("codex", Scripted::default())]).await.unwrap();
    let beat = &server.calls_to(HEARTBEAT)[0];
    assert_eq!(beat.body, json!({"runtime_id": runtime("codex").to_string(), "in_flight": []}));
}

/// What codex listed at each of its beats.
fn in_flight(server: &Server) -> Vec<Value> {
    let beats = server.calls().into_iter().filter(|call| call.is_beat_of("codex"));
    beats.map(|call| call.body["in_flight"].clone()).collect()
}

/// Rung with the first beat; the agent takes longer than a beat.
#[tokio::test(start_paused = true)]
async fn a_request_is_listed_from_its_collection_until_it_is_reported() {
    let server = Server::start(collected_at_first(Reply::Usual)).await;
    let agents =
        vec![agent("codex", Scripted::slow(INTERVAL * 3 / 2)), agent("opencode", Scripted::default())];
    serve_for(INTERVAL * 5, &server, agents).await.unwrap();
    assert_eq!(in_flight(&server)[..3], [json!([]), json!([REQUEST]), json!([])]);
    let of_others = server.calls().into_iter().filter(|call| call.is_beat_of("opencode"));
    assert!(
        of_others.map(|call| call.body).all(|beat| beat["in_flight"] == json!([])),
        "a list is of one runtime"
    );
}

/// Its answer is lost for now, and the server may hand the request out again.
#[tokio::test(start_paused = true)]
async fn a_request_whose_report_was_given_up_is_not_listed_any_more() {
    let server = Server::start(collected_at_first(Reply::Hang)).await;
    serve_for(INTERVAL * 5, &server, vec![agent("codex", Scripted::default())]).await.unwrap();
    assert_eq!(in_flight(&server)[..3], [json!([]), json!([REQUEST]), json!([])]);
}

/// The server's list was out of date, or a message took a long way: one answer is enough.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_handed_out_again_while_it_is_under_way_is_answered_once() {
    let server = Server::start(when_codex_beats(Reply::pending(REQUEST))).await;
    let settings = Settings { interval: seconds(4.0), ..settings() };
    let agents = vec![agent("codex", Scripted::slow(seconds(9.0)))];
    serve_as_for(seconds(11.0), &server, settings, agents).await.unwrap();
    assert!(server.beats_of("codex").len() >= 2);
    assert_eq!(server.calls_to(&report_path("codex")).len(), 1);
}

/// Codex collects a request with its first beat, and its reports are answered so.
fn collected_at_first(reported: Reply) -> impl Fn(&Call) -> Reply {
    let collected = AtomicBool::new(false);
    move |call| match call.path.as_str() {
        HEARTBEAT if call.is_beat_of("codex") && !collected.swap(true, Ordering::Relaxed) => {
            Reply::pending(REQUEST)
        }
        path if path.ends_with("/result") => reported.clone(),
        _ => Reply::Usual,
    }
}

fn when_codex_beats(reply: Reply) -> impl Fn(&Call) -> Reply {
    move |call| if call.is_beat_of("codex") { reply.clone() } else { Reply::Usual }
}

#[tokio::test(start_paused = true)]
async fn a_runtime_whose_beats_hang_delays_no_other() {
    let server = Server::start(when_codex_beats(Reply::Hang)).await;
    let agents = ["codex", "opencode"].map(|provider| agent(provider, Scripted::default()));
    serve_for(INTERVAL * 5, &server, agents.into()).await.unwrap();
    let gaps = gaps(&server.beats_of("opencode"));
    assert!(gaps.len() >= 3 && gaps.iter().all(|gap| *gap == INTERVAL), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_beat_that_hangs_is_given_up_before_the_next_is_due() {
    let server = Server::start(when_codex_beats(Reply::Hang)).await;
    serve_for(INTERVAL * 5, &server, vec![agent("codex", Scripted::default())]).await.unwrap();
    let gaps = gaps(&server.beats_of("codex"));
    assert!(gaps.len() >= 3 && gaps.iter().all(|gap| *gap == INTERVAL), "{gaps:?}");
}

/// A beat that is given up on after the interval would lose what a slow server hands out with its answer.
#[tokio::test(start_paused = true)]
async fn a_request_that_comes_later_than_the_interval_is_still_collected() {
    let slow = Reply::pending(REQUEST).after(seconds(9.0));
    let first_is_slow = move |call: &Call| match call.path.as_str() {
        HEARTBEAT if call.nth == 0 => slow.clone(),
        _ => Reply::Usual,
    };
    let server = Server::start(first_is_slow).await;
    let settings = Settings { interval: seconds(1.0), ..settings() };
    serve_as_for(seconds(15.0), &server, settings, vec![agent("codex", Scripted::default())]).await.unwrap();
    assert_eq!(server.calls().iter().filter(|call| call.path.ends_with("/result")).count(), 1);
}

/// A daemon that was held up does not make up for the beats it has missed.
#[tokio::test(start_paused = true)]
async fn beats_that_were_missed_are_not_made_up_for() {
    let first_hangs = |call: &Call| match call.path.as_str() {
        HEARTBEAT if call.nth == 0 => Reply::Hang,
        _ => Reply::Usual,
    };
    let server = Server::start(first_hangs).await;
    let settings = Settings { interval: seconds(1.0), ..settings() };
    serve_as_for(seconds(20.0), &server, settings, vec![agent("codex", Scripted::default())]).await.unwrap();
    let gaps = gaps(&server.beats_of("codex"));
    assert_eq!(gaps[0], seconds(10.0), "the first beat is given up");
    assert!(gaps[1..].iter().all(|gap| *gap == seconds(1.0)), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn work_delays_no_beat() {
    let always_rung = when_codex_beats(Reply::pending(REQUEST));
    let server = Server::start(always_rung).await;
    let slow = Scripted::slow(seconds(60.0));
    let settings = Settings { interval: seconds(1.0), ..settings() };
    serve_as_for(seconds(30.0), &server, settings, vec![agent("codex", slow)]).await.unwrap();
    let gaps = gaps(&server.beats_of("codex"));
    assert!(gaps.len() >= 28 && gaps.iter().all(|gap| *gap == seconds(1.0)), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_not_delivered_delays_no_beat() {
    let reports_hang = |call: &Call| match call.path.as_str() {
        HEARTBEAT if call.nth == 0 => Reply::pending(REQUEST),
        path if path.ends_with("/result") => Reply::Hang,
        _ => Reply::Usual,
    };
    let server = Server::start(reports_hang).await;
    let settings = Settings { interval: seconds(1.0), ..settings() };
    serve_as_for(seconds(60.0), &server, settings, vec![agent("codex", Scripted::default())]).await.unwrap();
    let gaps = gaps(&server.beats_of("codex"));
    assert!(gaps.len() >= 58 && gaps.iter().all(|gap| *gap == seconds(1.0)), "{gaps:?}");
}
