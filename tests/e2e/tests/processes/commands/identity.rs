//! Who a daemon is: its id in the state directory, and a second process of one id.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::dev::Dev;
use crate::support::machine::Machine;

/// A machine whose only agent offers the model `model`.
fn machine(model: &str) -> Machine {
    Machine::new().with_file("agent", &format!(r#"[{{"id": "{model}", "label": "{model}"}}]"#))
}

async fn daemon_ids(dev: &Dev) -> Vec<String> {
    let ids =
        dev.runtimes().await.into_iter().map(|runtime| runtime["daemon_id"].as_str().unwrap().to_owned());
    ids.collect()
}

#[tokio::test]
async fn daemon_id_is_made_once() {
    let dev = Dev::without_daemon().await;
    let machine = machine("a");
    for _ in 0..2 {
        let daemon = dev.daemon(&machine, &["--file", "agent"]).await;
        let stored = machine.state("daemon-id").unwrap();
        assert_eq!(daemon_ids(&dev).await, [stored.trim()]);
        daemon.terminate().await;
    }
}

/// Both machines have the host name of the machine that runs the test.
#[tokio::test]
async fn machines_of_one_name_answer_their_own_rings() {
    let dev = Dev::without_daemon().await;
    let machines = [machine("one"), machine("two")];
    let mut daemons = Vec::new();
    for machine in &machines {
        daemons.push(dev.daemon(machine, &["--file", "agent"]).await);
    }
    let runtimes = dev.runtimes().await;
    assert_eq!(runtimes.len(), 2, "{runtimes:?}");
    let mut answered = BTreeSet::new();
    for ring in 0..20 {
        let runtime = &runtimes[ring % 2];
        let ended = dev.run(&["models", runtime["id"].as_str().unwrap(), "--refresh", "--json"]).await;
        let record: Value = serde_json::from_str(&ended.stdout).unwrap();
        let owner = machines.iter().position(|machine| {
            machine.state("daemon-id").unwrap().trim() == runtime["daemon_id"].as_str().unwrap()
        });
        assert_eq!(record["models"][0]["id"], ["one", "two"][owner.unwrap()], "{record}");
        answered.insert(record["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(answered.len(), 20, "rings share a request: {answered:?}");
}

#[tokio::test]
async fn option_or_variable_overrides_stored_id() {
    let dev = Dev::without_daemon().await;
    let named = machine("a").with_env("DOORBELL_DAEMON_ID", "by variable");
    let _first = dev.daemon(&named, &["--file", "agent"]).await;
    let _second = dev.daemon(&named, &["--file", "agent", "--daemon-id", "by option"]).await;
    let ids: BTreeSet<_> = daemon_ids(&dev).await.into_iter().collect();
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), ["by option", "by variable"]);
    assert_eq!(named.state("daemon-id"), None);
}

#[tokio::test]
async fn second_process_of_one_id_warns() {
    let dev = Dev::without_daemon().await;
    let machine = machine("a");
    let first = dev.daemon(&machine, &["--file", "agent"]).await;
    let second = dev.daemon(&machine, &["--file", "agent"]).await;
    let text = format!("runs on this machine already (process {}): end one of the two", first.id());
    second.wait_for_stderr(&text).await;
    assert!(!first.terminate().await.stderr.contains("already"));
}

#[tokio::test]
async fn restarted_daemon_does_not_warn() {
    let dev = Dev::without_daemon().await;
    let machine = machine("a");
    dev.daemon(&machine, &["--file", "agent"]).await.kill().await;
    let second = dev.daemon(&machine, &["--file", "agent"]).await;
    assert!(!second.terminate().await.stderr.contains("already"));
}

#[tokio::test]
async fn host_name_replaces_id_that_cannot_be_kept() {
    let dev = Dev::without_daemon().await;
    let machine = machine("a").with_env("DOORBELL_STATE_DIR", "/dev/null/state");
    let daemon = dev.daemon(&machine, &["--file", "agent"]).await;
    let warning = daemon.wait_for_stderr("give --daemon-id").await;
    assert!(warning.starts_with("warning: /dev/null/state cannot be written: "), "{warning}");
    assert_eq!(dev.runtimes().await.len(), 1);
}

#[tokio::test]
async fn malformed_daemon_id_has_remedy() {
    let machine = machine("a").with_state("daemon-id", "\n");
    let ended = machine.run(&["daemon", "--file", "agent"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let path = machine.state_path("daemon-id");
    let error =
        format!("error: {} is not a file that `doorbell daemon` wrote\nhelp: remove it; ", path.display());
    assert!(ended.stderr.starts_with(&error), "{}", ended.stderr);
}

#[tokio::test]
async fn dev_is_another_daemon_than_that_of_its_machine() {
    let machine = machine("a");
    let dev = Dev::start(&machine, &["--file", "agent"]).await;
    dev.process.wait_for_stdout("Stop with Ctrl-C.").await;
    let stored = machine.state("daemon-id").unwrap();
    assert_eq!(daemon_ids(&dev).await, [format!("{}-dev", stored.trim())]);
}

#[tokio::test]
async fn client_commands_create_no_state() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new();
    let ended = machine.run(&["runtimes", "--url", &dev.url]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(std::fs::read_dir(machine.path("")).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn variables_choose_state_directory() {
    let dev = Dev::without_daemon().await;
    for (variable, folder) in
        [("XDG_STATE_HOME", "state/doorbell"), ("STATE_DIRECTORY", "state"), ("DOORBELL_STATE_DIR", "state")]
    {
        let machine = machine("a");
        let state = machine.path("state").display().to_string();
        let machine = machine.with_env(variable, &state);
        let daemon = dev.daemon(&machine, &["--file", "agent"]).await;
        assert!(machine.path(folder).join("daemon-id").exists(), "{variable}");
        daemon.terminate().await;
    }
}

/// As after a copy of the state directory: no lock shows the other process.
#[tokio::test]
async fn machines_of_one_id_warn_when_they_take_the_push_channel_from_each_other() {
    let dev = Dev::without_daemon().await;
    let machines = [machine("a"), machine("b")].map(|machine| machine.with_state("daemon-id", "box\n"));
    let first = dev.daemon(&machines[0], &["--file", "agent"]).await;
    let _second = dev.daemon(&machines[1], &["--file", "agent"]).await;
    let log = first.wait_for_stderr("another process may run with this daemon id").await;
    assert!(log.contains("daemon_id=\"box\""), "{log}");
}
