//! 500 daemons after an outage of two minutes: their calls are spread over the first minute.

use std::collections::BTreeSet;
use std::time::Duration;

use doorbell_daemon::{Daemon, Settings};
use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::daemon::fixtures::{HEARTBEAT, REGISTER, agents, api, seconds, settings, virtual_clock};

const DAEMONS: usize = 500;
const OUTAGE: Duration = Duration::from_secs(120);

/// What the server sees in the minute after the outage: `path`'s calls in each second.
struct Minute {
    per_second: Vec<usize>,
    daemons: usize,
}

/// Runs daemons with one agent each, at a server that is down from `begin` on.
async fn minute_after_outage(begin: Duration, path: &'static str) -> Minute {
    let end = begin + OUTAGE;
    let server = ScriptedServer::start(move |call| match call.at {
        at if at < begin || at >= end => Reply::Default,
        _ => Reply::error(503, "server is busy"),
    });
    let server = server.await;
    let api = api(&server);
    let stop = CancellationToken::new();
    for number in 0..DAEMONS {
        let settings = Settings { daemon_id: format!("machine-{number}"), ..settings() };
        let daemon = Daemon::new(api.clone(), settings, watch::channel(agents(["codex"])).1);
        tokio::spawn(daemon.with_wall_clock(virtual_clock()).run(stop.clone()));
    }
    tokio::time::sleep(end + seconds(60.0)).await;
    let mut per_second = vec![0; 60];
    let mut daemons = BTreeSet::new();
    for call in server.calls_to(path).iter().filter(|call| call.at >= end) {
        if let Some(count) = per_second.get_mut((call.at - end).as_secs() as usize) {
            *count += 1;
        }
        daemons.insert(call.body["daemon_id"].to_string() + &call.body["runtimes"][0]["id"].to_string());
    }
    stop.cancel();
    Minute { per_second, daemons: daemons.len() }
}

/// Prints the calls of each second; returns the most and the mean.
fn show(case: &str, minute: &Minute) -> (usize, f64) {
    let most = *minute.per_second.iter().max().unwrap();
    let mean = minute.per_second.iter().sum::<usize>() as f64 / 60.0;
    println!("{case}: mean {mean:.1}, most {most} in a second: {:?}", minute.per_second);
    (most, mean)
}

#[tokio::test(start_paused = true)]
async fn heartbeats_of_a_fleet_are_spread_after_an_outage() {
    let minute = minute_after_outage(seconds(30.0), HEARTBEAT).await;
    let (most, mean) = show("heartbeats of 500 daemons after 120 s", &minute);
    assert_eq!(minute.daemons, DAEMONS);
    assert!((most as f64) < mean * 2.0, "{most} of {mean}");
}

/// All start during the outage, as after a power cut.
#[tokio::test(start_paused = true)]
async fn registrations_of_a_fleet_are_spread_after_an_outage() {
    let minute = minute_after_outage(Duration::ZERO, REGISTER).await;
    let (most, mean) = show("registrations of 500 daemons after 120 s", &minute);
    assert_eq!(minute.daemons, DAEMONS, "not every daemon is back within a minute");
    // More come early than late, because every try but the first ones has a wait up to a minute.
    assert!((most as f64) < mean * 4.0, "{most} of {mean}");
}
