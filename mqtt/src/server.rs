//! The server role: accepts or refuses a CONNECT, then sends direct messages to the client.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use mqtt_protocol_core::mqtt::packet::{Packet, Qos, v3_1_1};
use mqtt_protocol_core::mqtt::result_code::{ConnectReturnCode, MqttError, SubackReturnCode};
use mqtt_protocol_core::mqtt::role;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::closed::Closed;
use crate::driver::{Driver, MAX_PACKET_BYTES};
use crate::message::Message;
use crate::refusal::Refusal;

/// From the first byte of a connection to its CONNECT.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// "AWS IoT Core message broker and protocol limits and quotas", as are the keep-alive limits: unacknowledged messages.
const MAX_IN_FLIGHT: usize = 100;
/// A shorter keep-alive counts as this one.
const MIN_KEEP_ALIVE: Duration = Duration::from_secs(30);
/// A longer keep-alive, and one of 0, which means none, count as this one.
const MAX_KEEP_ALIVE: Duration = Duration::from_secs(1200);

/// Of a PUBLISH, at most: type, remaining length (3 bytes below 2 MiB), length of the topic, packet id.
const HEADER_BYTES: usize = 1 + 3 + 2 + 2;

/// Publications that wait for the connection to write.
const WAITING_PUBLICATIONS: usize = 16;

/// A CONNECT that waits for [`Incoming::accept`] or [`Incoming::refuse`].
pub struct Incoming<S> {
    driver: Driver<role::Server, S>,
    request: ConnectRequest,
}

pub struct ConnectRequest {
    pub client_id: String,
    pub username: Option<String>,
    pub password: Option<Vec<u8>>,
    pub keep_alive: Duration,
}

/// Without the password.
impl fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectRequest")
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("keep_alive", &self.keep_alive)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum IncomingError {
    #[error("no CONNECT within {} s", CONNECT_TIMEOUT.as_secs())]
    Timeout,
    #[error(transparent)]
    Closed(Closed),
}

impl<S: AsyncRead + AsyncWrite> Incoming<S> {
    /// Reads the CONNECT. A malformed one, and one of another protocol version, is refused.
    pub async fn read(stream: S) -> Result<Self, IncomingError> {
        let mut driver = Driver::new(stream);
        driver.protocol().set_auto_ping_response(true);
        let packet = timeout(CONNECT_TIMEOUT, driver.next(true)).await.map_err(|_| IncomingError::Timeout)?;
        match packet {
            Ok(Packet::V3_1_1Connect(packet)) => {
                let request = ConnectRequest {
                    client_id: packet.client_id().to_owned(),
                    username: packet.user_name().map(str::to_owned),
                    password: packet.password().map(<[u8]>::to_vec),
                    keep_alive: Duration::from_secs(packet.keep_alive().into()),
                };
                Ok(Self { driver, request })
            }
            Ok(packet) => Err(IncomingError::Closed(unexpected(&packet))),
            Err(closed) => {
                driver.finish().await;
                Err(IncomingError::Closed(closed))
            }
        }
    }

    pub fn request(&self) -> &ConnectRequest {
        &self.request
    }

    /// Answers with a return code and closes the stream.
    pub async fn refuse(mut self, refusal: Refusal) {
        self.driver.send(connack(refusal.into()));
        self.driver.finish().await;
    }

    pub fn accept(mut self) -> (Publisher, Session<S>) {
        self.driver.send(connack(ConnectReturnCode::Accepted));
        let keep_alive = match self.request.keep_alive {
            Duration::ZERO => MAX_KEEP_ALIVE,
            keep_alive => keep_alive.clamp(MIN_KEEP_ALIVE, MAX_KEEP_ALIVE),
        };
        // MQTT 3.1.1, section 3.1.2.10.
        self.driver.limit_silence(keep_alive * 3 / 2);
        let (sender, publications) = mpsc::channel(WAITING_PUBLICATIONS);
        let session = Session { driver: self.driver, publications, in_flight: HashMap::new() };
        (Publisher(sender), session)
    }
}

/// Sends messages to the client of a [`Session`].
#[derive(Clone)]
pub struct Publisher(mpsc::Sender<Publication>);

struct Publication {
    message: Message,
    quality: Quality,
    result: oneshot::Sender<Result<(), PublishError>>,
}

/// The quality of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// QoS 0: published when the session has taken the message.
    AtMostOnce,
    /// QoS 1: published when the client has acknowledged the message.
    AtLeastOnce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("the connection is closed")]
    Closed,
    #[error("{MAX_IN_FLIGHT} messages are not acknowledged yet")]
    TooManyInFlight,
    #[error("the message has more than {MAX_PACKET_BYTES} bytes")]
    TooLarge,
    #[error("the topic is invalid")]
    InvalidTopic,
}

