//! The daemon and the API client against a scripted server, in virtual time.

#![cfg(test)]

mod client;
mod failures;
mod fixtures;
mod heartbeats;
mod registration;
mod reports;
mod shutdown;
mod user_client;
mod work;
