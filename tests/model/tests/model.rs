//! Explores the design in seven scopes, and finds a counterexample for each mutation.
//!
//! `cargo test -p doorbell-model -- --nocapture` prints the state counts, the properties and the counterexamples.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "the state counts are the result")]

use std::time::Duration;

use doorbell_model::actors::{INSTANTS, QUEUE_INSTANTS, QUEUE_S};
use doorbell_model::design::{MUTATIONS, Mutation, Scope};
use doorbell_model::protocol::Protocol;
use doorbell_protocol::Timestamp;
use stateright::{Checker, Expectation, Model as _};

const ONE_REQUEST: Scope = Scope {
    requests: 1,
    instances: 2,
    faults: 2,
    calls: 2,
    capacity: 2,
    claims: 1,
    cancels: false,
    queue: Duration::ZERO,
    instants: INSTANTS,
    last_initiate: 9,
    until: 154,
};
const THREE_CALLS: Scope = Scope { faults: 1, calls: 3, until: 104, ..ONE_REQUEST };
const CANCELLATION: Scope = Scope { faults: 1, cancels: true, ..ONE_REQUEST };
/// Skew and faults together would have too many states.
const TWO_REQUESTS: Scope =
    Scope { requests: 2, instances: 1, faults: 1, claims: 2, until: 32, ..ONE_REQUEST };
const TWO_REQUESTS_SKEWED: Scope = Scope { instances: 2, faults: 0, claims: 1, ..TWO_REQUESTS };
const FULL_QUEUE: Scope = Scope { instances: 2, capacity: 1, last_initiate: 32, ..TWO_REQUESTS };
const QUEUED: Scope = Scope {
    faults: 1,
    queue: Duration::from_secs(QUEUE_S),
    instants: QUEUE_INSTANTS,
    until: 3_722,
    ..ONE_REQUEST
};
/// Enough for a counterexample.
const ONE_FAULT: Scope = Scope { faults: 1, ..ONE_REQUEST };

fn start() -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000).unwrap()
}

fn assert_invariants(scope: Scope) {
    let checker = Protocol::new(scope, None, start()).checker().threads(2).spawn_bfs().join();
    let discoveries = checker.discoveries();
    let states = (checker.state_count(), checker.unique_state_count(), checker.max_depth());
    let mut report = format!("{scope:?}\n{} states, {} unique, depth {}\n", states.0, states.1, states.2);
    for property in checker.model().properties() {
        let result = match (&property.expectation, discoveries.contains_key(property.name)) {
            (Expectation::Sometimes, true) => "reached",
            (Expectation::Sometimes, false) => "never",
            (_, true) => "BROKEN",
            (_, false) => "holds",
        };
        report += &format!("  {result:<8}{}\n", property.name);
    }
    println!("{report}");
    checker.assert_properties();
}

#[test]
fn one_request_with_two_faults() {
    assert_invariants(ONE_REQUEST);
}

#[test]
fn one_request_with_three_calls_in_progress() {
    assert_invariants(THREE_CALLS);
}

#[test]
fn one_request_with_cancellation() {
    assert_invariants(CANCELLATION);
}

#[test]
fn queued_request_with_one_fault() {
    assert_invariants(QUEUED);
}

#[test]
fn two_requests_with_one_fault() {
    assert_invariants(TWO_REQUESTS);
}

#[test]
fn two_requests_with_clock_skew() {
    assert_invariants(TWO_REQUESTS_SKEWED);
}

#[test]
fn two_requests_with_full_open_set() {
    assert_invariants(FULL_QUEUE);
}

/// The search is breadth-first on one thread, so each counterexample is a shortest one.
#[test]
fn finds_counterexample_for_each_mutation() {
    for (mutation, broken) in MUTATIONS {
        let scope = match mutation {
            Mutation::NewestFirst | Mutation::ClaimAfterError => TWO_REQUESTS,
            Mutation::FullQueueNeverCleaned => FULL_QUEUE,
            Mutation::CancelWithoutCondition => CANCELLATION,
            _ => ONE_FAULT,
        };
        let protocol = Protocol::new(scope, Some((mutation, broken)), start());
        let checker = protocol.checker().spawn_bfs().join();
        let (_, counterexample) =
            checker.discoveries().into_iter().next().unwrap_or_else(|| panic!("{mutation:?} holds"));
        let states = checker.unique_state_count();
        println!("{mutation:?} breaks {broken:?}, found among {states} states: {counterexample}");
    }
}
