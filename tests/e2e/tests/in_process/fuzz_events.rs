//! Arbitrary events for every function, on the memory store and on the embedded DynamoDB: no function panics, each responds as
//! `openapi.yaml` documents and never with a 500, and changes nothing that it must not.
//!
//! The memory store takes any item, so only DynamoDB, with its limits on items, keys, expressions and nesting, can respond
//! with a 500. An event there takes as long as twenty in memory.
//!
//! `cargo test` uses the same events for each function. This adds new ones for a minute, half of it on each store:
//! `DOORBELL_FUZZ_SECONDS=60 cargo test --test in_process fuzz_events:: -- --nocapture`

mod body;
mod documented;
mod events;
mod fixtures;
mod gateway;
mod json;
mod oracle;

use std::cell::Cell;
use std::time::Duration;

use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::routes::Function;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::store::{Store, TokenStore};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde_json::Value;

/// Where the functions run.
#[derive(Clone, Copy, Debug)]
enum Target {
    Memory,
    Embedded,
}

impl Target {
    /// The same events for each function in every run.
    fn quick(self) -> u32 {
        match self {
            Self::Memory => 250,
            Self::Embedded => 50,
        }
    }

    /// Events between two checks of the time.
    fn chunk(self) -> u32 {
        match self {
            Self::Memory => 200,
            Self::Embedded => 20,
        }
    }
}

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
fn cancel_responds_as_documented() {
    fuzz(Function::Cancel);
}

#[test]
fn runtimes_responds_as_documented() {
    fuzz(Function::Runtimes);
}

#[test]
fn forget_responds_as_documented() {
    fuzz(Function::Forget);
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

#[test]
fn workspaces_responds_as_documented() {
    fuzz(Function::Workspaces);
}

#[test]
fn redeem_responds_as_documented() {
    fuzz(Function::Redeem);
}

#[test]
fn enrol_responds_as_documented() {
    fuzz(Function::Enrol);
}

#[test]
fn list_tokens_responds_as_documented() {
    fuzz(Function::ListTokens);
}

#[test]
fn issue_token_responds_as_documented() {
    fuzz(Function::IssueToken);
}

#[test]
fn revoke_token_responds_as_documented() {
    fuzz(Function::RevokeToken);
}

fn fuzz(function: Function) {
    fuzz_on(Target::Memory, function, async || MemoryStore::default());
    fuzz_on(Target::Embedded, function, async || EmbeddedDynamoDb::start().await.unwrap().store());
}

fn fuzz_on<S: Store + TokenStore>(target: Target, function: Function, empty_store: impl AsyncFn() -> S) {
    let executions = Cell::new(0_u64);
    let run = |runner| run(function, runner, &executions, &empty_store);
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut result = run(TestRunner::new_with_rng(config(target.quick()), rng));
    if let Ok(seconds) = std::env::var(SECONDS_VARIABLE) {
        let limit = Duration::from_secs(seconds.parse().unwrap()) / 2;
        let started = Stopwatch::start();
        while result.is_ok() && started.elapsed() < limit {
            result = run(TestRunner::new(config(target.chunk())));
        }
    }
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, event)) => panic!("on {target:?}: {reason}\n{event}"),
        Err(TestError::Abort(reason)) => panic!("on {target:?}: {reason}"),
    }
    // Only reached without a crash.
    println!("{function:?} on {target:?}: {} executions, 0 crashes", executions.get());
}

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

fn run<S: Store + TokenStore>(
    function: Function,
    mut runner: TestRunner,
    executions: &Cell<u64>,
    empty_store: &impl AsyncFn() -> S,
) -> Result<(), TestError<Value>> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let stage = Cell::new(None);
    runner.run(&events::event(function), |event| {
        let mut current = stage.take();
        let checked = tokio.block_on(oracle::check(function, &event, &mut current, empty_store));
        stage.set(current);
        executions.set(executions.get() + u64::from(!matches!(checked, Err(TestCaseError::Reject(_)))));
        checked
    })
}
