//! Connects the protocol's state machine to a stream and timers.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::time::Duration;

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Event, Sendable, TimerKind};
use mqtt_protocol_core::mqtt::packet::{Packet, prelude::GenericPacketTrait};
use mqtt_protocol_core::mqtt::result_code::MqttError;
use mqtt_protocol_core::mqtt::role::RoleType;
use mqtt_protocol_core::mqtt::{self, Version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::timeout;

use crate::closed::Closed;
use crate::timers::Timers;

/// "AWS IoT Core message broker and protocol limits and quotas": 128 KB for a CONNECT or the payload of a PUBLISH. The limit
/// here includes the header.
pub(crate) const MAX_PACKET_BYTES: u32 = 128 * 1024;

/// A hint has less than 100 bytes.
const READ_BYTES: usize = 4 * 1024;

/// With this much unsent the driver neither reads nor accepts a publication, so a peer that sends pings without reading the
/// answers uses no more memory.
const UNSENT_BYTES: usize = 64 * 1024;

/// For the last packet of a connection, on a stream whose peer may not read.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct Driver<R: RoleType, S> {
    protocol: mqtt::Connection<R>,
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    input: Box<[u8; READ_BYTES]>,
    output: Vec<u8>,
    /// A TLS stream may keep written bytes until it is flushed.
    unflushed: bool,
    timers: Timers,
    /// The longest silence of the peer. `None` until a server has accepted the connection, and in clients.
    silence_limit: Option<Duration>,
    received: VecDeque<Packet>,
    closed: Option<Closed>,
}

impl<R: RoleType, S: AsyncRead + AsyncWrite> Driver<R, S> {
    pub(crate) fn new(stream: S) -> Self {
        let (reader, writer) = split(stream);
        let options = ConnectionOptions::new().maximum_packet_size_recv(MAX_PACKET_BYTES);
        Self {
            protocol: mqtt::Connection::with_options(Version::V3_1_1, options),
            reader,
            writer,
            input: Box::new([0; READ_BYTES]),
            output: Vec::new(),
            unflushed: false,
            timers: Timers::default(),
            silence_limit: None,
            received: VecDeque::new(),
            closed: None,
        }
    }

    pub(crate) fn protocol(&mut self) -> &mut mqtt::Connection<R> {
        &mut self.protocol
    }

    /// Appends a packet to the output. Has no effect on a closed connection.
    pub(crate) fn send<P: Sendable<R, u16>>(&mut self, packet: Result<P, MqttError>) {
        if self.closed.is_some() {
            return;
        }
        match packet {
            Ok(packet) => {
                let events = self.protocol.checked_send(packet);
                self.apply(events, &Closed::Local);
            }
            Err(error) => self.close(protocol_error(error)),
        }
    }

    pub(crate) fn close(&mut self, reason: Closed) {
        self.closed.get_or_insert(reason);
    }

    /// From now on the connection ends when the peer sends no packet for this long.
    pub(crate) fn limit_silence(&mut self, limit: Duration) {
        self.silence_limit = Some(limit);
        self.timers.start(TimerKind::PingreqRecv, limit);
    }

    pub(crate) fn can_send(&self) -> bool {
        self.output.len() < UNSENT_BYTES
    }

    /// Returns the next packet, then the reason of the end. Until then it does the connection's reading, writing and timers. With
    /// `read` unset it only writes and keeps timers, and never returns. Cancelling it loses nothing.
    pub(crate) async fn next(&mut self, read: bool) -> Result<Packet, Closed> {
        loop {
            if !read {
                if self.closed.is_some() {
                    return pending().await;
                }
            } else if let Some(packet) = self.received.pop_front() {
                return Ok(packet);
            } else if let Some(closed) = &self.closed {
                return Err(closed.clone());
            }
            self.turn(read).await;
        }
    }

    /// Sends what is left of the output, then closes the stream.
    pub(crate) async fn finish(mut self) {
        let _ = timeout(FINISH_TIMEOUT, async {
            self.writer.write_all(&self.output).await?;
            self.writer.shutdown().await
        })
        .await;
    }

    /// One read, write or timer.
    async fn turn(&mut self, read: bool) {
        let read = read && self.can_send();
        let write = !self.output.is_empty() || self.unflushed;
        tokio::select! {
            count = self.reader.read(&mut self.input[..]), if read => self.on_read(count),
            count = write_or_flush(&mut self.writer, &self.output), if write => self.on_written(count),
            kind = self.timers.fired() => self.on_timer(kind),
        }
    }

    fn on_read(&mut self, count: io::Result<usize>) {
        let count = match count {
            Ok(0) => return self.close(Closed::Lost),
            Ok(count) => count,
            Err(error) => return self.close((&error).into()),
        };
        let mut position = 0;
        while position < count && self.closed.is_none() {
            let mut cursor = Cursor::new(&self.input[position..count]);
            // At most one packet.
            let events = self.protocol.recv(&mut cursor);
            position += usize::try_from(cursor.position()).unwrap_or(count);
            self.apply(events, &Closed::Local);
        }
    }

    fn on_written(&mut self, count: io::Result<usize>) {
        match count {
            // Nothing was left to write, so this was the flush.
            Ok(_) if self.output.is_empty() => self.unflushed = false,
            Ok(0) => self.close(Closed::Io(io::ErrorKind::WriteZero)),
            Ok(count) => {
                self.output.drain(..count);
                self.unflushed = true;
            }
            Err(error) => self.close((&error).into()),
        }
    }

    fn on_timer(&mut self, kind: TimerKind) {
        if kind == TimerKind::PingreqRecv {
            return self.close(Closed::KeepAliveTimeout);
        }
        let events = self.protocol.notify_timer_fired(kind);
        self.apply(events, &Closed::PingTimeout);
    }

    /// `requested` is the reason if the protocol requests the close without an error.
    fn apply(&mut self, events: Vec<Event>, requested: &Closed) {
        let mut close = None;
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    self.output.extend_from_slice(&packet.to_continuous_buffer());
                }
                Event::NotifyPacketReceived(packet) => {
                    if let Some(limit) = self.silence_limit {
                        self.timers.start(TimerKind::PingreqRecv, limit);
                    }
                    self.received.push_back(packet);
                }
                // The server's limit on silence, which `silence_limit` replaces: the protocol has none for a keep-alive of 0.
                Event::RequestTimerReset { kind: TimerKind::PingreqRecv, .. }
                | Event::RequestTimerCancel(TimerKind::PingreqRecv) => {}
                // A further ping does not extend the time for the answer, or a keep-alive below it would extend it for ever.
                Event::RequestTimerReset { kind: TimerKind::PingrespRecv, .. }
                    if self.timers.runs(TimerKind::PingrespRecv) => {}
                Event::RequestTimerReset { kind, duration_ms } => {
                    self.timers.start(kind, Duration::from_millis(duration_ms));
                }
                Event::RequestTimerCancel(kind) => self.timers.cancel(kind),
                // Some errors come without a request to close, and some after one.
                Event::NotifyError(error) => close = Some(protocol_error(error)),
                Event::RequestClose => {
                    close.get_or_insert_with(|| requested.clone());
                }
                Event::NotifyPacketIdReleased(_) => {}
            }
        }
        if let Some(reason) = close {
            self.close(reason);
        }
    }
}

fn protocol_error(error: MqttError) -> Closed {
    Closed::Protocol(format!("{error:?}"))
}

async fn write_or_flush<W: AsyncWrite + Unpin>(writer: &mut W, output: &[u8]) -> io::Result<usize> {
    if output.is_empty() { writer.flush().await.map(|()| 0) } else { writer.write(output).await }
}
