//! HTTP client of the Doorbell API, for the daemon and the command `doorbell`.

#![warn(missing_docs)]

mod api;
mod ask;
mod link;
mod runtimes;

pub use api::{Api, ClientError, RESPONSE_BYTES, TIMEOUT, http_client};
pub use ask::{AskError, CompletedRequest, POLL_INTERVAL, Timing, ask};
pub use runtimes::{forget, runtimes};
