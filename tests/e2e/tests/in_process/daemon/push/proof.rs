//! When the channel is proven, and how often heartbeats are sent until then.

use doorbell_daemon::Settings;
use doorbell_daemon::push::PushStatus;
use doorbell_test_support::log::CapturedLog;
use doorbell_test_support::scripted_server::{Reply, heartbeat_response};
use serde_json::json;
use tokio::time::sleep;

use super::broker::Behaviour;
use super::{LEASE, Pushed, answer, ordinary};
use crate::daemon::fixtures::{DEREGISTER, HEARTBEAT, REGISTER, TOKEN, runtime, seconds, settings};

#[tokio::test(start_paused = true)]
async fn proven_daemon_sleeps_as_long_as_the_server_says() {
    let pushed = Pushed::proven().await;
    let proven_at = pushed.heartbeats()[0].at;
    sleep(LEASE * 3).await;
    let times: Vec<_> = pushed.heartbeats().into_iter().map(|heartbeat| heartbeat.at).collect();
    assert_eq!(
        times,
        [proven_at, proven_at + LEASE, proven_at + LEASE * 2, proven_at + LEASE * 3][..times.len()]
    );
    assert!(times.len() >= 3);
    assert_eq!(pushed.broker.tries().len(), 1);
}

/// A ring soon after the start does not wait for an interval. In ten starts, because the first heartbeat without push is at a random time.
#[tokio::test(start_paused = true)]
async fn connected_daemon_is_proven_at_once() {
    for _ in 0..10 {
        let mut pushed = Pushed::start(Behaviour::Accept, ordinary).await;
        pushed.wait_for(PushStatus::Proven, seconds(0.1)).await;
    }
}

/// `--interval` is that of heartbeats without push.
#[tokio::test(start_paused = true)]
async fn unproven_daemon_sends_at_least_every_15_seconds() {
    for (own, interval) in [(5.0, 5.0), (60.0, 15.0)] {
        let settings = Settings { interval: seconds(own), ..settings() };
        // No answer shortens the interval.
        let pushed = Pushed::start_with(settings, Behaviour::Unreachable, |call, broker| match &*call.path {
            HEARTBEAT => Reply::error(500, "heartbeat failed"),
            _ => ordinary(call, broker),
        });
        let pushed = pushed.await;
        sleep(seconds(60.0)).await;
        let heartbeats = pushed.heartbeats_within(seconds(60.0)).await;
        let gaps: Vec<_> = heartbeats.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
        assert!(gaps.len() >= 3 && gaps.iter().all(|gap| *gap == seconds(interval)), "{gaps:?}");
        assert!(heartbeats.iter().all(|heartbeat| heartbeat.connected == Some(false)));
    }
}

/// The server's answer alone proves nothing.
#[tokio::test(start_paused = true)]
async fn connected_but_deaf_daemon_stays_at_15_seconds() {
    let pushed = Pushed::start(Behaviour::Accept, |call, broker| match call.path.as_str() {
        HEARTBEAT => answer(call, LEASE),
        _ => ordinary(call, broker),
    });
    let pushed = pushed.await;
    sleep(seconds(100.0)).await;
    let heartbeats = pushed.heartbeats();
    assert!(
        heartbeats.windows(2).all(|pair| pair[1].at - pair[0].at == Settings::INTERVAL),
        "{heartbeats:?}"
    );
    assert!(heartbeats.iter().skip(1).all(|heartbeat| heartbeat.connected == Some(true)));
    assert_eq!(pushed.status(), "falling back to 15 s heartbeats because messages do not arrive");
}

/// The message alone proves nothing either.
#[tokio::test(start_paused = true)]
async fn server_that_asks_for_15_seconds_gets_them() {
    let pushed = Pushed::start(Behaviour::Accept, |call, broker| match call.path.as_str() {
        HEARTBEAT => {
            broker.hello();
            answer(call, Settings::INTERVAL)
        }
        _ => ordinary(call, broker),
    });
    let pushed = pushed.await;
    sleep(seconds(100.0)).await;
    let heartbeats = pushed.heartbeats();
    assert!(
        heartbeats.windows(2).all(|pair| pair[1].at - pair[0].at == Settings::INTERVAL),
        "{heartbeats:?}"
    );
    assert_eq!(pushed.status(), "falling back to 15 s heartbeats because the server asks for them");
}

