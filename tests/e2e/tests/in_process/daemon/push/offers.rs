//! The settings of the channel come with each registration.

use doorbell_daemon::Settings;
use doorbell_test_support::scripted_server::{Reply, heartbeat_response};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::broker::Behaviour;
use super::{Pushed, offer, offering, ordinary};
use crate::daemon::fixtures::{HEARTBEAT, REGISTER, seconds, settings};

/// A daemon whose registrations are answered with these settings, and whose second heartbeat is answered `unknown`.
async fn registered_twice(first: Value, second: Value) -> Pushed {
    let pushed = Pushed::start(Behaviour::Accept, move |call, broker| match (call.path.as_str(), call.nth) {
        (REGISTER, 0) => offering(call, first.clone()),
        (REGISTER, _) => offering(call, second.clone()),
        (HEARTBEAT, 1) => Reply::Json(200, heartbeat_response(call, |_| json!({"status": "unknown"}))),
        (HEARTBEAT, 0) => Reply::Default,
        _ => ordinary(call, broker),
    });
    let pushed = pushed.await;
    sleep(seconds(120.0)).await;
    assert_eq!(pushed.server.calls_to(REGISTER).len(), 2);
    pushed
}

fn clients(pushed: &Pushed) -> Vec<String> {
    pushed.broker.requests().into_iter().map(|request| request.client_id).collect()
}

#[tokio::test(start_paused = true)]
async fn other_client_id_is_another_connection() {
    let pushed = registered_twice(offer("a"), offer("b")).await;
    assert_eq!(clients(&pushed), ["a", "b"]);
    assert_eq!(pushed.broker.ends(), [doorbell_mqtt::Closed::Disconnect]);
    assert_eq!(pushed.status(), "proven");
}

#[tokio::test(start_paused = true)]
async fn same_settings_keep_the_connection() {
    let pushed = registered_twice(offer("a"), offer("a")).await;
    assert_eq!(clients(&pushed), ["a"]);
    assert_eq!(pushed.broker.ends(), []);
}

#[tokio::test(start_paused = true)]
async fn deployment_without_channel_ends_the_connection() {
    let pushed = registered_twice(offer("a"), json!({})).await;
    assert_eq!(pushed.broker.ends(), [doorbell_mqtt::Closed::Disconnect]);
    assert_eq!(pushed.heartbeats().last().unwrap().connected, None);
    assert_eq!(pushed.status(), "off");
}

#[tokio::test(start_paused = true)]
async fn channel_can_come_later() {
    let pushed = registered_twice(json!({}), offer("a")).await;
    assert_eq!(pushed.heartbeats()[0].connected, None);
    assert_eq!(pushed.status(), "proven");
}

/// Without TLS the token would be sent unencrypted.
#[tokio::test(start_paused = true)]
async fn unencrypted_channel_of_another_machine_is_not_used() {
    let mut settings = offer("a");
    settings["push"]["url"] = "mqtt://push.example.com:1883".into();
    let pushed = registered_twice(settings.clone(), settings).await;
    assert_eq!(pushed.broker.tries().len(), 0);
    assert!(pushed.heartbeats().iter().all(|heartbeat| heartbeat.connected.is_none()));
    let reason =
        "the server names \"mqtt://push.example.com:1883\", to which the token would be sent unencrypted";
    assert_eq!(pushed.status(), format!("falling back to 15 s heartbeats because {reason}"));
}

#[tokio::test(start_paused = true)]
async fn daemon_without_push_does_not_ask_for_it() {
    let settings = Settings { push: false, ..settings() };
    let pushed = Pushed::start_with(settings, Behaviour::Accept, ordinary).await;
    sleep(seconds(60.0)).await;
    assert_eq!(pushed.server.calls_to(REGISTER)[0].body["push"], Value::Null);
    assert_eq!(pushed.broker.tries().len(), 0);
    assert!(pushed.heartbeats().iter().all(|heartbeat| heartbeat.connected.is_none()));
    assert_eq!(pushed.status(), "off");
}
