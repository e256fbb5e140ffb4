//! What each command prints, where, and with which exit code: seen from outside, as processes.

#![cfg(test)]

mod support;

mod commands {
    mod configuration;
    mod daemon;
    mod demonstration;
    mod dev;
    mod failures;
    mod help;
    mod models;
    mod runtimes;
    mod stopping;
    mod terminal;
    mod tokens;
    mod usage;
    mod web;
}
