//! The push channel: one MQTT connection for all runtimes, on which the server says that a runtime was asked.
//!
//! | module | content |
//! |---|---|
//! | [`address`] | the checked URL of the channel |
//! | [`offer`] | what a registration offers |
//! | [`connect`] | TCP, proxy and TLS to it |
//! | [`connection`] | the task that keeps the connection and receives its messages |
//! | [`inbox`] | what the task tells the heartbeats |
//! | [`hints`] | when a hint is followed by a heartbeat |
//! | [`backoff`] | the waits between tries |
//! | [`status`] | the state of the channel for users |
//! | [`takeover`] | another process with the same daemon id |

mod address;
pub(crate) mod backoff;
mod connect;
pub(crate) mod connection;
pub(crate) mod hints;
pub(crate) mod inbox;
pub(crate) mod offer;
mod status;
mod takeover;

pub use address::{InvalidPushUrl, PushAddress};
pub use connect::{Dial, Network, Stream};
pub use status::{FallbackReason, PushStatus};
