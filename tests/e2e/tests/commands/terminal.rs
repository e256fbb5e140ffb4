//! What a person at a terminal sees, and what `NO_COLOR` takes away.

use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::support::machine::Machine;
use crate::support::scripted::{RUNTIME, Scripted, record};
use crate::support::terminal::{Terminal, show};

/// A server with a request that stands where a test wants it to.
async fn with_a_request() -> (Scripted, Arc<Mutex<&'static str>>) {
    let status = Arc::new(Mutex::new("pending"));
    let told = Arc::clone(&status);
    let models = json!({"models": [{"id": "a", "label": "A"}]});
    let script = move |_: &str| match *told.lock().unwrap() {
        "completed" => (200, record("completed", models.clone()).to_string()),
        status => (200, record(status, json!({})).to_string()),
    };
    (Scripted::start(script).await, status)
}

#[tokio::test]
async fn the_state_of_a_request_is_shown_while_it_is_under_way() {
    let (api, status) = with_a_request().await;
    let terminal = Terminal::start(Machine::new().doorbell(&["models", RUNTIME, "--url", &api.url]), 80);
    terminal.shows("pending: waits for the runtime's next heartbeat").await;
    *status.lock().unwrap() = "running";
    terminal.shows("running: the runtime works it out").await;
    *status.lock().unwrap() = "completed";
    assert_eq!(terminal.end().await.0, Some(0));
}

#[tokio::test]
async fn the_spinner_is_gone_when_the_answer_is_there() {
    let api = Scripted::answering(record("completed", json!({"models": [{"id": "a", "label": "A"}]}))).await;
    let (_, shown) = show(Machine::new().doorbell(&["models", RUNTIME, "--url", &api.url]), 80).await;
    let last_clear = shown.rfind("\u{1b}[2K").unwrap_or_default();
    assert!(shown.find(" MODEL  LABEL\r\n a      A\r\n").unwrap() > last_clear, "{shown:?}");
}

#[tokio::test]
async fn an_error_is_coloured() {
    let (code, shown) = show(unreachable(&Machine::new()), 80).await;
    assert_eq!(code, Some(1));
    assert!(shown.contains("\u{1b}[1m\u{1b}[91merror\u{1b}[0m: "), "{shown:?}");
}

#[tokio::test]
async fn no_color_takes_every_escape_from_an_error() {
    let (_, shown) = show(unreachable(&Machine::new().with("NO_COLOR", "1")), 80).await;
    assert!(shown.contains("error: ") && !shown.contains('\u{1b}'), "{shown:?}");
}

fn unreachable(machine: &Machine) -> tokio::process::Command {
    machine.doorbell(&["runtimes", "--url", "http://127.0.0.1:1"])
}

#[tokio::test]
async fn no_color_takes_every_escape_from_the_help() {
    let help = |machine: Machine| async move { show(machine.doorbell(&["--help"]), 80).await.1 };
    assert!(help(Machine::new()).await.contains('\u{1b}'));
    assert!(!help(Machine::new().with("NO_COLOR", "1")).await.contains('\u{1b}'));
}

/// The log's colours need a feature that is not built in, and asking for them was a panic.
#[tokio::test]
async fn a_log_can_be_shown() {
    let (code, shown) =
        show(Machine::new().doorbell(&["daemon", "-vv", "--url", "http://127.0.0.1:1"]), 80).await;
    assert_eq!(code, Some(1));
    assert!(!shown.contains("panicked"), "{shown}");
}

#[tokio::test]
async fn a_table_is_fitted_to_the_terminal_without_breaking_ids() {
    let id = "provider/a-model-with-quite-a-long-name";
    let label = "A label of many words that has to give way on a narrow terminal";
    let api = Scripted::answering(record("completed", json!({"models": [{"id": id, "label": label}]}))).await;
    let (_, shown) = show(Machine::new().doorbell(&["models", RUNTIME, "--url", &api.url]), 60).await;
    let table = &shown[shown.find(" MODEL").unwrap()..];
    assert!(table.lines().all(|line| line.chars().count() <= 60) && table.contains(id), "{table}");
}

#[tokio::test]
async fn the_help_fits_a_terminal_of_80_columns() {
    let machine = Machine::new().with("NO_COLOR", "1");
    for command in ["dev", "daemon", "runtimes", "models"] {
        let (_, shown) = show(machine.doorbell(&[command, "--help"]), 80).await;
        let long = shown.lines().find(|line| line.chars().count() > 80);
        assert_eq!(long, None);
    }
}
