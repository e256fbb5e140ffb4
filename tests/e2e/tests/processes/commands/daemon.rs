//! `doorbell daemon`, and shutdown of both long-running commands.

use rustix::process::Signal;

use crate::support::api::{USER_A, WORKSPACE_B};
use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::{Output, to_end, wait_for};

#[tokio::test]
async fn prints_runtime_ids_before_first_heartbeat() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new().with_file("one", "[]").with_file("two", "[]");
    let arguments =
        ["daemon", "--url", &dev.url, "--interval", "86400", "--no-push", "--file", "one", "--file", "two"];
    let daemon = machine.start(&arguments);
    let printed = daemon.wait_for_stdout("two ").await;
    for runtime in dev.runtimes().await {
        assert!(printed.contains(runtime["id"].as_str().unwrap()), "{printed}");
        assert_eq!(runtime["last_seen_at"], runtime["created_at"]);
    }
}

#[tokio::test]
async fn runtime_id_survives_restart() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new();
    let daemon = dev.daemon(&machine, &["--daemon-id", "box", "--file", "any"]).await;
    let id = dev.only_id().await;
    daemon.terminate().await;
    let _daemon = dev.daemon(&machine, &["--daemon-id", "box", "--file", "any"]).await;
    assert_eq!(dev.only_id().await, id);
}

#[tokio::test]
async fn machine_without_agents_registers_nothing() {
    let dev = Dev::without_daemon().await;
    let daemon = Machine::new().start(&["daemon", "--url", &dev.url, "--interval", "0.1"]);
    daemon.wait_for_stderr("No agent program was found on PATH and none was configured").await;
    let ended = daemon.terminate().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    assert!(dev.runtimes().await.is_empty());
}

#[tokio::test]
async fn logs_answered_requests() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new().with_file("any", "[]");
    let daemon = dev.daemon(&machine, &["--file", "any"]).await;
    dev.run(&["models", "any"]).await;
    daemon.wait_for_stderr("models listed").await;
}

/// A daemon that its server refuses goes on trying, and says why.
async fn assert_refused(options: &[&str], reason: &str) {
    let dev = Dev::without_daemon().await;
    let daemon = Machine::new().start(&[&["daemon", "--url", &dev.url, "--file", "any"], options].concat());
    daemon.wait_for_stderr(&format!("{reason}; trying again")).await;
    assert_eq!(daemon.terminate().await.code, Some(0));
}

#[tokio::test]
async fn unknown_token_has_remedy() {
    assert_refused(&["--token", "unknown"], "a valid bearer token is required (check the token)").await;
}

#[tokio::test]
async fn user_token_has_remedy() {
    let reason = "the token lacks the scope \"daemon\" (use a token with the scope daemon)";
    assert_refused(&["--token", USER_A], reason).await;
}

#[tokio::test]
async fn other_workspace_has_remedy() {
    let reason = "workspace not found (check the workspace, the daemon id and whose the token is)";
    assert_refused(&["--workspace", WORKSPACE_B], reason).await;
}

#[tokio::test]
async fn daemon_without_server_goes_on() {
    let machine = Machine::new();
    let daemon = machine.start(&["daemon", "--url", "http://127.0.0.1:1", "--file", "any"]);
    daemon.wait_for_stderr("no connection (is Doorbell running there?); trying again").await;
    assert_eq!(daemon.terminate().await.code, Some(0));
}

async fn assert_clean_exit(options: &[&str], signal: Signal) {
    let dev = Dev::start(&Machine::new(), options).await;
    dev.process.wait_for_stdout("Stop with Ctrl-C.").await;
    dev.process.signal(signal);
    assert_eq!(dev.process.end().await.code, Some(0), "{options:?}");
}

#[tokio::test]
async fn sigterm_ends_dev_cleanly() {
    assert_clean_exit(&[], Signal::TERM).await;
    assert_clean_exit(&["--no-daemon"], Signal::TERM).await;
}

#[tokio::test]
async fn ctrl_c_ends_dev_cleanly() {
    assert_clean_exit(&[], Signal::INT).await;
    assert_clean_exit(&["--store", "memory"], Signal::INT).await;
}

async fn assert_offline_after(signal: Signal) {
    let dev = Dev::without_daemon().await;
    let daemon = dev.daemon(&Machine::new(), &["--file", "any"]).await;
    assert_eq!(dev.runtimes().await[0]["status"], "online");
    daemon.signal(signal);
    assert_eq!(daemon.end().await.code, Some(0));
    assert_eq!(dev.runtimes().await[0]["status"], "offline");
}

#[tokio::test]
async fn sigterm_deregisters_daemon() {
    assert_offline_after(Signal::TERM).await;
}

#[tokio::test]
async fn ctrl_c_deregisters_daemon() {
    assert_offline_after(Signal::INT).await;
}

/// A machine with an agent that never answers, and a pipe that ends with the agent.
fn machine_with_stuck_agent() -> (Machine, Output) {
    let body = "exec 3> life; echo asked >&3; PATH=/usr/bin:/bin; exec sleep 600";
    let machine = Machine::new().with_program("stuck", body);
    let life = machine.collect_pipe("life");
    (machine, life)
}

#[tokio::test]
async fn shutdown_kills_busy_agent() {
    let (machine, life) = machine_with_stuck_agent();
    let dev = Dev::start(&machine, &["--command", "stuck"]).await;
    wait_for(&life, "asked").await;
    assert_eq!(dev.process.terminate().await.code, Some(0));
    to_end(life).await;
}

#[tokio::test]
async fn second_ctrl_c_exits_at_once() {
    let dev = Dev::without_daemon().await;
    let (machine, life) = machine_with_stuck_agent();
    let daemon = dev.daemon(&machine, &["--command", "stuck"]).await;
    let _ring = Machine::new().start(&["models", "stuck", "--url", &dev.url]);
    wait_for(&life, "asked").await;
    daemon.signal(Signal::INT);
    daemon.wait_for_stderr("stopping").await;
    daemon.signal(Signal::INT);
    let ended = daemon.end().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("error: interrupted before this machine had signed off"), "{ended:?}");
    to_end(life).await;
}
