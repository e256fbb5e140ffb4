//! The list of runtimes: complete, in pages that Lambda can return, in time, on a table that processes batches in parts; and
//! listings that heartbeats keep from TTL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batches;
mod corrupt;
mod fixtures;
mod pages;
mod renewal;
mod slow;
