//! HTTP client of the Doorbell API, for the daemon and the command `doorbell`.

#![warn(missing_docs)]

mod api;
mod ask;
mod base_url;
mod error;
mod link;
mod runtimes;

pub use api::{Api, RESPONSE_BYTES, TIMEOUT, http_client};
pub use ask::{AskError, CompletedRequest, POLL_INTERVAL, Timing, ask};
pub use error::ClientError;
pub use runtimes::{forget, runtimes};
