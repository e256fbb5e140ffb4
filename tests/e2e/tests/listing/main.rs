//! Listings that heartbeats keep from TTL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod renewal;
