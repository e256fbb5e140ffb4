//! A simulation of clients, daemons, attackers and function instances with skewed clocks. Network, store and push channel fail,
//! and each actor crashes at any await point. The functions and the stores are the real ones.
//!
//! A seed decides every choice, and time is virtual. An oracle checks each history against the design's invariants.
//!
//! ```text
//! DOORBELL_SIM_SEEDS=10000 cargo test --test simulation every_seed -- --nocapture   # more seeds
//! DOORBELL_SIM_SEED=7 cargo test --test simulation one_seed -- --nocapture          # one seed, with its history
//! ```
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod asked;
mod broker;
mod bugs;
mod catalog;
mod clients;
mod context;
mod daemon;
mod enrolment;
mod events;
mod history;
mod interceptor;
mod invariants;
mod lifecycle;
mod linearizability;
mod link;
mod network;
mod operation;
mod oracle;
mod plan;
mod presence;
mod push_plan;
mod queue;
mod redelivery;
mod report;
mod request_history;
mod runner;
mod seeded;
mod store;
mod storm;
mod watcher;

use context::Bug;
use doorbell_shared::clock::Stopwatch;
use oracle::Coverage;
use request_history::{Invariant, Violation};

const DEFAULT_SEEDS: u64 = 200;
const SEEDS_VARIABLE: &str = "DOORBELL_SIM_SEEDS";
const SEED_VARIABLE: &str = "DOORBELL_SIM_SEED";

#[test]
fn every_seed_keeps_every_invariant() {
    let seeds = variable(SEEDS_VARIABLE).unwrap_or(DEFAULT_SEEDS);
    let started = Stopwatch::start();
    let (coverage, failures) = run_all(seeds);
    let seconds = started.elapsed().as_secs_f64();
    println!("{coverage}{} seeds with violations, in {seconds:.1} s", failures.len());
    for (seed, violation) in &failures {
        println!("seed {seed}: {violation}");
        println!("replay: {SEED_VARIABLE}={seed} cargo test --test simulation one_seed -- --nocapture");
    }
    assert!(failures.is_empty(), "{} seeds break an invariant", failures.len());
}

/// Runs the seeds on every core. Returns the first violation of each seed that has one.
fn run_all(seeds: u64) -> (Coverage, Vec<(u64, Violation)>) {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let run = |first: u64| {
        let seeds = (first..seeds).step_by(threads);
        seeds.map(|seed| (seed, oracle::check(&runner::run(seed, None)))).collect::<Vec<_>>()
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads as u64).map(|first| scope.spawn(move || run(first))).collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
    });
    let mut coverage = Coverage::default();
    let mut failures = Vec::new();
    for (seed, (checked, violations)) in results {
        coverage.merge(&checked);
        failures.extend(violations.into_iter().next().map(|violation| (seed, violation)));
    }
    failures.sort_unstable_by_key(|(seed, _)| *seed);
    (coverage, failures)
}

/// Prints the history of the seed in the variable. Without the variable, checks seed 0.
#[test]
fn one_seed_keeps_every_invariant() {
    let named = variable(SEED_VARIABLE);
    let run = runner::run(named.unwrap_or(0), None);
    let (_, violations) = oracle::check(&run);
    if named.is_some() {
        println!("{:#?}\n{}", run.plan, run.history);
    }
    assert_eq!(violations, []);
}

/// Seed 7 uses the embedded engine, the others the store in memory.
#[test]
fn same_seed_gives_same_history() {
    for seed in [0, 1, 2, 7] {
        assert!(runner::run(seed, None).history == runner::run(seed, None).history, "seed {seed}");
    }
}

/// Most bugs are found by one of the first hundred seeds.
const MAX_SEEDS: u64 = 300;

/// Each bug needs an interleaving, clock skew or a lost message. Finding it shows that a check is effective: the search for an
/// order, the comparison of polls, the fault-free window after a loss, and what is shown while a request waits for a hint.
#[test]
fn finds_each_deliberate_bug_and_replays_it() {
    for (bug, invariant) in [
        (Bug::FailedSnapshotAcknowledged, Invariant::CachedIsCurrent),
        (Bug::OfflineServed, Invariant::CachedIsOnline),
        (Bug::AnySnapshotServed, Invariant::CachedIsRecorded),
        (Bug::StalePolls, Invariant::Linearizable),
        (Bug::TimeoutsNotStored, Invariant::TerminalIsFinal),
        (Bug::NoRedelivery, Invariant::LossCostsTimeOnly),
        (Bug::CancellationsNotStored, Invariant::Linearizable),
        (Bug::QueueIgnored, Invariant::Linearizable),
        (Bug::NothingRemoved, Invariant::OpenSetEmpties),
        (Bug::HintBeforePut, Invariant::OnlineMeansItPicksUp),
        (Bug::LeasesUnproven, Invariant::LeaseIsProven),
        (Bug::HeartbeatNotRepeated, Invariant::OnlineMeansItPicksUp),
        (Bug::BindingIgnored, Invariant::TenantIsolation),
        (Bug::TokenKept, Invariant::OneTokenPerCode),
    ] {
        let violation = |seed| {
            let (_, violations) = oracle::check(&runner::run(seed, Some(bug)));
            violations.into_iter().find(|violation| violation.invariant == invariant)
        };
        let found = (0..MAX_SEEDS).find_map(|seed| Some((seed, violation(seed)?)));
        let (seed, first) = found.unwrap_or_else(|| panic!("{bug:?} is not found"));
        println!("{bug:?}: seed {seed} breaks {invariant:?}");
        assert_eq!(violation(seed), Some(first), "replay");
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|number| number.parse().unwrap())
}
