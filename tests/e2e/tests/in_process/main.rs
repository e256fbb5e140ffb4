//! The suites that start no process: functions, stores, daemon and client in this one, mostly in virtual time; and what the files of the
//! repository promise. One binary, so that what they link is compiled and linked once.
//!
//! `cargo test --test in_process isolation::` runs one suite. docs/testing.md lists them.

#![cfg(test)]

mod conformance;
mod contract;
mod cost;
mod daemon;
mod events;
mod faults;
mod fuzz_events;
mod heartbeats;
mod history;
mod isolation;
mod limits;
mod listing;
mod logs;
mod new_kind;
mod oidc;
mod openapi;
mod packaging;
mod push_functions;
mod redelivery;
mod replay;
mod store_faults;
mod template;
mod wait;
