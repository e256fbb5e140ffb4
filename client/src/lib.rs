//! HTTP client of the Doorbell API, for the daemon and the command `doorbell`.

#![warn(missing_docs)]

mod api;
mod ask;
mod base_url;
mod clock;
mod enrolment;
mod error;
mod fleet;
mod link;
mod requests;
mod runtimes;
mod tokens;
mod wait;

pub use api::{Api, RESPONSE_BYTES, TIMEOUT, http_client};
pub use ask::{AskError, CompletedRequest, POLL_INTERVAL, Timing, ask};
pub use enrolment::{enrol, redeem};
pub use error::{CallError, ClientError};
pub use fleet::{FLEET_CALLS, Fleet, FleetOutcome, cancel_on_any};
pub use requests::{AskOptions, cancel, poll, running_deadline, submit};
pub use runtimes::{forget, runtimes};
pub use tokens::{issue_token, revoke_token, tokens};
pub use wait::wait_for_end;
