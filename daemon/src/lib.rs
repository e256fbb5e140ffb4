//! The daemon on a machine behind NAT: it registers agent programs as runtimes, sends heartbeats, works on the requests
//! that it claims, and reports the results.
//!
//! | module | content |
//! |---|---|
//! | [`agents`] | the agent programs of this machine: configured or found on `PATH` |
//! | [`sources`] | how to list the models of one agent program |
//! | [`questions`] | kinds of requests that the owner of the machine declares |
//! | [`skills`] | the local skills and MCP servers of an agent program |
//! | [`report`](mod@report) | reports with retries |
//! | [`push`] | the connection on which the server says that a runtime was asked |
//!
//! [`Daemon`] runs it all, and [`DaemonStatus`] shows how it fares. `examples/model_source.rs` adds an agent program in 20 lines.

#![warn(missing_docs)]

pub mod agents;
pub mod push;
pub mod questions;
pub mod report;
pub mod skills;
pub mod sources;

mod authorization;
mod batches;
mod claim;
mod clock;
mod control;
mod failure;
mod handlers;
mod heartbeat;
mod registered;
mod registration;
mod resume;
mod schedule;
mod session;
mod status;
mod supervisor;
mod worker;

pub use session::Settings;
pub use status::{Connection, DaemonStatus};
pub use supervisor::{Daemon, Stopped};
