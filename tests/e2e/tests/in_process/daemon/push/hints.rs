//! A hint is followed by a heartbeat at once, at most once a second and runtime, and is never lost.

use std::collections::BTreeSet;

use doorbell_test_support::scripted_server::{Reply, ScriptedCall, heartbeat_response};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::broker::Broker;
use super::{ALL, CALL, LEASE, Pushed, Seen, answer, ordinary, seen};
use crate::daemon::fixtures::{HEARTBEAT, runtime, seconds};

#[tokio::test(start_paused = true)]
async fn hint_causes_heartbeat_of_its_runtime_at_once() {
    let pushed = Pushed::proven().await;
    sleep(seconds(3_000.0)).await;
    pushed.broker.hint(runtime("opencode"));
    assert_eq!(pushed.heartbeats_within(seconds(3_000.0)).await, [seen(0.0, &["opencode"], true)]);
}

#[tokio::test(start_paused = true)]
async fn hint_within_a_second_causes_heartbeat_at_its_end() {
    let pushed = Pushed::proven().await;
    let broker = pushed.broker.clone();
    tokio::spawn(async move {
        for _ in 0..4 {
            broker.hint(runtime("codex"));
            sleep(seconds(0.2)).await;
        }
    });
    let expected = [seen(0.0, &["codex"], true), seen(1.0, &["codex"], true)];
    assert_eq!(pushed.heartbeats_within(seconds(60.0)).await, expected);
}

#[tokio::test(start_paused = true)]
async fn hints_of_two_runtimes_do_not_delay_each_other() {
    let pushed = Pushed::proven().await;
    pushed.broker.hint(runtime("codex"));
    let broker = pushed.broker.clone();
    tokio::spawn(async move {
        sleep(seconds(0.5)).await;
        broker.hint(runtime("opencode"));
    });
    let expected = [seen(0.0, &["codex"], true), seen(0.5, &["opencode"], true)];
    assert_eq!(pushed.heartbeats_within(seconds(60.0)).await, expected);
}

#[tokio::test(start_paused = true)]
async fn hints_at_one_time_are_one_heartbeat() {
    let pushed = Pushed::proven().await;
    // The first is followed at once, the others at the end of the second.
    for provider in ["codex", "opencode", "codex", "opencode"] {
        pushed.broker.hint(runtime(provider));
    }
    let heartbeats = pushed.heartbeats_within(seconds(60.0)).await;
    assert!(heartbeats.len() <= 3, "{heartbeats:?}");
    let all: BTreeSet<_> = heartbeats.into_iter().flat_map(|heartbeat| heartbeat.runtimes).collect();
    assert_eq!(all.len(), 2);
}

/// The server answers the first heartbeat of one runtime late.
fn slow_once(call: &ScriptedCall, broker: &Broker) -> Reply {
    let of_one = call.body["runtimes"].as_array().is_some_and(|runtimes| runtimes.len() == 1);
    let reply = ordinary(call, broker);
    if call.path == HEARTBEAT && of_one && call.nth == 1 { reply.after(seconds(3.0)) } else { reply }
}

#[tokio::test(start_paused = true)]
async fn hint_during_heartbeat_is_not_lost() {
    let pushed = Pushed::proven_with(slow_once).await;
    let first = pushed.heartbeats().len();
    assert_eq!(first, 1, "another heartbeat was slow");
    pushed.broker.hint(runtime("codex"));
    sleep(seconds(1.5)).await;
    let acknowledged = pushed.broker.hint(runtime("codex"));
    sleep(seconds(0.1)).await;
    assert!(acknowledged.is_finished(), "not received during the heartbeat");
    sleep(seconds(60.0)).await;
    let heartbeats = pushed.heartbeats();
    let gaps: Vec<_> = heartbeats[1..].windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert_eq!(gaps, [seconds(3.01)]);
}

