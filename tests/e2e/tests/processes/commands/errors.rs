//! Failed commands: a text with a remedy on standard error, and exit code 1.

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::support::api::DAEMON_A;
use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::records::{RUNTIME, record};

const CHECK_TOKEN: &str = "help: check --token, --token-file or DOORBELL_TOKEN; `doorbell login` and `doorbell join` store another \
                           one\n";

/// The standard error of a command that fails without output.
async fn error_of(machine: &Machine, arguments: &[&str]) -> String {
    let ended = machine.run(arguments).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    ended.stderr
}

/// The same, against a server with one reply.
async fn error_for(reply: Reply) -> String {
    let server = ScriptedServer::replying(reply).await;
    error_of(&Machine::new(), &["models", RUNTIME, "--url", &server.url()]).await
}

async fn error_for_record(record: Value) -> String {
    error_for(Reply::Json(200, record)).await
}

#[tokio::test]
async fn prints_error_of_agent() {
    let dev = Dev::without_daemon().await;
    let _daemon = dev.daemon(&Machine::new(), &["--file", "missing.json"]).await;
    for arguments in [&["models", "missing.json"][..], &["models", "missing.json", "--json"]] {
        let error = error_of(&Machine::new(), &[arguments, &["--url", &dev.url]].concat()).await;
        assert_eq!(error, "error: there is no file missing.json on this machine\n");
    }
}

#[tokio::test]
async fn failure_without_text_is_an_error() {
    let error = error_for_record(record("failed", json!({}))).await;
    assert_eq!(error, "error: the daemon gave no reason\n");
}

/// Scripted, because a real timeout takes 30 seconds.
#[tokio::test]
async fn prints_timeout() {
    let text = "daemon did not respond within 30 seconds";
    let error = error_for_record(record("timeout", json!({"error": text}))).await;
    assert_eq!(error, format!("error: {text}\n"));
}

#[tokio::test]
async fn offline_runtime_has_remedy() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new();
    let daemon = dev.daemon(&machine, &["--file", "any"]).await;
    daemon.terminate().await;
    let error = error_of(&machine, &["models", "any", "--url", &dev.url]).await;
    assert_eq!(error, "error: runtime is offline\nhelp: start `doorbell daemon` on its machine\n");
}

#[tokio::test]
async fn unknown_id_has_remedy() {
    let dev = Dev::without_daemon().await;
    let error = error_of(&Machine::new(), &["models", RUNTIME, "--url", &dev.url]).await;
    assert_eq!(error, "error: runtime not found\nhelp: `doorbell runtimes` lists the runtimes\n");
}

#[tokio::test]
async fn unreachable_server_has_remedy() {
    // Bound but not listening, so that no other process can listen there.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    for command in [&["runtimes"][..], &["models", "Sample"], &["forget", "Sample"]] {
        let error = error_of(&Machine::new(), &[command, &["--url", &url]].concat()).await;
        assert!(error.starts_with(&format!("error: {url} cannot be reached: ")), "{error}");
        assert!(error.contains("\nhelp: `doorbell dev` serves it on this machine; --url or "), "{error}");
    }
}

#[tokio::test]
async fn other_server_has_remedy() {
    for (status, body) in [(200, "<html>welcome</html>"), (404, "nginx")] {
        let error = error_for(Reply::Bytes(status, body.into())).await;
        let text = format!(" answered {status} with something that is not Doorbell's\nhelp: ");
        assert!(error.starts_with("error: http://127.0.0.1:") && error.contains(&text), "{error}");
    }
}

#[tokio::test]
async fn unknown_token_has_remedy() {
    let dev = Dev::without_daemon().await;
    for command in [&["runtimes"][..], &["models", "Sample"], &["models", RUNTIME]] {
        let options = ["--url", &dev.url, "--token", "unknown"];
        let error = error_of(&Machine::new(), &[command, &options].concat()).await;
        assert_eq!(error, format!("error: a valid bearer token is required\n{CHECK_TOKEN}"));
    }
}

#[tokio::test]
async fn daemon_token_has_remedy() {
    let dev = Dev::without_daemon().await;
    let error = error_of(&Machine::new(), &["runtimes", "--url", &dev.url, "--token", DAEMON_A]).await;
    assert!(error.starts_with("error: the token lacks the scope \"user\"\nhelp: "), "{error}");
}

#[tokio::test]
async fn invalid_token_is_not_printed() {
    let error = error_of(&Machine::new(), &["runtimes", "--token", "sec\nret"]).await;
    assert_eq!(error, format!("error: the token holds characters that cannot be sent\n{CHECK_TOKEN}"));
}

#[tokio::test]
async fn rate_limit_has_remedy() {
    let error = error_for(Reply::error(429, "too many requests for this runtime")).await;
    assert!(error.starts_with("error: too many requests for this runtime\nhelp: wait "), "{error}");
}

#[tokio::test]
async fn error_has_no_control_characters() {
    let error = error_for_record(record("failed", json!({"error": "\u{1b}[2Jgone"}))).await;
    assert_eq!(error, "error: \u{fffd}[2Jgone\n");
}
