//! Test support: the API in this process with a virtual clock, a deployed stack, fixtures, and the contract suite.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod api;
pub mod catalog;
pub mod client;
pub mod clock;
pub mod contract;
pub mod cost;
pub mod event;
pub mod interceptor;
pub mod issuer;
pub mod lambda;
pub mod log;
pub mod network;
pub mod push;
pub mod ring_burst;
pub mod scripted_server;
pub mod seed;
pub mod stack;

pub use api::TestApi;
pub use client::{ApiResponse, Caller, Client, new_daemon_id};
pub use clock::{TestClock, VirtualClock};
