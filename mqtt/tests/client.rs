//! The client against a server of raw bytes, so that both sides cannot share an error.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "measures virtual time")]

use std::time::Duration;

use doorbell_mqtt::{Client, Closed, Connect, ConnectError, Refusal};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep, timeout};

const ACCEPTED: [u8; 4] = [0x20, 2, 0, 0];
const PINGREQ: [u8; 2] = [0xC0, 0];
const PINGRESP: [u8; 2] = [0xD0, 0];
const DISCONNECT: [u8; 2] = [0xE0, 0];
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const PINGRESP_TIMEOUT: Duration = Duration::from_secs(10);

fn options() -> Connect {
    Connect {
        client_id: "c".to_owned(),
        username: "u".to_owned(),
        password: "secret".to_owned(),
        keep_alive: KEEP_ALIVE,
        pingresp_timeout: PINGRESP_TIMEOUT,
    }
}

/// CONNECT of [`options`]: protocol MQTT, level 4; user name, password, clean session; keep-alive 30 s.
fn connect_packet() -> Vec<u8> {
    let mut packet = vec![0x10, 24, 0, 4, b'M', b'Q', b'T', b'T', 4, 0b1100_0010, 0, 30];
    packet.extend([0, 1, b'c', 0, 1, b'u', 0, 6]);
    packet.extend(b"secret");
    packet
}

fn publish_packet(qos: u8, packet_id: u8, payload: &[u8]) -> Vec<u8> {
    let id: &[u8] = if qos == 0 { &[] } else { &[0, packet_id] };
    let length = u8::try_from(3 + id.len() + payload.len()).unwrap();
    [&[0x30 | qos << 1, length, 0, 1, b't'], id, payload].concat()
}

async fn read<const N: usize>(stream: &mut DuplexStream) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

async fn connect() -> (Client, DuplexStream) {
    connect_with(options()).await
}

async fn connect_with(options: Connect) -> (Client, DuplexStream) {
    let (near, mut far) = duplex(1024);
    let server = async {
        read::<26>(&mut far).await;
        far.write_all(&ACCEPTED).await.unwrap();
    };
    let (client, ()) = tokio::join!(Client::connect(near, options), server);
    (client.unwrap(), far)
}

/// Virtual time would pass for ever if the connection did not end.
async fn end(client: &mut Client) -> Closed {
    timeout(Duration::from_secs(3600), client.recv()).await.unwrap().unwrap_err()
}

async fn connect_error(answer: &'static [u8]) -> ConnectError {
    let (near, mut far) = duplex(1024);
    let server = async move {
        read::<26>(&mut far).await;
        far.write_all(answer).await.unwrap();
    };
    let (client, ()) = tokio::join!(Client::connect(near, options()), server);
    client.err().unwrap()
}

#[tokio::test(start_paused = true)]
async fn connect_sends_credentials_and_keep_alive() {
    let (near, mut far) = duplex(1024);
    let client = tokio::spawn(Client::connect(near, options()));
    assert_eq!(read::<26>(&mut far).await.to_vec(), connect_packet());
    client.abort();
}

