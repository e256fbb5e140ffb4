//! A lost message costs time, not the answer.
#![cfg(test)]

mod daemons;
mod over_http;
mod world;
