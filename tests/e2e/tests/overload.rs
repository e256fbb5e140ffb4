//! Twice the load that `doorbell dev` can serve: it answers every call, keeps its memory, ends every ring that it took, and is
//! as quick as before when the load is gone.
//!
//! Nothing is compared but with what the same run has measured before: what this machine can serve is found out first.

#![cfg(test)]

mod support;

mod overload {
    pub(crate) mod calls;
    pub(crate) mod crowd;
    pub(crate) mod figures;
    pub(crate) mod memory;
}

use std::sync::Arc;
use std::time::Duration;

use overload::calls::{Calls, Kind};
use overload::crowd::{self, Crowd};
use overload::figures::{median, show};
use overload::memory;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::dev::Dev;

/// How much more than before the load the process may hold: a few connections' buffers and calls in flight for each caller.
const MEMORY_FACTOR: u64 = 4;
/// Twice is noise, on a machine that does other things.
const LATENCY_FACTOR: u32 = 4;
const RECOVERY: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes up to two minutes, and all of the machine"]
async fn twice_the_load_is_shed_by_answering_and_leaves_no_trace() {
    let dev = Dev::without_daemon().await;
    raise_open_files();
    let calls = Arc::new(Calls::new(&dev.url));
    let runtimes = crowd::register(&calls).await;
    let quiet = crowd::probe(&calls, &runtimes[0]).await;
    let capacity = crowd::capacity(&calls, &runtimes).await;
    let before = memory::resident(&dev.process, memory::NOW);
    println!("capacity {capacity:.0} heartbeats/s; before: median {:?}, {before} KiB", median(&quiet));

    let loaded = Arc::new(Calls::new(&dev.url));
    let endings = Crowd { calls: Arc::clone(&loaded), runtimes: runtimes.clone(), capacity }.rush().await;
    let peak = memory::resident(&dev.process, memory::PEAK);
    show(&loaded, &endings);
    println!("memory at most {peak} KiB, afterwards {} KiB", memory::resident(&dev.process, memory::NOW));

    assert_eq!(loaded.unanswered(), Vec::<String>::new());
    assert!(Kind::ALL.iter().map(|kind| loaded.shed(*kind)).sum::<usize>() > 0, "the load was none");
    assert!(endings.iter().all(|(ending, _)| crowd::ENDINGS.contains(&ending.as_str())), "{endings:?}");
    assert!(endings.get("completed").is_some_and(|count| *count > 0), "{endings:?}");
    assert!(peak <= MEMORY_FACTOR * before, "{peak} KiB, after {before} KiB");
    let (recovered, took) =
        crowd::recovered(&calls, &runtimes[0], median(&quiet) * LATENCY_FACTOR, RECOVERY).await;
    println!("after: median {recovered:?}, {took:?} after the last ending");
}

/// Of this process: each caller has a connection. The server has to do so for itself.
fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}
