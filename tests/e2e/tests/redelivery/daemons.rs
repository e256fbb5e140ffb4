//! Redelivery on and off, side by side: a heartbeat's answer is lost on its way, and what becomes of the person's request.

use std::time::Duration;

use doorbell_shared::http::routes::Function;
use serde_json::Value;

use crate::world::{Way, World, start_daemon};

const AGENT_TAKES: Duration = Duration::from_secs(1);

/// What the person who rang was told in the end.
struct Story {
    end: Value,
    /// Since the ring.
    took: Duration,
    /// Since the first heartbeat that was handed the request.
    running: Duration,
    /// From the ring on, until one was handed the request for the last time.
    beats: usize,
}

/// Rings, and polls as clients do until there is an end.
async fn ring(world: &World, runtime: &str) -> Story {
    let (rung_at, models) = (world.now(), format!("/api/runtimes/{runtime}/models"));
    let asked = world.call(Function::Initiate, &models).await;
    let path = format!("{models}/{}", asked["id"].as_str().unwrap());
    for _ in 0..200 {
        let end = world.call(Function::Poll, &path).await;
        if !["pending", "running"].contains(&end["status"].as_str().unwrap()) {
            let since: Vec<_> = world.beats().into_iter().filter(|beat| beat.at >= rung_at).collect();
            let first = since.iter().find(|beat| beat.hands_out).unwrap();
            let beats = since.iter().rposition(|beat| beat.hands_out).unwrap() + 1;
            return Story { end, took: world.now() - rung_at, running: world.now() - first.at, beats };
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("no end");
}

/// A ring ten seconds after a heartbeat.
async fn story(way: Way) -> Story {
    let (world, api) = World::start(way).await;
    let (runtime, daemon) = start_daemon(&api, AGENT_TAKES).await;
    world.wait_for_beat(|_| true).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let story = ring(&world, &runtime).await;
    daemon.abort();
    story
}

fn print(name: &str, story: &Story) {
    let (status, took, beats) =
        (story.end["status"].as_str().unwrap(), story.took.as_secs_f64(), story.beats);
    println!("{name:<38} {status:<10} {took:>6.1} s {beats:>6}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_heartbeat_answer_costs_a_beat_with_redelivery_and_the_answer_without() {
    let (safe, on, off) =
        (story(Way::Safe).await, story(Way::LosesWork).await, story(Way::LosesWorkOfAnOlderDaemon).await);
    println!("{:<38} {:<10} {:>8} {:>6}", "one heartbeat's answer", "end", "after", "beats");
    print("arrives", &safe);
    print("is lost, redelivery on", &on);
    print("is lost, redelivery off", &off);

    assert_eq!((&safe.end["status"], safe.beats), (&Value::from("completed"), 1));
    assert_eq!((&on.end["status"], on.beats), (&Value::from("completed"), 2));
    assert_eq!(on.end["models"], safe.end["models"]);
    assert_eq!((&off.end["status"], off.beats), (&Value::from("timeout"), 1));
    assert!(
        off.running > Duration::from_secs(60) && off.running < Duration::from_secs(61),
        "{:?}",
        off.running
    );
}

/// Nothing is kept on the machine: the server knows what the daemon had, and the new one that it has nothing.
#[tokio::test(start_paused = true)]
async fn a_daemon_that_was_killed_and_started_again_gets_its_work_back() {
    let (world, api) = World::start(Way::Safe).await;
    let (runtime, killed) = start_daemon(&api, AGENT_TAKES * 10).await;
    let restart = async {
        world.wait_for_beat(|beat| beat.hands_out).await;
        killed.abort();
        tokio::time::sleep(Duration::from_secs(5)).await;
        start_daemon(&api, AGENT_TAKES).await
    };
    let (story, (same_runtime, _)) = tokio::join!(ring(&world, &runtime), restart);
    assert_eq!(same_runtime, runtime);
    assert_eq!(story.end["status"], "completed");
    assert!(story.running <= Duration::from_secs(5 + 15 + 2), "{:?}", story.running);
}
