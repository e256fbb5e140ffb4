//! SIGKILL of the server or the daemon at random points: what was acknowledged is kept, and every request ends as the
//! design's invariants say.
//!
//! Each lifecycle is one ring on a site of its own: `doorbell dev` on a file, a daemon, a client that polls on while nobody
//! answers. A run is repeated with `DOORBELL_KILL_SEED`; what is killed when is then the same, what is hit is up to the
//! machine.

#![cfg(test)]

mod support;

mod kill {
    pub(crate) mod client;
    pub(crate) mod ending;
    pub(crate) mod lifecycle;
    pub(crate) mod plan;
    pub(crate) mod site;
}

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use kill::ending::Ending;
use kill::lifecycle;
use kill::plan::Plan;

/// How many lifecycles are under way at once. Most of them wait for a deadline, a beat or a redelivery.
const AT_ONCE: usize = 24;

fn from_environment(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes two minutes: some outages last longer than the deadlines"]
async fn every_lifecycle_ends_as_the_invariants_say() {
    let lifecycles = from_environment("DOORBELL_KILL_LIFECYCLES", 200);
    let seed = from_environment("DOORBELL_KILL_SEED", 1);
    let (places, mut running) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for number in 0..lifecycles {
        let places = Arc::clone(&places);
        running.spawn(async move {
            let _place = places.acquire().await.unwrap();
            lifecycle::live(number, Plan::draw(seed, number, lifecycles)).await
        });
    }
    let mut endings = BTreeMap::<Ending, u32>::new();
    while let Some(ending) = running.join_next().await {
        *endings.entry(ending.unwrap()).or_default() += 1;
    }
    println!("{lifecycles} lifecycles, seed {seed}");
    for (ending, count) in &endings {
        println!("{count:5}  {ending}");
    }
    let count = |ending| endings.get(&ending).copied().unwrap_or_default();
    let completed = count(Ending::Completed) + count(Ending::CompletedAgain);
    assert!(completed > lifecycles / 2, "a kill costs time, and seldom the answer");
}
