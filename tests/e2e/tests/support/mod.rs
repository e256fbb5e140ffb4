//! The command as people run it: real processes, on machines that have what a test gives them and nothing else.
//!
//! Every wait is for a condition and has an end ([`LIMIT`]), and no process outlives its test.

#![allow(dead_code, unreachable_pub, reason = "each of the suites needs its own part of this")]

pub mod api;
pub mod dev;
pub mod machine;
pub mod process;
pub mod scripted;
pub mod terminal;

use std::time::Duration;

/// How long anything may take before a test gives up. No test waits for it when all is well.
pub const LIMIT: Duration = Duration::from_secs(60);

/// `future`, in time.
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
