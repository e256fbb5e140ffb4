//! The end of a connection, and how the next one is made.

use std::time::Duration;

use doorbell_daemon::push::PushStatus;
use doorbell_mqtt::Refusal;
use doorbell_test_support::scripted_server::Reply;
use tokio::time::sleep;

use super::broker::{Behaviour, Broker};
use super::{ALL, Pushed, answer, ordinary, seen};
use crate::daemon::fixtures::{HEARTBEAT, runtime, seconds, settings};
use crate::daemon::resumes::JumpingClock;

fn gaps(times: &[Duration]) -> Vec<f64> {
    times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect()
}

#[tokio::test(start_paused = true)]
async fn loss_causes_plain_heartbeat_at_once() {
    let mut pushed = Pushed::proven().await;
    sleep(seconds(600.0)).await;
    pushed.broker.set_behaviour(Behaviour::Unreachable);
    pushed.broker.close();
    let heartbeats = pushed.heartbeats_within(seconds(46.0)).await;
    let gaps = gaps(&heartbeats.iter().map(|heartbeat| heartbeat.at).collect::<Vec<_>>());
    assert_eq!(heartbeats[0], seen(0.0, ALL, false));
    // Another phase than that of the daemons that lost their connection at the same time.
    assert!((1.0..=15.0).contains(&gaps[0]) && gaps[1..].iter().all(|gap| *gap == 15.0), "{gaps:?}");
    assert!(gaps.len() >= 3 && heartbeats.iter().all(|heartbeat| heartbeat.connected == Some(false)));
    pushed.broker.set_behaviour(Behaviour::Accept);
    pushed.wait_for(PushStatus::Proven, seconds(400.0)).await;
}

/// A server that keeps a lease takes the new connection for the one that it has proven.
#[tokio::test(start_paused = true)]
async fn reconnected_daemon_says_so_after_an_answered_plain_heartbeat() {
    let pushed = Pushed::proven_with(|call, broker| match call.nth {
        1..=3 if call.path == HEARTBEAT => Reply::error(500, "heartbeat failed"),
        _ => ordinary(call, broker),
    });
    let pushed = pushed.await;
    sleep(seconds(600.0)).await;
    pushed.broker.close();
    let heartbeats = pushed.heartbeats_within(seconds(61.0)).await;
    let connected: Vec<_> = heartbeats.iter().map(|heartbeat| heartbeat.connected).collect();
    // Three that failed, one that was answered, and then those that prove.
    assert_eq!(connected, [false, false, false, false, true].map(Some));
    assert_eq!(pushed.broker.tries().len(), 2, "not connected all the time");
}

/// Only the leases of its runtimes have ended.
#[tokio::test(start_paused = true)]
async fn plain_heartbeat_of_one_runtime_is_not_enough() {
    let pushed = Pushed::proven_with(|call, broker| match call.nth {
        1 if call.path == HEARTBEAT => Reply::error(500, "heartbeat failed"),
        _ => ordinary(call, broker),
    });
    let pushed = pushed.await;
    sleep(seconds(600.0)).await;
    pushed.broker.close();
    sleep(seconds(0.5)).await;
    pushed.broker.hint(runtime("codex"));
    // That of all runtimes follows within 15 s of the loss.
    let heartbeats = pushed.heartbeats_within(seconds(30.0)).await;
    let [first, second, third, ..] = &*heartbeats else { panic!("{heartbeats:?}") };
    assert_eq!(*first, seen(0.0, &["codex"], false));
    assert_eq!((&*second.runtimes, second.connected), (&*seen(0.0, ALL, false).runtimes, Some(false)));
    assert_eq!((third.connected, gaps(&[second.at, third.at])), (Some(true), vec![15.0]));
}

#[tokio::test(start_paused = true)]
async fn stable_connection_is_replaced_at_once() {
    let pushed = Pushed::proven().await;
    sleep(seconds(61.0)).await;
    let closed_at = pushed.broker.now();
    pushed.broker.close();
    sleep(seconds(1.0)).await;
    assert_eq!(pushed.broker.tries()[1..], [closed_at]);
}

