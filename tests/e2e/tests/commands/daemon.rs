//! `doorbell daemon`.

use serde_json::json;

use crate::support::api::{USER_A, WORKSPACE_B};
use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::Ended;
use crate::support::scripted::{RUNTIME, Scripted};

#[tokio::test]
async fn each_runtime_is_printed_with_its_id_before_the_first_beat() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new().with_file("one", "[]").with_file("two", "[]");
    let agents = ["daemon", "--url", &dev.url, "--interval", "86400", "--file", "one", "--file", "two"];
    let daemon = machine.start(&agents);
    let printed = daemon.prints("two ").await;
    for runtime in dev.runtimes().await {
        assert!(printed.contains(runtime["id"].as_str().unwrap()), "{printed}");
        assert_eq!(runtime["last_seen_at"], runtime["created_at"]);
    }
}

#[tokio::test]
async fn it_is_the_same_runtime_after_a_restart() {
    let (dev, machine) = (Dev::without_daemon().await, Machine::new());
    let daemon = dev.daemon(&machine, &["--daemon-id", "box"]).await;
    let id = dev.only_id().await;
    daemon.terminate().await;
    let _daemon = dev.daemon(&machine, &["--daemon-id", "box"]).await;
    assert_eq!(dev.only_id().await, id);
}

#[tokio::test]
async fn a_sample_is_told_where_it_does_not_mix_with_the_runtimes() {
    let dev = Dev::without_daemon().await;
    let daemon = dev.daemon(&Machine::new(), &[]).await;
    daemon.complains("this is a sample catalog").await;
    assert!(!daemon.prints("Sample").await.contains("catalog"));
}

#[tokio::test]
async fn what_it_is_asked_is_logged() {
    let dev = Dev::without_daemon().await;
    let daemon = dev.daemon(&Machine::new(), &[]).await;
    dev.run(&["models", "Sample"]).await;
    daemon.complains("models found").await;
}

async fn refused(options: &[&str]) -> Ended {
    let dev = Dev::without_daemon().await;
    let ended = Machine::new().run(&[&["daemon", "--url", &dev.url], options].concat()).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    ended
}

#[tokio::test]
async fn a_token_that_nobody_issued_ends_it_with_what_to_do() {
    let ended = refused(&["--token", "unknown", "--no-detect"]).await;
    let text = "error: a valid bearer token is required\nhelp: check --token or DOORBELL_TOKEN\n";
    assert!(ended.stderr.ends_with(text), "{}", ended.stderr);
}

#[tokio::test]
async fn a_persons_token_ends_it_with_what_to_do() {
    let ended = refused(&["--token", USER_A]).await;
    assert!(ended.stderr.contains("error: the token lacks the scope \"daemon\"\nhelp: "), "{}", ended.stderr);
}

#[tokio::test]
async fn a_workspace_of_others_ends_it_with_what_to_do() {
    let ended = refused(&["--workspace", WORKSPACE_B]).await;
    let text = "error: workspace not found\nhelp: check --workspace or DOORBELL_WORKSPACE";
    assert!(ended.stderr.contains(text), "{}", ended.stderr);
}

#[tokio::test]
async fn a_token_that_is_revoked_meanwhile_ends_it() {
    let api = Scripted::start(|call| match call {
        "POST /api/daemon/register" => {
            let time = "2026-11-22T03:41:07.123Z";
            let runtime = json!({
                "id": RUNTIME, "workspace_id": WORKSPACE_B, "daemon_id": "d", "name": "Sample",
                "provider": "sample", "status": "online", "last_seen_at": time, "created_at": time,
                "updated_at": time,
            });
            (200, json!({"runtimes": [runtime]}).to_string())
        }
        _ => (401, json!({"error": "a valid bearer token is required"}).to_string()),
    });
    let api = api.await;
    let ended = Machine::new().run(&["daemon", "--url", &api.url, "--interval", "0.1"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("error: a valid bearer token is required\nhelp: "), "{}", ended.stderr);
}
