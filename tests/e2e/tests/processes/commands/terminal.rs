//! Output on a terminal: progress, colours, width.

use std::sync::{Arc, Mutex};

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::json;

use crate::support::machine::Machine;
use crate::support::records::{RUNTIME, completed, record};
use crate::support::terminal::{self, Terminal};

/// A server with one request, and its status.
async fn server_with_status() -> (ScriptedServer, Arc<Mutex<&'static str>>) {
    let status = Arc::new(Mutex::new("pending"));
    let current = Arc::clone(&status);
    let server =
        ScriptedServer::start(move |_| Reply::Json(200, record(*current.lock().unwrap(), json!({}))));
    (server.await, status)
}

#[tokio::test]
async fn shows_progress_of_request() {
    let (server, status) = server_with_status().await;
    let terminal = Terminal::start(Machine::new().command(&["models", RUNTIME, "--url", &server.url()]), 80);
    terminal.wait_for("pending: waiting for the runtime's next heartbeat").await;
    *status.lock().unwrap() = "running";
    terminal.wait_for("running: the runtime is working").await;
    *status.lock().unwrap() = "completed";
    assert_eq!(terminal.end().await.0, Some(0));
}

#[tokio::test]
async fn clears_spinner_before_table() {
    let server = completed(json!({"models": [{"id": "a", "label": "A"}]})).await;
    let (_, shown) =
        terminal::run(Machine::new().command(&["models", RUNTIME, "--url", &server.url()]), 80).await;
    let last_clear = shown.rfind("\u{1b}[2K").unwrap_or_default();
    assert!(shown.find(" MODEL  LABEL\r\n a      A\r\n").unwrap() > last_clear, "{shown:?}");
}

#[tokio::test]
async fn colours_errors() {
    let (code, shown) = terminal::run(unreachable(&Machine::new()), 80).await;
    assert_eq!(code, Some(1));
    assert!(shown.contains("\u{1b}[1m\u{1b}[91merror\u{1b}[0m: "), "{shown:?}");
}

#[tokio::test]
async fn no_color_removes_escapes_from_errors() {
    let (_, shown) = terminal::run(unreachable(&Machine::new().with_env("NO_COLOR", "1")), 80).await;
    assert!(shown.contains("error: ") && !shown.contains('\u{1b}'), "{shown:?}");
}

fn unreachable(machine: &Machine) -> tokio::process::Command {
    machine.command(&["runtimes", "--url", "http://127.0.0.1:1"])
}

#[tokio::test]
async fn no_color_removes_escapes_from_help() {
    let help = |machine: Machine| async move { terminal::run(machine.command(&["--help"]), 80).await.1 };
    assert!(help(Machine::new()).await.contains('\u{1b}'));
    assert!(!help(Machine::new().with_env("NO_COLOR", "1")).await.contains('\u{1b}'));
}

/// Colours of the log need a feature that is not compiled in; requesting them was a panic.
#[tokio::test]
async fn prints_log_on_terminal() {
    let arguments = ["daemon", "-vv", "--url", "http://127.0.0.1:1", "--file", "any"];
    let terminal = Terminal::start(Machine::new().command(&arguments), 80);
    terminal.wait_for("no connection (is Doorbell running there?); trying again").await;
}

#[tokio::test]
async fn fits_table_without_breaking_ids() {
    let id = "provider/a-model-with-quite-a-long-name";
    let label = "A label of many words that has to give way on a narrow terminal";
    let server = completed(json!({"models": [{"id": id, "label": label}]})).await;
    let (_, shown) =
        terminal::run(Machine::new().command(&["models", RUNTIME, "--url", &server.url()]), 60).await;
    let table = &shown[shown.find(" MODEL").unwrap()..];
    assert!(table.lines().all(|line| line.chars().count() <= 60) && table.contains(id), "{table}");
}

#[tokio::test]
async fn help_fits_80_columns() {
    let machine = Machine::new().with_env("NO_COLOR", "1");
    for command in [
        "dev",
        "daemon",
        "join",
        "enrol",
        "login",
        "logout",
        "runtimes",
        "models",
        "questions",
        "ask",
        "cancel",
        "forget",
        "why",
        "bench",
    ] {
        let (_, shown) = terminal::run(machine.command(&[command, "--help"]), 80).await;
        let long = shown.lines().find(|line| line.chars().count() > 80);
        assert_eq!(long, None);
    }
}
