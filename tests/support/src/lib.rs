//! What the suites stand on: the API served in this process, with a clock that tests set, or a deployed stack.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

pub mod api;
pub mod catalog;
pub mod client;
pub mod clock;
pub mod contract;
pub mod embedded;
pub mod event;
pub mod filling;
pub mod issuer;
pub mod log;
pub mod metered;
pub mod network;
pub mod old_shape;
pub mod scripted_server;
pub mod stack;

pub use api::TestApi;
pub use client::{Answer, Caller, Client};
pub use clock::{TestClock, VirtualClock};
