//! CONNECT, the ends of a connection, and its lifecycle events.

use doorbell_mqtt::{Closed, Refusal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::{Confirmation, ConnectionStatus, Delivery, DisconnectReason, Faults};
use super::messages::hint;
use super::*;

async fn refusal(broker: &TestBroker, client_id: &str) -> Refusal {
    match broker.try_connect(client_id).await {
        Err(ConnectError::Refused(refusal)) => refusal,
        other => panic!("{:?}", other.err()),
    }
}

#[tokio::test(start_paused = true)]
async fn authorizer_event_has_the_form_of_iot_core() {
    let broker = TestBroker::new();
    let _client = broker.connect().await;
    let event = broker.hooks.authorizer_events.lock().unwrap()[0].clone();
    let id = event["connectionMetadata"]["id"].as_str().unwrap();
    assert!(id.parse::<uuid::Uuid>().is_ok(), "{id}");
    let expected = json!({
        "signatureVerified": false,
        "protocols": ["mqtt"],
        // "secret"
        "protocolData": { "mqtt": { "username": "doorbell", "password": "c2VjcmV0", "clientId": CLIENT } },
        "connectionMetadata": { "id": id },
    });
    assert_eq!(event, expected);
}

#[tokio::test(start_paused = true)]
async fn denied_client_is_refused() {
    let mut response = permission();
    response["isAuthenticated"] = json!(false);
    let broker = TestBroker::with(Ok(response), Duration::ZERO);
    assert_eq!(refusal(&broker, CLIENT).await, Refusal::NotAuthorized);
    assert_eq!(broker.broker.status(CLIENT), ConnectionStatus::Unknown);
    assert!(broker.events().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn client_id_outside_the_policy_is_refused() {
    assert_eq!(refusal(&TestBroker::new(), "local.a.c").await, Refusal::NotAuthorized);
}

#[tokio::test(start_paused = true)]
async fn failed_authorizer_is_unavailable() {
    let broker = TestBroker::with(Err("failed"), Duration::ZERO);
    assert_eq!(refusal(&broker, CLIENT).await, Refusal::ServerUnavailable);
}

#[tokio::test(start_paused = true)]
async fn authorizer_has_five_seconds() {
    let slow = TestBroker::with(Ok(permission()), Duration::from_millis(4_999));
    assert!(slow.try_connect(CLIENT).await.is_ok());
    let late = TestBroker::with(Ok(permission()), Duration::from_millis(5_001));
    assert_eq!(refusal(&late, CLIENT).await, Refusal::ServerUnavailable);
}

#[tokio::test(start_paused = true)]
async fn lifecycle_event_has_the_form_of_iot_core() {
    let broker = TestBroker::new();
    let client = broker.connect().await;
    sleep(Duration::from_secs(5)).await;
    client.disconnect().await;
    let event = broker.events().await.remove(0);
    let session = broker.hooks.authorizer_events.lock().unwrap()[0]["connectionMetadata"]["id"].clone();
    let expected = json!({
        "clientId": CLIENT,
        "timestamp": START_MS + 5_000,
        "eventType": "disconnected",
        "sessionIdentifier": session,
        "principalIdentifier": "p1",
        "clientInitiatedDisconnect": true,
        "disconnectReason": "CLIENT_INITIATED_DISCONNECT",
        "versionNumber": 0,
    });
    assert_eq!(event, expected);
}

#[tokio::test(start_paused = true)]
async fn lost_connection_is_not_initiated_by_the_client() {
    let broker = TestBroker::new();
    drop(broker.connect().await);
    let event = broker.events().await.remove(0);
    assert_eq!(event["disconnectReason"], "CONNECTION_LOST");
    assert_eq!(event["clientInitiatedDisconnect"], false);
}

/// A CONNECT of [`CLIENT`] with a keep-alive of 30 s, and then nothing.
async fn silent_stream(broker: &TestBroker) -> tokio::io::DuplexStream {
    let (mut near, far) = duplex(1024);
    broker.broker.serve(far);
    let mut packet = vec![0x10, 21, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 30, 0, 9];
    packet.extend(CLIENT.as_bytes());
    near.write_all(&packet).await.unwrap();
    let mut connack = [0; 4];
    near.read_exact(&mut connack).await.unwrap();
    assert_eq!(connack, [0x20, 2, 0, 0]);
    near
}

#[tokio::test(start_paused = true)]
async fn silent_client_ends_by_its_keep_alive() {
    let broker = TestBroker::new();
    let _stream = silent_stream(&broker).await;
    sleep(Duration::from_millis(44_999)).await;
    assert!(broker.reasons().await.is_empty());
    sleep(Duration::from_millis(1)).await;
    assert_eq!(broker.reasons().await, ["MQTT_KEEP_ALIVE_TIMEOUT"]);
}

#[tokio::test(start_paused = true)]
async fn violation_is_an_error_of_the_client() {
    let broker = TestBroker::new();
    let mut stream = silent_stream(&broker).await;
    stream.write_all(&[0x20, 2, 0, 0]).await.unwrap();
    assert_eq!(broker.reasons().await, ["CLIENT_ERROR"]);
}

#[tokio::test(start_paused = true)]
async fn connection_ends_with_the_lifetime_of_its_authorization() {
    let mut response = permission();
    response["disconnectAfterInSeconds"] = json!(300);
    let broker = TestBroker::with(Ok(response), Duration::ZERO);
    let mut client = broker.connect().await;
    sleep(Duration::from_secs(299)).await;
    assert!(broker.reasons().await.is_empty());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(broker.reasons().await, ["CUSTOMAUTH_TTL_EXPIRATION"]);
    // Lost, or a broken pipe: a ping is due at the same time.
    assert!(client.recv().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn newer_connection_takes_over_the_client_id() {
    let broker = TestBroker::new();
    let mut older = broker.connect().await;
    let mut newer = broker.connect().await;
    assert_eq!(older.recv().await, Err(Closed::Lost));
    assert_eq!(broker.reasons().await, ["DUPLICATE_CLIENTID"]);
    assert!(matches!(broker.broker.status(CLIENT), ConnectionStatus::Connected { .. }));
    let sent = broker.broker.send(CLIENT, hint(), Confirmation::Within(Duration::from_secs(1)));
    let (delivery, message) = tokio::join!(sent, newer.recv());
    assert_eq!((delivery, message), (Delivery::Delivered, Ok(hint())));
}

#[tokio::test(start_paused = true)]
async fn refused_connection_takes_nothing_over() {
    let broker = TestBroker::new();
    let _client = broker.connect().await;
    broker.hooks.response.lock().unwrap().as_mut().unwrap()["isAuthenticated"] = json!(false);
    refusal(&broker, CLIENT).await;
    assert!(matches!(broker.broker.status(CLIENT), ConnectionStatus::Connected { .. }));
    assert!(broker.reasons().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn versions_of_a_client_ascend() {
    let broker = TestBroker::new();
    for version in 0..3 {
        broker.connect().await.disconnect().await;
        assert_eq!(broker.events().await.last().unwrap()["versionNumber"], version);
    }
}

#[tokio::test(start_paused = true)]
async fn deleted_connection_closes() {
    let broker = TestBroker::new();
    let mut client = broker.connect().await;
    assert!(broker.broker.disconnect(CLIENT));
    assert_eq!(client.recv().await, Err(Closed::Lost));
    assert_eq!(broker.reasons().await, ["API_INITIATED_DISCONNECT"]);
    assert!(!broker.broker.disconnect(CLIENT));
}

#[tokio::test(start_paused = true)]
async fn broker_can_close_all_connections() {
    let broker = TestBroker::new();
    let mut client = broker.connect().await;
    broker.broker.disconnect_all();
    assert_eq!(client.recv().await, Err(Closed::Lost));
    assert_eq!(broker.reasons().await, ["SERVER_INITIATED_DISCONNECT"]);
}

#[tokio::test(start_paused = true)]
async fn status_knows_a_connection_and_for_half_an_hour_its_end() {
    let broker = TestBroker::new();
    let start = Timestamp::from_millis(START_MS).unwrap();
    let client = broker.connect().await;
    let keep_alive = Duration::from_secs(30);
    assert_eq!(broker.broker.status(CLIENT), ConnectionStatus::Connected { since: start, keep_alive });
    client.disconnect().await;
    broker.events().await;
    let reason = DisconnectReason::ClientInitiated;
    let ended = ConnectionStatus::Disconnected { since: start, reason };
    assert_eq!(broker.broker.status(CLIENT), ended);
    sleep(Duration::from_millis(30 * 60_000 - 2)).await;
    assert_eq!(broker.broker.status(CLIENT), ended);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(broker.broker.status(CLIENT), ConnectionStatus::Unknown);
}

#[tokio::test(start_paused = true)]
async fn refusing_broker_closes_new_connections_only() {
    let broker = TestBroker::new();
    let _client = broker.connect().await;
    broker.broker.set_faults(Faults { refuses_connections: true, ..Faults::default() });
    assert!(matches!(broker.try_connect("other").await, Err(ConnectError::Io(_))));
    assert!(matches!(broker.broker.status(CLIENT), ConnectionStatus::Connected { .. }));
}

#[tokio::test(start_paused = true)]
async fn lost_events_do_not_arrive() {
    let broker = TestBroker::new();
    broker.broker.set_faults(Faults { loses_events: true, ..Faults::default() });
    drop(broker.connect().await);
    assert!(broker.events().await.is_empty());
    assert!(matches!(broker.broker.status(CLIENT), ConnectionStatus::Disconnected { .. }));
}

#[tokio::test(start_paused = true)]
async fn stopped_broker_closes_without_events() {
    let TestBroker { broker, hooks } = TestBroker::new();
    let test = TestBroker { broker, hooks: hooks.clone() };
    let mut client = test.connect().await;
    test.broker.stop().await;
    assert_eq!(client.recv().await, Err(Closed::Lost));
    assert!(hooks.disconnected_events.lock().unwrap().is_empty());
}
