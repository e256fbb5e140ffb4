//! The suites that start the command as a process.
//!
//! `cargo test --test processes commands::` runs one suite. All others are ignored by default: they take minutes, or need programs that
//! are installed. docs/testing.md lists them.

#![cfg(test)]

mod commands;
mod kill;
mod overload;
mod push_outages;
mod real_agents;
#[path = "../support/mod.rs"]
mod support;
