//! How the commands for people fail: a text that can be acted on, on standard error, and exit code 1.

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::support::api::DAEMON_A;
use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::scripted::{RUNTIME, Scripted, record};

/// What is said on standard error when nothing else is.
async fn said(machine: &Machine, arguments: &[&str]) -> String {
    let ended = machine.run(arguments).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    ended.stderr
}

async fn said_by(status: u16, body: &str) -> String {
    let body = body.to_owned();
    let api = Scripted::start(move |_| (status, body.clone())).await;
    said(&Machine::new(), &["models", RUNTIME, "--url", &api.url]).await
}

async fn said_of(record: Value) -> String {
    said_by(200, &record.to_string()).await
}

#[tokio::test]
async fn a_failure_on_the_machine_is_told_in_its_words() {
    let dev = Dev::without_daemon().await;
    let _daemon = dev.daemon(&Machine::new(), &["--file", "missing.json"]).await;
    for arguments in [&["models", "missing.json"][..], &["models", "missing.json", "--json"]] {
        let said = said(&Machine::new(), &[arguments, &["--url", &dev.url]].concat()).await;
        assert_eq!(said, "error: there is no file missing.json on this machine\n");
    }
}

#[tokio::test]
async fn a_failure_without_a_word_is_a_failure() {
    let said = said_of(record("failed", json!({}))).await;
    assert_eq!(said, "error: the daemon gave no reason\n");
}

/// Scripted: the real one takes its 30 seconds.
#[tokio::test]
async fn a_time_out_is_told() {
    let text = "daemon did not respond within 30 seconds";
    let said = said_of(record("timeout", json!({"error": text}))).await;
    assert_eq!(said, format!("error: {text}\n"));
}

#[tokio::test]
async fn a_machine_that_is_offline_is_told_with_what_to_do() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new();
    let daemon = dev.daemon(&machine, &[]).await;
    daemon.terminate().await;
    let said = said(&machine, &["models", "Sample", "--url", &dev.url]).await;
    assert_eq!(said, "error: runtime is offline\nhelp: start `doorbell daemon` on its machine\n");
}

#[tokio::test]
async fn an_id_that_nobody_has_is_told_with_what_to_do() {
    let dev = Dev::without_daemon().await;
    let said = said(&Machine::new(), &["models", RUNTIME, "--url", &dev.url]).await;
    assert_eq!(said, "error: runtime not found\nhelp: `doorbell runtimes` lists what can be rung\n");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_what_to_do() {
    // Bound, so that nobody else listens there, and not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    for command in [&["runtimes"][..], &["models", "Sample"], &["daemon", "--file", "any"]] {
        let said = said(&Machine::new(), &[command, &["--url", &url]].concat()).await;
        assert!(said.starts_with(&format!("error: {url} cannot be reached: ")), "{said}");
        assert!(said.contains("\nhelp: `doorbell dev` serves it on this machine; --url or "), "{said}");
    }
}

#[tokio::test]
async fn a_server_of_another_kind_is_told_with_what_to_do() {
    for (status, body) in [(200, "<html>welcome</html>"), (404, "nginx")] {
        let said = said_by(status, body).await;
        let text = format!(" answered {status} with something that is not Doorbell's\nhelp: ");
        assert!(said.starts_with("error: http://127.0.0.1:") && said.contains(&text), "{said}");
    }
}

#[tokio::test]
async fn a_token_that_nobody_issued_is_told_with_what_to_do() {
    let dev = Dev::without_daemon().await;
    for command in [&["runtimes"][..], &["models", "Sample"], &["models", RUNTIME]] {
        let options = ["--url", &dev.url, "--token", "unknown"];
        let said = said(&Machine::new(), &[command, &options].concat()).await;
        let text = "error: a valid bearer token is required\nhelp: check --token or DOORBELL_TOKEN\n";
        assert_eq!(said, text);
    }
}

#[tokio::test]
async fn a_daemons_token_is_told_with_what_to_do() {
    let dev = Dev::without_daemon().await;
    let said = said(&Machine::new(), &["runtimes", "--url", &dev.url, "--token", DAEMON_A]).await;
    assert!(said.starts_with("error: the token lacks the scope \"user\"\nhelp: "), "{said}");
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_told_and_not_repeated() {
    let said = said(&Machine::new(), &["runtimes", "--token", "sec\nret"]).await;
    let text =
        "error: the token holds characters that cannot be sent\nhelp: check --token or DOORBELL_TOKEN\n";
    assert_eq!(said, text);
}

#[tokio::test]
async fn ringing_too_often_is_told_with_what_to_do() {
    let said = said_by(429, r#"{"error": "too many requests for this runtime"}"#).await;
    assert!(said.starts_with("error: too many requests for this runtime\nhelp: wait "), "{said}");
}

#[tokio::test]
async fn an_error_cannot_give_the_terminal_orders() {
    let said = said_of(record("failed", json!({"error": "\u{1b}[2Jgone"}))).await;
    assert_eq!(said, "error: \u{fffd}[2Jgone\n");
}