#[tokio::test(start_paused = true)]
async fn refusal_is_reported_with_its_code() {
    let error = connect_error(&[0x20, 2, 0, 5]).await;
    assert!(matches!(error, ConnectError::Refused(Refusal::NotAuthorized)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn close_before_connack_is_an_io_error() {
    let error = connect_error(&[]).await;
    assert!(matches!(error, ConnectError::Io(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn other_packet_than_connack_violates_the_protocol() {
    let error = connect_error(&PINGRESP).await;
    assert!(matches!(error, ConnectError::Protocol(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn silent_server_times_out() {
    let (near, _far) = duplex(1024);
    let started = Instant::now();
    let error = Client::connect(near, options()).await.err().unwrap();
    assert!(matches!(error, ConnectError::Timeout), "{error}");
    assert_eq!(started.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn message_is_acknowledged_only_when_received() {
    let (mut client, mut far) = connect().await;
    far.write_all(&publish_packet(1, 7, b"hi")).await.unwrap();
    assert!(timeout(Duration::from_secs(5), far.read_u8()).await.is_err(), "acknowledged too early");
    let message = client.recv().await.unwrap();
    assert_eq!((message.topic.as_str(), message.payload.as_slice()), ("t", &b"hi"[..]));
    assert_eq!(read(&mut far).await, [0x40, 2, 0, 7]);
}

#[tokio::test(start_paused = true)]
async fn message_without_quality_of_service_is_not_acknowledged() {
    let (mut client, mut far) = connect().await;
    far.write_all(&publish_packet(0, 0, b"hi")).await.unwrap();
    client.recv().await.unwrap();
    assert_eq!(read(&mut far).await, PINGREQ);
}

#[tokio::test(start_paused = true)]
async fn every_message_of_a_burst_arrives() {
    let (mut client, mut far) = connect().await;
    let burst: Vec<u8> = (0..100).flat_map(|n| publish_packet(0, 0, &[n])).collect();
    far.write_all(&burst).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    for n in 0..100 {
        assert_eq!(client.recv().await.unwrap().payload, [n]);
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_receive_loses_no_message() {
    let (mut client, mut far) = connect().await;
    let packet = publish_packet(1, 7, b"hi");
    for byte in packet {
        assert!(timeout(Duration::from_millis(1), client.recv()).await.is_err());
        far.write_all(&[byte]).await.unwrap();
    }
    assert_eq!(client.recv().await.unwrap().payload, b"hi");
}

#[tokio::test(start_paused = true)]
async fn messages_before_the_end_are_received() {
    let (mut client, mut far) = connect().await;
    let burst: Vec<u8> = (0..40).flat_map(|n| publish_packet(0, 0, &[n])).collect();
    far.write_all(&burst).await.unwrap();
    drop(far);
    sleep(Duration::from_secs(1)).await;
    for n in 0..40 {
        assert_eq!(client.recv().await.unwrap().payload, [n]);
    }
    assert_eq!(client.recv().await, Err(Closed::Lost));
}

#[tokio::test(start_paused = true)]
async fn messages_before_a_violation_are_received() {
    let (mut client, mut far) = connect().await;
    let messages = [publish_packet(0, 0, b"a"), publish_packet(0, 0, b"b")].concat();
    far.write_all(&[&messages[..], &[0x10, 0]].concat()).await.unwrap();
    assert_eq!(client.recv().await.unwrap().payload, b"a");
    assert_eq!(client.recv().await.unwrap().payload, b"b");
    assert!(matches!(client.recv().await, Err(Closed::Protocol(_))));
}

#[tokio::test(start_paused = true)]
async fn client_pings_after_the_keep_alive() {
    let (_client, mut far) = connect().await;
    let started = Instant::now();
    for ping in 1..=3 {
        assert_eq!(read(&mut far).await, PINGREQ);
        assert_eq!(started.elapsed().as_secs(), ping * KEEP_ALIVE.as_secs());
        far.write_all(&PINGRESP).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn missing_ping_answer_ends_the_connection() {
    let (mut client, _far) = connect().await;
    let started = Instant::now();
    assert_eq!(end(&mut client).await, Closed::PingTimeout);
    assert_eq!(started.elapsed().as_secs(), (KEEP_ALIVE + PINGRESP_TIMEOUT).as_secs());
}

#[tokio::test(start_paused = true)]
async fn missing_ping_answer_is_noticed_with_a_short_keep_alive() {
    let keep_alive = Duration::from_secs(2);
    let (mut client, _far) = connect_with(Connect { keep_alive, ..options() }).await;
    let started = Instant::now();
    assert_eq!(end(&mut client).await, Closed::PingTimeout);
    assert_eq!(started.elapsed().as_secs(), (keep_alive + PINGRESP_TIMEOUT).as_secs());
}

#[tokio::test(start_paused = true)]
async fn server_that_reads_nothing_is_noticed() {
    let (near, mut far) = duplex(32);
    let server = async {
        read::<26>(&mut far).await;
        // 32 bytes of acknowledgements fill the pipe, so that the ping cannot be written.
        far.write_all(&ACCEPTED).await.unwrap();
        for id in 1..=9 {
            far.write_all(&publish_packet(1, id, b"")).await.unwrap();
        }
        far
    };
    let (client, _far) = tokio::join!(Client::connect(near, options()), server);
    let mut client = client.unwrap();
    for _ in 1..=9 {
        client.recv().await.unwrap();
    }
    assert_eq!(end(&mut client).await, Closed::PingTimeout);
}

#[tokio::test(start_paused = true)]
async fn end_is_reported_by_every_call() {
    let (mut client, far) = connect().await;
    drop(far);
    assert_eq!(client.recv().await, Err(Closed::Lost));
    assert_eq!(client.recv().await, Err(Closed::Lost));
}

#[tokio::test(start_paused = true)]
async fn packet_over_128_kib_ends_the_connection() {
    let (mut client, mut far) = connect().await;
    // Remaining length 131,072, the smallest that makes the packet too large whatever its header.
    far.write_all(&[0x30, 0x80, 0x80, 0x08]).await.unwrap();
    assert_eq!(client.recv().await, Err(Closed::Protocol("PacketTooLarge".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn quality_of_service_2_violates_the_protocol() {
    let (mut client, mut far) = connect().await;
    far.write_all(&publish_packet(2, 7, b"hi")).await.unwrap();
    assert!(matches!(client.recv().await, Err(Closed::Protocol(_))));
}

#[tokio::test(start_paused = true)]
async fn disconnect_sends_the_packet_and_closes() {
    let (client, mut far) = connect().await;
    client.disconnect().await;
    let mut rest = Vec::new();
    far.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, DISCONNECT);
}

#[tokio::test(start_paused = true)]
async fn dropped_client_closes_without_disconnect() {
    let (client, mut far) = connect().await;
    drop(client);
    let mut rest = Vec::new();
    far.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test(start_paused = true)]
async fn message_taken_before_the_drop_is_acknowledged() {
    // The order of the client's steps is random.
    for _ in 0..20 {
        let (mut client, mut far) = connect().await;
        far.write_all(&publish_packet(1, 7, b"hi")).await.unwrap();
        client.recv().await.unwrap();
        drop(client);
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, [0x40, 2, 0, 7]);
    }
}

#[test]
fn debug_output_hides_the_password() {
    assert!(!format!("{:?}", options()).contains("secret"));
}
