//! The commands as processes: their output and exit codes.

#![cfg(test)]

mod support;

mod commands {
    mod agents;
    mod ask;
    mod ask_all;
    mod ask_dev;
    mod cancel;
    mod client;
    mod credentials;
    mod daemon;
    mod daemon_questions;
    mod data_file;
    mod demo;
    mod dev;
    mod emulator;
    mod enrol;
    mod enrolment;
    mod errors;
    mod functions;
    mod identity;
    mod join;
    mod login;
    mod man;
    mod options;
    mod questions;
    mod service;
    mod terminal;
    mod token_api;
    mod tokens;
    mod unencrypted;
    mod why;
}
