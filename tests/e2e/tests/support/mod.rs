//! The command as a process, on a machine with an environment of its own.
//!
//! Every wait is for a condition and ends at [`TIMEOUT`]; no process outlives its test.

#![allow(dead_code, unreachable_pub, reason = "each suite uses a part of it")]

pub mod any_kind;
pub mod api;
pub mod dev;
pub mod machine;
pub mod process;
pub mod question_daemon;
pub mod records;
pub mod terminal;

use std::time::Duration;

/// No passing test waits for it.
pub const TIMEOUT: Duration = Duration::from_secs(60);

pub async fn with_timeout<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, future).await.unwrap_or_else(|_| panic!("timed out: {what}"))
}
