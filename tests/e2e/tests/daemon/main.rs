//! The daemon against a server that answers from a script: what it sends, when, and what it makes of the answers.

// With this, clippy allows the helpers what it allows the tests.
#![cfg(test)]

mod answers;
mod api;
mod beats;
mod registration;
mod reports;
mod stopping;
mod support;
mod troubles;
