//! Flags, their variables in the environment, and which of them counts.

use crate::support::api::{DAEMON_B, USER_A, USER_B, WORKSPACE_A, WORKSPACE_B};
use crate::support::dev::Dev;
use crate::support::machine::Machine;

/// A server with a runtime in the second workspace only.
async fn with_a_runtime_of_b() -> Dev {
    let dev = Dev::without_daemon().await;
    let options = ["--token", DAEMON_B, "--workspace", WORKSPACE_B];
    let daemon = dev.daemon(&Machine::new(), &options).await;
    daemon.terminate().await;
    dev
}

#[tokio::test]
async fn a_person_is_told_by_the_environment() {
    let dev = with_a_runtime_of_b().await;
    let machine = Machine::new().with("DOORBELL_URL", &dev.url).with("DOORBELL_TOKEN", USER_B);
    let ended = machine.with("DOORBELL_WORKSPACE", WORKSPACE_B).run(&["runtimes"]).await;
    assert!(ended.stdout.contains("Sample"), "{ended:?}");
}

#[tokio::test]
async fn a_workspace_of_the_environment_is_asked_for() {
    let dev = with_a_runtime_of_b().await;
    let machine = Machine::new().with("DOORBELL_URL", &dev.url).with("DOORBELL_TOKEN", USER_B);
    let ended = machine.with("DOORBELL_WORKSPACE", WORKSPACE_A).run(&["runtimes"]).await;
    assert!(ended.stderr.starts_with("error: workspace not found\n"), "{ended:?}");
}

#[tokio::test]
async fn a_daemon_is_told_by_the_environment() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new().with("DOORBELL_URL", &dev.url).with("DOORBELL_TOKEN", DAEMON_B);
    let daemon = machine.with("DOORBELL_WORKSPACE", WORKSPACE_B).start(&["daemon"]);
    daemon.prints(" online ").await;
    assert!(dev.run(&["runtimes", "--token", USER_B]).await.stdout.contains("Sample"));
}

#[tokio::test]
async fn flags_win_over_the_environment() {
    let dev = with_a_runtime_of_b().await;
    let machine = Machine::new().with("DOORBELL_URL", "http://127.0.0.1:1").with("DOORBELL_TOKEN", USER_A);
    let machine = machine.with("DOORBELL_WORKSPACE", WORKSPACE_A);
    let flags = ["runtimes", "--url", &dev.url, "--token", USER_B, "--workspace", WORKSPACE_B];
    let ended = machine.run(&flags).await;
    assert!(ended.stdout.contains("Sample"), "{ended:?}");
}

#[tokio::test]
async fn a_token_may_come_with_the_line_end_of_its_file() {
    let dev = Dev::without_daemon().await;
    let ended = dev.run(&["runtimes", "--json", "--token", "dbu_dev_a\n"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "[]\n"));
}
