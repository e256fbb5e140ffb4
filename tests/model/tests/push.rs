//! Explores the push channel in two scopes, and finds a counterexample for each mutation.
//!
//! `cargo test -p doorbell-model --test push -- --nocapture` prints the state counts, the properties and the counterexamples.
#![expect(clippy::print_stdout, reason = "the state counts are the result")]

use doorbell_model::push::design::{PUSH_MUTATIONS, PushMutation, PushScope};
use doorbell_model::push::protocol::PushProtocol;
use stateright::{Checker, Expectation, Model as _};

/// A proven daemon sleeps for 100 s: longer than any property looks ahead, so that no heartbeat hides a defect.
const POLLED: PushScope = PushScope { faults: 1, polls: true, calls: 2, interval: 20 };
const UNPOLLED: PushScope = PushScope { polls: false, ..POLLED };

fn assert_invariants(scope: PushScope) {
    let checker = PushProtocol::new(scope, None).checker().threads(2).spawn_bfs().join();
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
fn push_with_polling_clients() {
    assert_invariants(POLLED);
}

#[test]
fn push_without_polls() {
    assert_invariants(UNPOLLED);
}

/// The search is breadth-first on one thread, so each counterexample is a shortest one.
#[test]
fn finds_counterexample_for_each_mutation_of_push() {
    for (mutation, broken) in PUSH_MUTATIONS {
        let scope = if mutation == PushMutation::NoHintByPoll { POLLED } else { UNPOLLED };
        let checker = PushProtocol::new(scope, Some((mutation, broken))).checker().spawn_bfs().join();
        let (_, counterexample) =
            checker.discoveries().into_iter().next().unwrap_or_else(|| panic!("{mutation:?} holds"));
        let states = checker.unique_state_count();
        let actions = counterexample.into_actions();
        println!(
            "{mutation:?} breaks {broken:?}, {} steps among {states} states: {actions:?}",
            actions.len()
        );
    }
}
