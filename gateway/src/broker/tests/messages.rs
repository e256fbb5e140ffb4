//! Direct messages.

use doorbell_mqtt::Message;

use super::super::{Confirmation, Delivery, Faults};
use super::*;

const SECOND: Confirmation = Confirmation::Within(Duration::from_secs(1));

pub(super) fn hint() -> Message {
    Message { topic: TOPIC.to_owned(), payload: b"{\"hello\":true}".to_vec() }
}

#[tokio::test(start_paused = true)]
async fn confirmed_message_is_delivered_when_the_client_has_taken_it() {
    let broker = TestBroker::new();
    let mut client = broker.connect().await;
    let (delivery, message) = tokio::join!(broker.broker.send(CLIENT, hint(), SECOND), client.recv());
    assert_eq!((delivery, message), (Delivery::Delivered, Ok(hint())));
}

#[tokio::test(start_paused = true)]
async fn unconfirmed_message_is_delivered_at_once() {
    let broker = TestBroker::new();
    let mut client = broker.connect().await;
    assert_eq!(broker.broker.send(CLIENT, hint(), Confirmation::None).await, Delivery::Delivered);
    assert_eq!(client.recv().await, Ok(hint()));
}

#[tokio::test(start_paused = true)]
async fn message_that_no_program_takes_is_not_confirmed() {
    let broker = TestBroker::new();
    let _client = broker.connect().await;
    let stopwatch = Stopwatch::start();
    assert_eq!(broker.broker.send(CLIENT, hint(), SECOND).await, Delivery::NotConfirmed);
    assert_eq!(stopwatch.elapsed_ms() / 1000, 1);
}

#[tokio::test(start_paused = true)]
async fn late_acknowledgement_does_not_end_the_connection() {
    let broker = TestBroker::new();
    let mut client = broker.connect().await;
    assert_eq!(broker.broker.send(CLIENT, hint(), SECOND).await, Delivery::NotConfirmed);
    assert_eq!(client.recv().await, Ok(hint()));
    let (delivery, _) = tokio::join!(broker.broker.send(CLIENT, hint(), SECOND), client.recv());
    assert_eq!(delivery, Delivery::Delivered);
}

#[tokio::test(start_paused = true)]
async fn message_in_flight_fails_when_the_connection_ends() {
    let broker = TestBroker::new();
    let client = broker.connect().await;
    let lose = async {
        sleep(Duration::from_millis(10)).await;
        drop(client);
    };
    let limit = Confirmation::Within(Duration::from_secs(15));
    let stopwatch = Stopwatch::start();
    let (delivery, ()) = tokio::join!(broker.broker.send(CLIENT, hint(), limit), lose);
    assert_eq!(delivery, Delivery::NotConfirmed);
    assert!(stopwatch.elapsed_ms() < 15_000);
}

#[tokio::test(start_paused = true)]
async fn message_to_a_client_that_is_not_connected_fails() {
    let broker = TestBroker::new();
    assert_eq!(broker.broker.send(CLIENT, hint(), SECOND).await, Delivery::NotConnected);
    broker.connect().await.disconnect().await;
    broker.events().await;
    assert_eq!(broker.broker.send(CLIENT, hint(), SECOND).await, Delivery::NotConnected);
}

#[tokio::test(start_paused = true)]
async fn topic_outside_the_policy_is_not_delivered() {
    let broker = TestBroker::new();
    let _client = broker.connect().await;
    let other = Message { topic: "doorbell/other".to_owned(), payload: Vec::new() };
    assert_eq!(broker.broker.send(CLIENT, other, SECOND).await, Delivery::NotPermitted);
}

#[tokio::test(start_paused = true)]
async fn deaf_broker_keeps_the_connection_and_confirms_nothing() {
    let broker = TestBroker::new();
    let mut client = broker.connect().await;
    broker.broker.set_faults(Faults { deaf: true, ..Faults::default() });
    let received = tokio::spawn(async move { client.recv().await });
    assert_eq!(broker.broker.send(CLIENT, hint(), SECOND).await, Delivery::NotConfirmed);
    assert_eq!(broker.broker.send("other", hint(), SECOND).await, Delivery::NotConnected);
    // Several pings.
    sleep(Duration::from_secs(300)).await;
    assert!(!received.is_finished());
    broker.broker.set_faults(Faults::default());
    assert_eq!(broker.broker.send(CLIENT, hint(), SECOND).await, Delivery::Delivered);
}
