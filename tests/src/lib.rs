//! What the suites stand on: the API served in this process, with a clock that tests set.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a suite fails by panicking")]

pub mod api;
pub mod clock;
pub mod embedded;
pub mod event;
pub mod issuer;
pub mod log;

pub use api::{Answer, Caller, TestApi};
pub use clock::TestClock;
