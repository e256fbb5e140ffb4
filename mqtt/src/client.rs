//! The client role. A task keeps the connection alive while the program does other work.

use std::fmt;
use std::io;
use std::time::Duration;

use mqtt_protocol_core::mqtt::packet::{Packet, Qos, v3_1_1};
use mqtt_protocol_core::mqtt::result_code::ConnectReturnCode;
use mqtt_protocol_core::mqtt::role;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::closed::Closed;
use crate::driver::Driver;
use crate::message::Message;
use crate::refusal::Refusal;

/// From CONNECT to CONNACK. IoT Core waits up to 5 s for its custom authorizer.
const CONNACK_TIMEOUT: Duration = Duration::from_secs(10);

/// Messages that wait for [`Client::recv`]. With more the connection is not read, so that the server's writes wait.
const WAITING_MESSAGES: usize = 16;

pub struct Connect {
    pub client_id: String,
    pub username: String,
    pub password: String,
    /// A ping follows every interval without a packet to the server. Whole seconds, 1 to 65,535.
    pub keep_alive: Duration,
    /// From a ping to its answer.
    pub pingresp_timeout: Duration,
}

/// Without the password.
impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("keep_alive", &self.keep_alive)
            .field("pingresp_timeout", &self.pingresp_timeout)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the server refused the connection: {0}")]
    Refused(Refusal),
    /// Also when the server closes instead of answering.
    #[error("the connection failed: {0}")]
    Io(io::Error),
    #[error("the server did not answer within {} s", CONNACK_TIMEOUT.as_secs())]
    Timeout,
    #[error("the server violated the protocol: {0}")]
    Protocol(String),
}

/// A connection that was accepted. Dropping it closes the stream without a DISCONNECT.
pub struct Client {
    messages: mpsc::Receiver<Received>,
    /// Unbounded, but at most one acknowledgement for each message that was received.
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<Closed>,
    closed: Option<Closed>,
}

struct Received {
    message: Message,
    /// Set with QoS 1.
    packet_id: Option<u16>,
}

enum Command {
    Acknowledge(u16),
    Disconnect,
}

impl Client {
    pub async fn connect<S>(stream: S, connect: Connect) -> Result<Self, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let mut driver = Driver::new(stream);
        timeout(CONNACK_TIMEOUT, handshake(&mut driver, connect))
            .await
            .map_err(|_| ConnectError::Timeout)??;
        let (message_sender, messages) = mpsc::channel(WAITING_MESSAGES);
        let (commands, command_receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(run(driver, message_sender, command_receiver));
        Ok(Self { messages, commands, task, closed: None })
    }

    /// The next message. QoS 1 is acknowledged when this returns it, not when it arrives, so an acknowledgement means that the
    /// program is working. Cancelling the call loses nothing. After the end every call returns the reason.
    pub async fn recv(&mut self) -> Result<Message, Closed> {
        if let Some(Received { message, packet_id }) = self.messages.recv().await {
            if let Some(packet_id) = packet_id {
                // Fails on a closed connection, which the next call reports.
                let _ = self.commands.send(Command::Acknowledge(packet_id));
            }
            return Ok(message);
        }
        if self.closed.is_none() {
            // The task fails only when the runtime shuts down.
            self.closed = Some((&mut self.task).await.unwrap_or(Closed::Local));
        }
        Err(self.closed.clone().unwrap_or(Closed::Local))
    }

    /// Sends DISCONNECT and closes the stream. Takes at most 1 s.
    pub async fn disconnect(self) {
        let Self { messages, commands, task, closed } = self;
        drop(messages);
        if closed.is_none() && commands.send(Command::Disconnect).is_ok() {
            let _ = task.await;
        }
    }
}

async fn handshake<S>(driver: &mut Driver<role::Client, S>, connect: Connect) -> Result<(), ConnectError>
where
    S: AsyncRead + AsyncWrite,
{
    let milliseconds = u64::try_from(connect.pingresp_timeout.as_millis()).unwrap_or(u64::MAX);
    driver.protocol().set_pingresp_recv_timeout(milliseconds);
    let packet = v3_1_1::Connect::builder()
        .clean_session(true)
        .keep_alive(u16::try_from(connect.keep_alive.as_secs()).unwrap_or(u16::MAX).max(1))
        .client_id(connect.client_id)
        .and_then(|packet| packet.user_name(connect.username))
        .and_then(|packet| packet.password(connect.password.as_str()))
        .and_then(|packet| packet.build());
    driver.send(packet);
    match driver.next(true).await {
        Ok(Packet::V3_1_1Connack(packet)) => match packet.return_code() {
            ConnectReturnCode::Accepted => Ok(()),
            code => Err(ConnectError::Refused(code.into())),
        },
        Ok(packet) => Err(ConnectError::Protocol(format!("{} before CONNACK", packet.packet_type()))),
        Err(Closed::Io(kind)) => Err(ConnectError::Io(kind.into())),
        Err(Closed::Protocol(error)) => Err(ConnectError::Protocol(error)),
        Err(_) => Err(ConnectError::Io(io::ErrorKind::UnexpectedEof.into())),
    }
}

async fn run<S>(
    mut driver: Driver<role::Client, S>,
    messages: mpsc::Sender<Received>,
    mut commands: mpsc::UnboundedReceiver<Command>,
) -> Closed
where
    S: AsyncRead + AsyncWrite,
{
    let mut waiting = None;
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Acknowledge(packet_id)) => {
                    driver.send(v3_1_1::Puback::builder().packet_id(packet_id).build());
                }
                Some(Command::Disconnect) => {
                    driver.send(v3_1_1::Disconnect::builder().build());
                    driver.finish().await;
                    return Closed::Local;
                }
                // The handle was dropped. Its last acknowledgement may not be written yet.
                None => {
                    driver.finish().await;
                    return Closed::Local;
                }
            },
            permit = messages.reserve(), if waiting.is_some() => {
                if let (Ok(permit), Some(received)) = (permit, waiting.take()) {
                    permit.send(received);
                }
            }
            packet = driver.next(waiting.is_none()) => match packet {
                Ok(Packet::V3_1_1Publish(packet)) if packet.qos() != Qos::ExactlyOnce => {
                    waiting = Some(Received {
                        message: Message {
                            topic: packet.topic_name().to_owned(),
                            payload: packet.payload().as_slice().to_owned(),
                        },
                        packet_id: packet.packet_id(),
                    });
                }
                Ok(Packet::V3_1_1Pingresp(_)) => {}
                Ok(packet) => driver.close(Closed::Protocol(format!("unexpected {}", packet.packet_type()))),
                Err(closed) => return closed,
            },
        }
    }
}
