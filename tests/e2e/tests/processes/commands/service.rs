//! `doorbell daemon install`, `status` and the others, as far as they need no service manager. `tests/service/run.sh` has one.

use serde_json::Value;

use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::Ended;

fn machine() -> Machine {
    Machine::new().with_file("models.json", r#"[{"id":"a","label":"A"}]"#)
}

/// The status and its exit code, once `is_expected` holds.
async fn status(machine: &Machine, is_expected: impl Fn(&Value) -> bool) -> (Value, Option<i32>) {
    for _ in 0..600 {
        let ended = machine.run(&["daemon", "status", "--json"]).await;
        let status: Value = serde_json::from_str(&ended.stdout).unwrap();
        if is_expected(&status) {
            return (status, ended.code);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the status is never as expected");
}

#[tokio::test]
async fn status_follows_the_daemon() {
    let machine = machine();
    let never = machine.run(&["daemon", "status"]).await;
    assert_eq!((never.code, never.stdout.as_str()), (Some(3), "The daemon does not run.\n"));
    assert!(machine.state("status.json").is_none(), "a command that reads has written");

    let dev = Dev::without_daemon().await;
    let daemon = dev.daemon(&machine, &["--file", "models.json"]).await;
    let (online, code) = status(&machine, |status| status["connected"] == true).await;
    assert_eq!(code, Some(0));
    assert_eq!((&online["connection"], &online["pid"]), (&"online".into(), &daemon.id().into()), "{online}");
    assert_eq!(online["daemon_id"], machine.state("daemon-id").unwrap().trim());
    assert_eq!(online["runtimes"][0]["id"], dev.only_id().await);
    let printed = machine.run(&["daemon", "status"]).await.stdout;
    assert!(printed.starts_with("The daemon is online.\n") && printed.contains(&dev.url), "{printed}");

    dev.process.terminate().await;
    let (retrying, code) = status(&machine, |status| status["connected"] == false).await;
    assert_eq!((code, &retrying["running"]), (Some(1), &true.into()), "{retrying}");
    assert!(retrying["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{retrying}");

    daemon.terminate().await;
    let (stopped, code) = status(&machine, |_| true).await;
    assert_eq!((code, &stopped["running"]), (Some(3), &false.into()), "{stopped}");
}

/// Its process id may be that of another process by then.
#[tokio::test]
async fn killed_daemon_does_not_run() {
    let machine = machine();
    let dev = Dev::without_daemon().await;
    let mut daemon = dev.daemon(&machine, &["--file", "models.json"]).await;
    status(&machine, |status| status["connected"] == true).await;
    daemon.kill().await;
    let (killed, code) = status(&machine, |_| true).await;
    assert_eq!((code, &killed["running"], &killed["connected"]), (Some(3), &false.into(), &false.into()));
}

#[tokio::test]
async fn status_has_no_token() {
    let machine = machine();
    let dev = Dev::without_daemon().await;
    let options = ["--file", "models.json", "--token", "dbd_dev_a"];
    let daemon = dev.daemon(&machine, &options).await;
    status(&machine, |status| status["connected"] == true).await;
    let text = machine.state("status.json").unwrap();
    assert!(!text.contains("dbd_"), "{text}");
    daemon.terminate().await;
}

#[tokio::test]
async fn broken_status_file_has_remedy() {
    let machine = machine().with_state("status.json", "{");
    let ended = machine.run(&["daemon", "status"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("status.json") && ended.stderr.contains("help: "), "{}", ended.stderr);
}

fn refused(ended: &Ended, text: &str) {
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains(text) && ended.stderr.contains("help: "), "{}", ended.stderr);
}

#[tokio::test]
async fn install_refuses_token_in_options() {
    let ended = machine().run(&["daemon", "install", "--token", "dbd_example"]).await;
    refused(&ended, "--token would be in the unit");
    assert!(!ended.stderr.contains("dbd_example"), "{}", ended.stderr);
}

#[tokio::test]
async fn install_checks_options_of_the_daemon() {
    let ended = machine().run(&["daemon", "install", "--interval", "often"]).await;
    refused(&ended, "--interval");
}

#[tokio::test]
async fn run_as_is_for_the_service_of_the_machine() {
    let ended = machine().run(&["daemon", "install", "--run-as", "alice"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--system"), "{}", ended.stderr);
}

#[tokio::test]
async fn daemon_options_do_not_go_with_service_commands() {
    let ended = machine().run(&["daemon", "--no-push", "start"]).await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}
