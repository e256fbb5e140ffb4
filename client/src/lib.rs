//! HTTP client of the Doorbell API, for the daemon and the command `doorbell`.

#![warn(missing_docs)]

mod api;
mod ask;

pub use api::{Api, ClientError, TIMEOUT, http_client};
pub use ask::{AskError, CompletedRequest, POLL_INTERVAL, Timing, ask, runtimes};