impl Publisher {
    /// Waits for the acknowledgement without a limit. Cancelling does not recall the message.
    pub async fn publish(&self, message: Message, quality: Quality) -> Result<(), PublishError> {
        let (result, published) = oneshot::channel();
        let publication = Publication { message, quality, result };
        self.0.send(publication).await.map_err(|_| PublishError::Closed)?;
        published.await.unwrap_or(Err(PublishError::Closed))
    }
}

/// An accepted connection, which works while [`Session::run`] is polled. Dropping it closes the stream.
pub struct Session<S> {
    driver: Driver<role::Server, S>,
    publications: mpsc::Receiver<Publication>,
    in_flight: HashMap<u16, oneshot::Sender<Result<(), PublishError>>>,
}

impl<S: AsyncRead + AsyncWrite> Session<S> {
    /// Returns when the connection has ended.
    pub async fn run(mut self) -> Closed {
        loop {
            let can_send = self.driver.can_send();
            tokio::select! {
                Some(publication) = self.publications.recv(), if can_send => self.publish(publication),
                packet = self.driver.next(true) => match packet {
                    Ok(packet) => self.receive(packet),
                    Err(closed) => return closed,
                },
            }
        }
    }

    fn publish(&mut self, Publication { message, quality, result }: Publication) {
        let outcome = match quality {
            Quality::AtMostOnce => {
                encode(message, Qos::AtMostOnce, None).map(|packet| self.driver.send(Ok(packet)))
            }
            Quality::AtLeastOnce => match self.send_acknowledged(message) {
                Ok(packet_id) => {
                    self.in_flight.insert(packet_id, result);
                    return;
                }
                Err(error) => Err(error),
            },
        };
        // The caller of a cancelled publication does not wait for its result.
        let _ = result.send(outcome);
    }

    fn send_acknowledged(&mut self, message: Message) -> Result<u16, PublishError> {
        if self.in_flight.len() >= MAX_IN_FLIGHT {
            return Err(PublishError::TooManyInFlight);
        }
        let packet_id =
            self.driver.protocol().acquire_packet_id().map_err(|_| PublishError::TooManyInFlight)?;
        let packet = encode(message, Qos::AtLeastOnce, Some(packet_id));
        match packet {
            Ok(packet) => self.driver.send(Ok(packet)),
            Err(error) => {
                self.driver.protocol().release_packet_id(packet_id);
                return Err(error);
            }
        }
        Ok(packet_id)
    }

    fn receive(&mut self, packet: Packet) {
        match packet {
            Packet::V3_1_1Puback(packet) => {
                if let Some(result) = self.in_flight.remove(&packet.packet_id()) {
                    let _ = result.send(Ok(()));
                }
            }
            // The driver has answered it.
            Packet::V3_1_1Pingreq(_) => {}
            Packet::V3_1_1Subscribe(packet) => {
                let codes = vec![SubackReturnCode::Failure; packet.entries().len()];
                let answer =
                    v3_1_1::Suback::builder().packet_id(packet.packet_id()).return_codes(codes).build();
                self.driver.send(answer);
            }
            Packet::V3_1_1Unsubscribe(packet) => {
                self.driver.send(v3_1_1::Unsuback::builder().packet_id(packet.packet_id()).build());
            }
            Packet::V3_1_1Disconnect(_) => self.driver.close(Closed::Disconnect),
            packet => self.driver.close(unexpected(&packet)),
        }
    }
}

fn connack(code: ConnectReturnCode) -> Result<v3_1_1::Connack, MqttError> {
    v3_1_1::Connack::builder().session_present(false).return_code(code).build()
}

fn encode(message: Message, qos: Qos, packet_id: Option<u16>) -> Result<v3_1_1::Publish, PublishError> {
    if HEADER_BYTES + message.topic.len() + message.payload.len() > MAX_PACKET_BYTES as usize {
        return Err(PublishError::TooLarge);
    }
    let mut builder = v3_1_1::Publish::builder()
        .topic_name(message.topic)
        .map_err(|_| PublishError::InvalidTopic)?
        .qos(qos)
        .payload(message.payload);
    if let Some(packet_id) = packet_id {
        builder = builder.packet_id(packet_id);
    }
    builder.build().map_err(|_| PublishError::InvalidTopic)
}

fn unexpected(packet: &Packet) -> Closed {
    Closed::Protocol(format!("unexpected {}", packet.packet_type()))
}
