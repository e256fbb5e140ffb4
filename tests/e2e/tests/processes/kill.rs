//! SIGKILL of the server or the daemon at random times: acknowledged requests and reports are kept, and every request ends as
//! the invariants allow.
//!
//! Each lifecycle is one ring on a deployment of its own: `doorbell dev` on a file, a daemon, and a client that retries its
//! polls. `DOORBELL_KILL_SEED` repeats the kills of a run; what they interrupt depends on the machine.

mod deployment;
mod lifecycle;
mod outcome;
mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use outcome::Outcome;
use plan::Plan;

/// Concurrent lifecycles. Most wait for a deadline, a heartbeat or a redelivery.
const CONCURRENT: usize = 24;

fn from_environment(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes two minutes: some outages last longer than the deadlines"]
async fn every_lifecycle_keeps_the_invariants() {
    let lifecycles = from_environment("DOORBELL_KILL_LIFECYCLES", 200);
    let seed = from_environment("DOORBELL_KILL_SEED", 1);
    let permits = Arc::new(Semaphore::new(CONCURRENT));
    let mut running = JoinSet::new();
    for number in 0..lifecycles {
        let permits = Arc::clone(&permits);
        running.spawn(async move {
            let _permit = permits.acquire().await.unwrap();
            lifecycle::run(number, Plan::new(seed, number, lifecycles)).await
        });
    }
    let mut outcomes = BTreeMap::<Outcome, u32>::new();
    while let Some(outcome) = running.join_next().await {
        *outcomes.entry(outcome.unwrap()).or_default() += 1;
    }
    println!("{lifecycles} lifecycles, seed {seed}");
    for (outcome, count) in &outcomes {
        println!("{count:5}  {outcome}");
    }
    let count = |outcome| outcomes.get(&outcome).copied().unwrap_or_default();
    let completed = count(Outcome::Completed) + count(Outcome::CompletedAfterRedelivery);
    assert!(completed > lifecycles / 2, "a kill costs time, and rarely the answer");
}
