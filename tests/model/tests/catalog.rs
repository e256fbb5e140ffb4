//! Explores the catalog in three scopes, and finds a counterexample for each mutation.
//!
//! `cargo test -p doorbell-model --test catalog -- --nocapture` prints the state counts, the properties and the counterexamples.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "the state counts are the result")]

use doorbell_model::catalog::design::{
    CATALOG_MUTATIONS, CatalogMutation, CatalogScope, Content, PlannedReport,
};
use doorbell_model::catalog::protocol::CatalogProtocol;
use doorbell_protocol::Timestamp;
use stateright::{Checker, Expectation, Model as _};

const fn list(request: usize, runtime: usize) -> PlannedReport {
    PlannedReport { request, runtime, content: Content::List }
}

const fn nothing(request: usize) -> PlannedReport {
    PlannedReport { request, runtime: 0, content: Content::Nothing }
}

/// Two daemons report on the first request.
const TWO_REQUESTS: CatalogScope =
    CatalogScope { reports: &[list(0, 0), list(0, 0), list(1, 0)], faults: 1, calls: 2, until: 2 };
/// One of the reports deletes the snapshot.
const DELETION: CatalogScope =
    CatalogScope { reports: &[list(0, 0), nothing(1), list(2, 0)], until: 1, ..TWO_REQUESTS };
const TWO_RUNTIMES: CatalogScope =
    CatalogScope { reports: &[list(0, 0), list(1, 1)], until: 1, ..TWO_REQUESTS };

fn start() -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000).unwrap()
}

fn assert_invariants(scope: CatalogScope) {
    let checker = CatalogProtocol::new(scope, None, start()).checker().threads(2).spawn_bfs().join();
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
fn catalog_of_two_requests() {
    assert_invariants(TWO_REQUESTS);
}

#[test]
fn catalog_with_deletion() {
    assert_invariants(DELETION);
}

#[test]
fn catalogs_of_two_runtimes() {
    assert_invariants(TWO_RUNTIMES);
}

/// The search is breadth-first on one thread, so each counterexample is a shortest one.
#[test]
fn finds_counterexample_for_each_mutation_of_the_catalog() {
    for (mutation, broken) in CATALOG_MUTATIONS {
        let scope = match mutation {
            CatalogMutation::DeletionRemovesItem => DELETION,
            CatalogMutation::KeyWithoutRuntime => TWO_RUNTIMES,
            _ => TWO_REQUESTS,
        };
        let checker =
            CatalogProtocol::new(scope, Some((mutation, broken)), start()).checker().spawn_bfs().join();
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
