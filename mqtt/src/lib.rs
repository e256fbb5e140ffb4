//! MQTT 3.1.1 over any tokio stream: [`Client`] for the daemon, [`Incoming`] and [`Session`] for the local broker.
//!
//! `mqtt-protocol-core` encodes, decodes and checks packets without I/O; [`driver`] gives it a stream and timers. Only direct
//! messages to a client are supported. Both roles use clean sessions, and neither QoS 2, retained messages nor wills.

mod client;
mod closed;
mod driver;
mod message;
mod refusal;
mod server;
mod timers;

pub use client::{Client, Connect, ConnectError};
pub use closed::Closed;
pub use message::Message;
pub use refusal::Refusal;
pub use server::{ConnectRequest, Incoming, IncomingError, PublishError, Publisher, Quality, Session};
