//! The list of runtimes: complete, in pages that Lambda can return, in time; and listings that heartbeats keep from TTL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixtures;
mod pages;
mod renewal;
mod slow;
