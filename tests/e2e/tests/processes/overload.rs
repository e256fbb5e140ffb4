//! `doorbell dev` under twice the load that it can serve: it answers every call, sheds within five seconds, completes every
//! accepted ring, keeps its memory bounded, and recovers its latency.
//!
//! Bounds of memory and latency are relative to what the same run measured before, so they hold on any machine.

mod client;
mod load;

use std::sync::Arc;
use std::time::Duration;

use client::{LoadClient, median};
use load::Load;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::Running;

/// Memory grows by a few connection buffers and calls in progress for each caller.
const MEMORY_FACTOR: u64 = 4;
/// Twice the latency is noise on a busy machine.
const LATENCY_FACTOR: u32 = 4;
const RECOVERY: Duration = Duration::from_secs(30);
/// A 503 that comes later than a daemon's timeout for a report would not be seen. A call waits for a permit for at most a second;
/// the rest is the queue of the sockets on a saturated machine.
const SHED_WITHIN: Duration = doorbell_daemon::report::TRY_TIMEOUT;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes up to two minutes, and the whole machine"]
async fn sheds_load_and_recovers() {
    // One user rings all runtimes.
    let dev = Dev::start(&Machine::new(), &["--no-daemon", "--no-token-limits"]).await;
    raise_open_files();
    let client = Arc::new(LoadClient::new(&dev.url));
    let runtimes = load::register(&client).await;
    let idle = load::idle_latencies(&client, &runtimes[0]).await;
    let capacity = load::capacity(&client, &runtimes).await;
    let before = memory(&dev.process, "VmRSS:");
    println!("capacity {capacity:.0} heartbeats/s; before: median {:?}, {before} KiB", median(&idle));

    let loaded = Arc::new(LoadClient::new(&dev.url));
    let load = Load { client: Arc::clone(&loaded), runtimes: runtimes.clone(), capacity };
    let rings = load.run().await;
    let peak = memory(&dev.process, "VmHWM:");
    loaded.print();
    for (outcome, count) in &rings {
        println!("{count:5}  {outcome}");
    }
    println!("memory at most {peak} KiB, afterwards {} KiB", memory(&dev.process, "VmRSS:"));

    assert_eq!(loaded.wrong(), Vec::<String>::new());
    let shed = loaded.shed_latencies();
    let slowest = shed.last().expect("the server was not overloaded");
    println!("{} calls shed, the slowest after {slowest:?}", shed.len());
    assert!(*slowest <= SHED_WITHIN, "{slowest:?}");
    assert!(rings.keys().all(|outcome| load::RING_OUTCOMES.contains(&outcome.as_str())), "{rings:?}");
    assert!(rings.get("completed").is_some_and(|count| *count > 0), "{rings:?}");
    assert!(peak <= MEMORY_FACTOR * before, "{peak} KiB, after {before} KiB");
    let bound = median(&idle) * LATENCY_FACTOR;
    let (recovered, waited) = load::recovery(&client, &runtimes[0], bound, RECOVERY).await;
    println!("after: median {recovered:?}, {waited:?} after the last ring");
}

/// Of this process, which has one connection for each caller. The server raises its own limit.
fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// A field of Linux's status of the process, in KiB.
fn memory(process: &Running, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