#[tokio::test(start_paused = true)]
async fn missing_answer_to_ping_ends_the_connection() {
    let pushed = Pushed::start(Behaviour::Mute, ordinary).await;
    pushed.broker.set_behaviour(Behaviour::Mute);
    sleep(seconds(39.0)).await;
    assert_eq!(pushed.broker.tries().len(), 1);
    let reason = "the server did not answer a ping in time";
    sleep(seconds(1.1)).await;
    assert_eq!(
        pushed.status(),
        format!("falling back to 15 s heartbeats because the connection was lost: {reason}")
    );
    sleep(seconds(1.0)).await;
    assert_eq!(pushed.broker.tries().len(), 2);
}

/// Checks an hour of connections that live for `life`. Without back-off there are at least 180 tries. Full jitter makes half of the
/// longest waits on average, so there are about 30.
fn assert_backs_off(broker: &Broker, life: Duration) {
    let tries = broker.tries();
    assert!((3..60).contains(&tries.len()), "{} tries", tries.len());
    let gaps = gaps(&tries);
    let longest = gaps.iter().copied().fold(0.0, f64::max) - life.as_secs_f64();
    assert!(longest > 10.0, "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn short_connections_are_tried_with_backoff() {
    let pushed = Pushed::start(Behaviour::CloseAfter(seconds(1.0)), ordinary).await;
    sleep(seconds(3_600.0)).await;
    assert_backs_off(&pushed.broker, seconds(1.0));
}

/// Each connection is proven, and ended by that of another daemon with the same client id.
#[tokio::test(start_paused = true)]
async fn daemons_that_take_over_from_each_other_back_off() {
    let pushed = Pushed::start(Behaviour::CloseAfter(seconds(20.0)), |call, broker| {
        broker.hello();
        ordinary(call, broker)
    });
    let pushed = pushed.await;
    sleep(seconds(3_600.0)).await;
    assert_backs_off(&pushed.broker, seconds(20.0));
}

#[tokio::test(start_paused = true)]
async fn refused_daemon_falls_back() {
    let pushed = Pushed::start(Behaviour::Refuse(Refusal::NotAuthorized), ordinary).await;
    sleep(seconds(3_600.0)).await;
    assert_backs_off(&pushed.broker, Duration::ZERO);
    let reason = "the connection was refused: not authorized";
    assert_eq!(pushed.status(), format!("falling back to 15 s heartbeats because {reason}"));
    let heartbeats = pushed.heartbeats_within(seconds(61.0)).await;
    assert!(heartbeats.len() >= 4, "{heartbeats:?}");
    assert!(heartbeats.iter().all(|heartbeat| heartbeat.connected == Some(false)));
}

/// A loss during a heartbeat that says `connected` causes a plain one after it.
#[tokio::test(start_paused = true)]
async fn loss_during_heartbeat_is_announced_after_it() {
    let pushed = Pushed::proven_with(|call, broker| {
        if call.path == HEARTBEAT && call.nth == 1 {
            broker.close();
            broker.set_behaviour(Behaviour::Unreachable);
            return answer(call, super::LEASE).after(seconds(2.0));
        }
        ordinary(call, broker)
    });
    let pushed = pushed.await;
    sleep(seconds(600.0)).await;
    pushed.broker.hint(runtime("codex"));
    let heartbeats = pushed.heartbeats_within(seconds(10.0)).await;
    assert_eq!(heartbeats[..2], [seen(0.0, &["codex"], true), seen(2.01, ALL, false)]);
}

/// The old connection is dead, or of another network.
#[tokio::test(start_paused = true)]
async fn resume_replaces_the_connection_at_once() {
    let clock = JumpingClock::default();
    let mut pushed = Pushed::start_at(clock.read(), settings(), Behaviour::Accept, ordinary).await;
    pushed.wait_for(PushStatus::Proven, seconds(16.0)).await;
    sleep(seconds(600.0)).await;
    clock.jump(seconds(3_600.0));
    sleep(seconds(6.0)).await;
    assert_eq!(pushed.broker.requests().len(), 2);
    assert_eq!(pushed.broker.ends(), [doorbell_mqtt::Closed::Disconnect]);
    let plain = pushed.heartbeats().into_iter().filter(|heartbeat| heartbeat.at > seconds(600.0));
    assert!(plain.clone().any(|heartbeat| heartbeat.connected == Some(false)), "no heartbeat at the loss");
    pushed.wait_for(PushStatus::Proven, seconds(31.0)).await;
}