/// A claim limit or a concurrent ring causes it.
#[tokio::test(start_paused = true)]
async fn one_answer_of_15_seconds_does_not_change_the_status() {
    let pushed = Pushed::proven_with(|call, broker| match call.nth {
        1 if call.path == HEARTBEAT => answer(call, Settings::INTERVAL),
        _ => ordinary(call, broker),
    });
    let mut pushed = pushed.await;
    pushed.status.mark_unchanged();
    sleep(LEASE - seconds(5.0)).await;
    let heartbeats = pushed.heartbeats_within(seconds(600.0)).await;
    let gaps: Vec<_> = heartbeats.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert_eq!(gaps, [Settings::INTERVAL]);
    assert!(!pushed.status.has_changed().unwrap());
}

#[tokio::test(start_paused = true)]
async fn registration_ends_the_proof() {
    let pushed = Pushed::proven_with(|call, broker| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 1) => Reply::Json(200, heartbeat_response(call, |_| json!({"status": "unknown"}))),
        // The server does not prove the channel again.
        (HEARTBEAT, 2..) => answer(call, Settings::INTERVAL),
        _ => ordinary(call, broker),
    });
    let pushed = pushed.await;
    sleep(seconds(600.0)).await;
    pushed.broker.hint(runtime("codex"));
    let heartbeats = pushed.heartbeats_within(seconds(31.0)).await;
    assert_eq!(pushed.server.calls_to(REGISTER).len(), 2);
    assert_eq!(heartbeats[0].runtimes, [runtime("codex")]);
    let times: Vec<_> = heartbeats[1..].iter().map(|heartbeat| heartbeat.at.as_secs_f64().round()).collect();
    assert_eq!(times, [0.0, 15.0, 30.0]);
    assert_eq!(pushed.broker.tries().len(), 1, "the same offer keeps the connection");
}

/// API Gateway may apply it for 30 s, and it ends the lease.
#[tokio::test(start_paused = true)]
async fn unanswered_plain_heartbeat_defers_the_proof() {
    let pushed = Pushed::proven_with(|call, broker| match call.nth {
        1 if call.path == HEARTBEAT => Reply::Hang,
        _ => ordinary(call, broker),
    });
    let pushed = pushed.await;
    pushed.broker.close();
    // The plain heartbeat at the loss times out after 10 s, and is followed within its interval of 15 s.
    let heartbeats = pushed.heartbeats_within(seconds(3_600.0)).await;
    let connected: Vec<_> = heartbeats.iter().map(|heartbeat| heartbeat.connected).collect();
    assert_eq!(connected, [false, false, true, true].map(Some));
    let times: Vec<_> = heartbeats.iter().map(|heartbeat| heartbeat.at.as_secs_f64()).collect();
    assert!((10.0..=15.1).contains(&times[1]), "{times:?}");
    assert!((times[3] - times[1] - 30.0).abs() < 0.1, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn shutdown_disconnects_and_deregisters() {
    let pushed = Pushed::proven().await;
    let (broker, server) = (pushed.broker.clone(), pushed.server.clone());
    pushed.stop().await;
    sleep(seconds(1.0)).await;
    assert_eq!(broker.ends(), [doorbell_mqtt::Closed::Disconnect]);
    assert_eq!(server.calls_to(DEREGISTER).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn connection_ends_with_a_dropped_daemon() {
    let pushed = Pushed::proven().await;
    pushed.daemon.abort();
    sleep(seconds(600.0)).await;
    assert_eq!(pushed.broker.ends(), [doorbell_mqtt::Closed::Lost]);
    assert_eq!(pushed.broker.tries().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn token_is_the_password_and_nowhere_else() {
    let (log, _guard) = CapturedLog::capture();
    let mut pushed = Pushed::start(Behaviour::Unreachable, ordinary).await;
    sleep(seconds(20.0)).await;
    pushed.broker.set_behaviour(Behaviour::Accept);
    pushed.wait_for(PushStatus::Proven, seconds(600.0)).await;
    pushed.broker.close();
    sleep(seconds(60.0)).await;
    let request = &pushed.broker.requests()[0];
    assert_eq!(request.password.as_deref(), Some(TOKEN.as_bytes()));
    assert_eq!((request.client_id.as_str(), request.keep_alive), ("client", seconds(30.0)));
    assert_eq!(request.username.as_deref(), Some("doorbell?x-amz-customauthorizer-name=doorbell"));
    assert!(log.text().contains("no push channel"), "the log was not captured");
    assert!(!log.text().contains(TOKEN));
    let calls = pushed.server.calls();
    assert!(calls.iter().all(|call| !call.body.to_string().contains(TOKEN)));
}
