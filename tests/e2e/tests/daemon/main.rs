//! The daemon and the API client against a scripted server, in virtual time.

#![cfg(test)]

mod client;
mod failures;
mod fixtures;
mod fleet;
mod heartbeats;
mod kinds;
mod progress;
mod push;
mod questions;
mod registration;
mod reports;
mod requests;
mod shutdown;
mod user_client;
mod work;
