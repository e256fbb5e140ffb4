//! A simulation of everybody at once: clients, daemons, an intruder and function instances with clocks that are off, on a
//! network and a store that fail, with crashes of any of them at any await point. The functions are the real ones, on a real
//! store. Every history is held against the design's invariants.
//!
//! All of it follows from a seed, in virtual time. `cargo test` runs the first few hundred seeds.
//!
//! ```text
//! DOORBELL_SIM_SEEDS=10000 cargo test --test simulation every_seed -- --nocapture   # more of them
//! DOORBELL_SIM_SEED=7 cargo test --test simulation one_seed -- --nocapture          # one, with its history
//! ```
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asked;
mod campaign;
mod chance;
mod crash;
mod faults;
mod history;
mod invariants;
mod linearizability;
mod network;
mod parties;
mod plan;
mod seed;
mod storage;
mod time;
mod world;

use doorbell_shared::clock::Stopwatch;
use invariants::Invariant;
use storage::Mutation;

/// How many seeds `cargo test` runs.
const QUICK: u64 = 200;

const SEEDS_VARIABLE: &str = "DOORBELL_SIM_SEEDS";
const SEED_VARIABLE: &str = "DOORBELL_SIM_SEED";

#[test]
fn every_seed_keeps_every_invariant() {
    let started = Stopwatch::start();
    let summary = campaign::run(number(SEEDS_VARIABLE).unwrap_or(QUICK));
    println!("{summary}, in {:.1} s", started.elapsed().as_secs_f64());
    for (seed, violation) in &summary.failures {
        println!("seed {seed}: {violation}");
        println!("replay: {SEED_VARIABLE}={seed} cargo test --test simulation one_seed -- --nocapture");
    }
    assert!(summary.failures.is_empty(), "{} seeds break an invariant", summary.failures.len());
}

/// Prints what happens in the seed that is named, or only checks the first.
#[test]
fn one_seed_keeps_every_invariant() {
    let named = number(SEED_VARIABLE);
    let run = seed::run(named.unwrap_or(0), None);
    let (_, violations) = invariants::check(&run);
    if named.is_some() {
        println!("{:#?}\n{}", run.plan, run.history);
        violations.iter().for_each(|violation| println!("{violation}"));
    }
    assert_eq!(violations, []);
}

/// On both stores: seed 7 has the embedded engine.
#[test]
fn a_seed_is_the_same_history_every_time() {
    for seed in [0, 1, 2, 7] {
        let (first, again) = (seed::run(seed, None), seed::run(seed, None));
        assert!(first.history == again.history, "seed {seed}");
    }
}

/// How many seeds it may take to find a bug. Most are found by one of the first ten.
const ENOUGH: u64 = 300;

/// That the simulation finds nothing would mean nothing if it could find nothing.
#[test]
fn each_bug_breaks_its_invariant_and_does_so_again_with_its_seed() {
    for (mutation, invariant) in [
        (Mutation::EveryClaimWins, Invariant::OneWinner),
        (Mutation::InFlightIsIgnored, Invariant::OneWinner),
        (Mutation::LapsesAreNotStored, Invariant::TerminalIsForEver),
        (Mutation::LapsesOverwrite, Invariant::TerminalIsForEver),
        (Mutation::ReportsOverwrite, Invariant::TerminalIsForEver),
        (Mutation::ReportsAreDropped, Invariant::AcknowledgedIsStored),
        (Mutation::NothingLapses, Invariant::NothingIsStuck),
        (Mutation::NewestFirst, Invariant::FirstComeFirstServed),
        (Mutation::NoWalls, Invariant::Walls),
        (Mutation::NoWalls, Invariant::WhatBeatsIsOnline),
        (Mutation::NothingIsRedelivered, Invariant::ALostMessageCostsTime),
        (Mutation::PollsAreStale, Invariant::Linearizable),
    ] {
        let found =
            (0..ENOUGH).find_map(|seed| Some((seed, campaign::violation(seed, Some(mutation), invariant)?)));
        let (seed, violation) = found.unwrap_or_else(|| panic!("{mutation:?} is not found"));
        println!("{mutation:?}: seed {seed} breaks {invariant:?}");
        assert_eq!(campaign::violation(seed, Some(mutation), invariant), Some(violation), "replayed");
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().unwrap())
}
