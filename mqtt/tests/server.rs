//! The server against a client of raw bytes, so that both sides cannot share an error.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "measures virtual time")]

use std::time::Duration;

use doorbell_mqtt::{Closed, Incoming, IncomingError, Message, PublishError, Publisher, Quality, Refusal};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

const PINGREQ: [u8; 2] = [0xC0, 0];
const PINGRESP: [u8; 2] = [0xD0, 0];
const DISCONNECT: [u8; 2] = [0xE0, 0];

/// Client id `c`, user name `u`, password `secret`, clean session.
fn connect_packet(keep_alive_s: u16) -> Vec<u8> {
    let mut packet = vec![0x10, 24, 0, 4, b'M', b'Q', b'T', b'T', 4, 0b1100_0010];
    packet.extend(keep_alive_s.to_be_bytes());
    packet.extend([0, 1, b'c', 0, 1, b'u', 0, 6]);
    packet.extend(b"secret");
    packet
}

fn message(payload: &[u8]) -> Message {
    Message { topic: "t".to_owned(), payload: payload.to_owned() }
}

async fn read<const N: usize>(stream: &mut DuplexStream) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

/// The bytes until the server closes.
async fn rest(mut stream: DuplexStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    bytes
}

async fn accept(keep_alive_s: u16) -> (Publisher, JoinHandle<Closed>, DuplexStream) {
    let (near, mut far) = duplex(1024);
    far.write_all(&connect_packet(keep_alive_s)).await.unwrap();
    let (publisher, session) = Incoming::read(near).await.unwrap().accept();
    let task = tokio::spawn(session.run());
    assert_eq!(read(&mut far).await, [0x20, 2, 0, 0]);
    (publisher, task, far)
}

fn publish(publisher: &Publisher, quality: Quality) -> JoinHandle<Result<(), PublishError>> {
    let publisher = publisher.clone();
    tokio::spawn(async move { publisher.publish(message(b"hi"), quality).await })
}

#[tokio::test(start_paused = true)]
async fn connect_request_has_credentials_and_keep_alive() {
    let (near, mut far) = duplex(1024);
    far.write_all(&connect_packet(30)).await.unwrap();
    let incoming = Incoming::read(near).await.unwrap();
    let request = incoming.request();
    assert_eq!(request.client_id, "c");
    assert_eq!(request.username.as_deref(), Some("u"));
    assert_eq!(request.password.as_deref(), Some(&b"secret"[..]));
    assert_eq!(request.keep_alive.as_secs(), 30);
    assert!(!format!("{request:?}").contains(&format!("{:?}", b"secret")));
}

