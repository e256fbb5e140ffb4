//! Arbitrary events for every function on the memory store: no function panics, each responds as `openapi.yaml` documents, and
//! changes nothing that it must not.
//!
//! `cargo test` uses the same few hundred events for each function. This uses new ones for a minute:
//! `DOORBELL_FUZZ_SECONDS=60 cargo test -p doorbell-e2e --test fuzz_events -- --nocapture`
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "prints the number of events")]

mod body;
mod documented;
mod events;
mod fixtures;
mod gateway;
mod json;
#[path = "../support/openapi.rs"]
mod openapi;
mod oracle;

use std::cell::Cell;
use std::time::Duration;

use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::routes::Function;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// Events for each function without a time limit.
const QUICK: u32 = 250;

/// Events between two checks of the time.
const CHUNK: u32 = 200;

const SECONDS_VARIABLE: &str = "DOORBELL_FUZZ_SECONDS";

#[test]
fn initiate_responds_as_documented() {
    fuzz(Function::Initiate);
}

#[test]
fn poll_responds_as_documented() {
    fuzz(Function::Poll);
}

#[test]
fn runtimes_responds_as_documented() {
    fuzz(Function::Runtimes);
}

#[test]
fn register_responds_as_documented() {
    fuzz(Function::Register);
}

#[test]
fn deregister_responds_as_documented() {
    fuzz(Function::Deregister);
}

#[test]
fn heartbeat_responds_as_documented() {
    fuzz(Function::Heartbeat);
}

#[test]
fn report_responds_as_documented() {
    fuzz(Function::Report);
}

fn fuzz(function: Function) {
    let executions = Cell::new(0_u64);
    match std::env::var(SECONDS_VARIABLE) {
        Err(_) => {
            let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
            run(function, TestRunner::new_with_rng(config(QUICK), rng), &executions);
        }
        Ok(seconds) => {
            let limit = Duration::from_secs(seconds.parse().unwrap());
            let started = Stopwatch::start();
            while started.elapsed() < limit {
                run(function, TestRunner::new(config(CHUNK)), &executions);
            }
        }
    }
    // Only reached without a crash.
    println!("{}: {} executions, 0 crashes", documented::name(function), executions.get());
}

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

fn run(function: Function, mut runner: TestRunner, executions: &Cell<u64>) {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let result = runner.run(&events::event(function), |event| {
        let checked = tokio.block_on(oracle::check(function, &event));
        executions.set(executions.get() + u64::from(!matches!(checked, Err(TestCaseError::Reject(_)))));
        checked
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, event)) => panic!("{reason}\n{event}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}