#[tokio::test(start_paused = true)]
async fn hint_keeps_time_of_next_heartbeat() {
    let pushed = Pushed::proven().await;
    let proven_at = pushed.heartbeats()[0].at;
    sleep(seconds(600.0)).await;
    pushed.broker.hint(runtime("codex"));
    sleep(LEASE).await;
    let all = pushed.heartbeats().into_iter().filter(|heartbeat| heartbeat.runtimes.len() == ALL.len());
    let times: Vec<_> = all.map(|heartbeat| heartbeat.at).collect();
    assert_eq!(times, [proven_at, proven_at + LEASE]);
}

#[tokio::test(start_paused = true)]
async fn answer_to_hint_can_ask_for_a_sooner_heartbeat() {
    let pushed = Pushed::proven_with(|call, broker| match call.nth {
        1 if call.path == HEARTBEAT => answer(call, seconds(15.0)),
        _ => ordinary(call, broker),
    });
    let pushed = pushed.await;
    pushed.broker.hint(runtime("codex"));
    let expected = [seen(0.0, &["codex"], true), seen(15.0, ALL, true)];
    assert_eq!(pushed.heartbeats_within(seconds(600.0)).await, expected);
    assert_eq!(pushed.status(), "proven");
}

#[tokio::test(start_paused = true)]
async fn failed_heartbeat_is_repeated_with_backoff() {
    let failed = 5;
    let pushed = Pushed::proven_with(move |call, broker| match call.nth {
        nth if call.path == HEARTBEAT && (1..=failed).contains(&nth) => Reply::error(500, "heartbeat failed"),
        _ => ordinary(call, broker),
    });
    let pushed = pushed.await;
    pushed.broker.hint(runtime("codex"));
    let heartbeats = pushed.heartbeats_within(seconds(600.0)).await;
    assert_eq!(heartbeats.len(), failed + 1, "{heartbeats:?}");
    assert!(heartbeats.iter().all(|heartbeat| heartbeat.runtimes == [runtime("codex")]));
    let gaps: Vec<_> = heartbeats.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64()).collect();
    for (gap, longest) in gaps.iter().zip([0.0, 1.0, 2.0, 4.0, 8.0]) {
        // Timers round up to a millisecond.
        assert!(*gap <= longest + 0.002, "{gaps:?}");
    }
}

/// A daemon whose second heartbeat is not recorded for `codex`, and answered for the other runtime.
async fn failing_for_codex() -> Pushed {
    Pushed::proven_with(|call, broker| {
        if call.path != HEARTBEAT || call.nth != 1 {
            return ordinary(call, broker);
        }
        let codex = runtime("codex").to_string();
        let status = |id: &Value| if *id == codex { json!({"status": "failed"}) } else { json!({}) };
        let mut response = heartbeat_response(call, status);
        response["next_heartbeat_s"] = LEASE.as_secs().into();
        Reply::Json(200, response).after(CALL)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn hint_of_failed_runtime_is_followed_again() {
    let pushed = failing_for_codex().await;
    pushed.broker.hint(runtime("codex"));
    let codex = seen(0.0, &["codex"], true);
    assert_eq!(pushed.heartbeats_within(seconds(60.0)).await, [codex.clone(), Seen { at: CALL, ..codex }]);
}

#[tokio::test(start_paused = true)]
async fn heartbeat_with_failed_runtime_is_repeated() {
    let pushed = failing_for_codex().await;
    sleep(LEASE - seconds(1.0)).await;
    let heartbeats = pushed.heartbeats_within(seconds(600.0)).await;
    let [first, second] = &*heartbeats else { panic!("{heartbeats:?}") };
    assert_eq!(second, &Seen { at: first.at + CALL, ..seen(0.0, ALL, true) });
}

#[tokio::test(start_paused = true)]
async fn unknown_messages_cause_no_heartbeat() {
    let pushed = Pushed::proven().await;
    pushed.broker.publish("doorbell/wake", &json!({"runtime_id": "00000000-0000-4000-8000-000000000009"}));
    pushed.broker.publish("doorbell/wake", &json!({"hello": false}));
    pushed.broker.publish("doorbell/wake", &json!([1]));
    pushed.broker.publish("doorbell/other", &json!({"runtime_id": runtime("codex")}));
    assert_eq!(pushed.heartbeats_within(seconds(600.0)).await, []);
    assert_eq!(pushed.status(), "proven");
}
