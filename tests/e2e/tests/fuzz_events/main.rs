//! Any event at any function, on the store in memory: arbitrary bodies, paths, queries, headers and callers. No function
//! panics, and each answers only what `openapi.yaml` documents, in its words, and changes nothing that it must not.
//!
//! `cargo test` tries the same few hundred events for each function every time. With a time in seconds it tries new ones
//! for that long, and says how many:
//! `DOORBELL_FUZZ_SECONDS=60 cargo test -p doorbell-tests --test fuzz_events -- --nocapture`
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "how much was tried is for whoever runs this")]

mod arbitrary;
mod body;
mod documented;
mod gateway;
mod json;
mod judge;
mod nearly;
mod world;

use std::cell::Cell;
use std::time::Duration;

use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::routes::Function;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// How many events `cargo test` tries for each function.
const QUICK: u32 = 250;

/// How many events are tried between two looks at the time.
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
            let same = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
            run(function, TestRunner::new_with_rng(config(QUICK), same), &executions);
        }
        Ok(seconds) => {
            let (limit, started) = (Duration::from_secs(seconds.parse().unwrap()), Stopwatch::start());
            while started.elapsed() < limit {
                run(function, TestRunner::new(config(CHUNK)), &executions);
            }
        }
    }
    // Only reached without a crash: the first one ends the test.
    println!("{}: {} executions, 0 crashes", documented::name(function), executions.get());
}

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

fn run(function: Function, mut runner: TestRunner, executions: &Cell<u64>) {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let tried = runner.run(&arbitrary::event(function), |event| {
        let judged = tokio.block_on(judge::judge(function, &event));
        executions.set(executions.get() + u64::from(!matches!(judged, Err(TestCaseError::Reject(_)))));
        judged
    });
    match tried {
        Ok(()) => {}
        Err(TestError::Fail(reason, event)) => panic!("{reason}\n{event}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}