#[tokio::test(start_paused = true)]
async fn silent_client_times_out_before_connect() {
    let (near, mut far) = duplex(1024);
    // A complete CONNECT is required, not only its first byte.
    far.write_all(&connect_packet(30)[..10]).await.unwrap();
    let started = Instant::now();
    assert!(matches!(Incoming::read(near).await, Err(IncomingError::Timeout)));
    assert_eq!(started.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn other_packet_than_connect_closes_the_stream() {
    for packet in [&PINGREQ[..], &DISCONNECT, &[0x30, 3, 0, 1, b't'], &[0x40, 2, 0, 1]] {
        let (near, mut far) = duplex(1024);
        far.write_all(packet).await.unwrap();
        assert!(matches!(Incoming::read(near).await, Err(IncomingError::Closed(Closed::Protocol(_)))));
        assert!(rest(far).await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn other_protocol_version_is_refused() {
    let mut packet = connect_packet(30);
    packet[8] = 5;
    let (near, mut far) = duplex(1024);
    far.write_all(&packet).await.unwrap();
    assert!(matches!(Incoming::read(near).await, Err(IncomingError::Closed(Closed::Protocol(_)))));
    assert_eq!(rest(far).await, [0x20, 2, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn refusal_sends_its_code_and_closes() {
    let (near, mut far) = duplex(1024);
    far.write_all(&connect_packet(30)).await.unwrap();
    Incoming::read(near).await.unwrap().refuse(Refusal::NotAuthorized).await;
    assert_eq!(rest(far).await, [0x20, 2, 0, 5]);
}

#[tokio::test(start_paused = true)]
async fn confirmed_message_is_published_at_the_puback() {
    let (publisher, _task, mut far) = accept(30).await;
    let published = publish(&publisher, Quality::AtLeastOnce);
    let packet: [u8; 9] = read(&mut far).await;
    assert_eq!(packet, [0x32, 7, 0, 1, b't', 0, 1, b'h', b'i']);
    sleep(Duration::from_secs(5)).await;
    assert!(!published.is_finished());
    far.write_all(&[0x40, 2, 0, 1]).await.unwrap();
    assert_eq!(published.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn unconfirmed_message_is_published_at_once() {
    let (publisher, _task, mut far) = accept(30).await;
    assert_eq!(publish(&publisher, Quality::AtMostOnce).await.unwrap(), Ok(()));
    assert_eq!(read(&mut far).await, [0x30, 5, 0, 1, b't', b'h', b'i']);
}

#[tokio::test(start_paused = true)]
async fn lost_connection_fails_waiting_messages() {
    let (publisher, task, far) = accept(30).await;
    let published = publish(&publisher, Quality::AtLeastOnce);
    sleep(Duration::from_secs(1)).await;
    drop(far);
    assert_eq!(task.await.unwrap(), Closed::Lost);
    assert_eq!(published.await.unwrap(), Err(PublishError::Closed));
    assert_eq!(publish(&publisher, Quality::AtLeastOnce).await.unwrap(), Err(PublishError::Closed));
}

#[tokio::test(start_paused = true)]
async fn unacknowledged_messages_are_limited() {
    let (publisher, _task, mut far) = accept(30).await;
    let reader = tokio::spawn(async move {
        let mut bytes = [0; 900];
        far.read_exact(&mut bytes).await.unwrap();
        far
    });
    let waiting: Vec<_> = (0..100).map(|_| publish(&publisher, Quality::AtLeastOnce)).collect();
    sleep(Duration::from_secs(1)).await;
    assert!(waiting.iter().all(|published| !published.is_finished()));
    let over = publish(&publisher, Quality::AtLeastOnce).await.unwrap();
    assert_eq!(over, Err(PublishError::TooManyInFlight));
    let mut far = reader.await.unwrap();
    far.write_all(&[0x40, 2, 0, 1]).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let next = publish(&publisher, Quality::AtLeastOnce);
    sleep(Duration::from_secs(1)).await;
    assert!(!next.is_finished());
}

#[tokio::test(start_paused = true)]
async fn message_over_128_kib_is_refused() {
    let (publisher, _task, mut far) = accept(30).await;
    let reader = tokio::spawn(async move {
        far.read_exact(&mut vec![0; 128 * 1024]).await.unwrap();
        far
    });
    // Type, remaining length, length of the topic, topic, packet id.
    let largest = 128 * 1024 - (1 + 3 + 2 + 1 + 2);
    let over = publisher.publish(message(&vec![0; largest + 1]), Quality::AtLeastOnce).await;
    assert_eq!(over, Err(PublishError::TooLarge));
    let fits =
        tokio::spawn(
            async move { publisher.publish(message(&vec![0; largest]), Quality::AtLeastOnce).await },
        );
    let _far = reader.await.unwrap();
    assert!(!fits.is_finished());
}

#[tokio::test(start_paused = true)]
async fn puback_of_another_message_closes() {
    let (_publisher, task, mut far) = accept(30).await;
    far.write_all(&[0x40, 2, 0, 9]).await.unwrap();
    assert!(matches!(task.await.unwrap(), Closed::Protocol(_)));
}

#[tokio::test(start_paused = true)]
async fn ping_is_answered() {
    let (_publisher, _task, mut far) = accept(30).await;
    far.write_all(&PINGREQ).await.unwrap();
    assert_eq!(read(&mut far).await, PINGRESP);
}

async fn silence_ends_after(keep_alive_s: u16, expected_s: u64) {
    let (_publisher, task, _far) = accept(keep_alive_s).await;
    let started = Instant::now();
    assert_eq!(task.await.unwrap(), Closed::KeepAliveTimeout);
    assert_eq!(started.elapsed().as_secs(), expected_s);
}

#[tokio::test(start_paused = true)]
async fn silent_client_ends_after_one_and_a_half_keep_alives() {
    silence_ends_after(40, 60).await;
}

#[tokio::test(start_paused = true)]
async fn keep_alive_is_between_30_and_1200_seconds() {
    silence_ends_after(1, 45).await;
    silence_ends_after(0, 1800).await;
    silence_ends_after(u16::MAX, 1800).await;
}

#[tokio::test(start_paused = true)]
async fn pings_keep_the_connection() {
    let (_publisher, task, mut far) = accept(30).await;
    for _ in 0..10 {
        sleep(Duration::from_secs(44)).await;
        far.write_all(&PINGREQ).await.unwrap();
        assert_eq!(read(&mut far).await, PINGRESP);
    }
    assert!(!task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn disconnect_is_distinguished_from_a_lost_connection() {
    let (_publisher, task, mut far) = accept(30).await;
    far.write_all(&DISCONNECT).await.unwrap();
    drop(far);
    assert_eq!(task.await.unwrap(), Closed::Disconnect);
}

#[tokio::test(start_paused = true)]
async fn subscription_fails_and_the_connection_stays() {
    let (_publisher, task, mut far) = accept(30).await;
    far.write_all(&[0x82, 6, 0, 1, 0, 1, b't', 1]).await.unwrap();
    assert_eq!(read(&mut far).await, [0x90, 3, 0, 1, 0x80]);
    assert!(!task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn publication_of_a_client_closes() {
    let (_publisher, task, mut far) = accept(30).await;
    far.write_all(&[0x30, 3, 0, 1, b't']).await.unwrap();
    assert!(matches!(task.await.unwrap(), Closed::Protocol(_)));
}

#[tokio::test(start_paused = true)]
async fn second_connect_closes() {
    let (_publisher, task, mut far) = accept(30).await;
    far.write_all(&connect_packet(30)).await.unwrap();
    assert!(matches!(task.await.unwrap(), Closed::Protocol(_)));
}

#[tokio::test(start_paused = true)]
async fn client_that_does_not_read_answers_is_not_read() {
    let (_publisher, _task, mut far) = accept(30).await;
    // 1 MiB of pings would become 1 MiB of answers.
    let flood = PINGREQ.repeat(512 * 1024);
    assert!(timeout(Duration::from_secs(5), far.write_all(&flood)).await.is_err());
}
