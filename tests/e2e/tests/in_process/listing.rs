//! The list of runtimes: complete, in pages that Lambda can return, in time, on a table that processes batches in parts; and
//! listings that heartbeats keep from TTL.

mod batches;
mod corrupt;
mod fixtures;
mod pages;
mod renewal;
mod slow;
