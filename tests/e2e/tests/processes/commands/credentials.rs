//! Where a command finds its token.

use std::fs;

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::json;

use crate::support::api::{DAEMON_A, USER_A};
use crate::support::machine::Machine;

/// A machine with tokens in each place from the `first` on, in the order of their precedence.
fn machine(server: &ScriptedServer, first: usize) -> (Machine, Vec<&'static str>) {
    let mut machine = Machine::new()
        .with_file("option-file", "of-option-file\n")
        .with_file("variable-file", "of-variable-file\n");
    fs::create_dir(machine.path("credentials")).unwrap();
    fs::write(machine.path("credentials/doorbell-token"), "of-unit\n").unwrap();
    let mut options = Vec::new();
    if first == 0 {
        options = vec!["--token", "of-option"];
    }
    if first == 1 {
        options = vec!["--token-file", "option-file"];
    }
    if first <= 2 {
        machine = machine.with_env("DOORBELL_TOKEN", "of-variable");
    }
    if first <= 3 {
        machine = machine.with_env("DOORBELL_TOKEN_FILE", "variable-file");
    }
    if first <= 4 {
        let path = machine.path("credentials").display().to_string();
        machine = machine.with_env("CREDENTIALS_DIRECTORY", &path);
    }
    if first <= 5 {
        let url = server.url();
        let workspace = "00000000-0000-4000-8000-00000000000b";
        let daemon = format!(
            "url = \"{url}\"\nworkspace = \"{workspace}\"\ndaemon_id = \"box\"\ntoken = \"of-join\"\n"
        );
        let client = format!("url = \"{url}\"\ntoken = \"of-login\"\n");
        machine = machine.with_state("daemon.toml", &daemon).with_state("client.toml", &client);
    }
    (machine.with_file("agent", "[]"), options)
}

#[tokio::test]
async fn daemon_takes_the_first_token() {
    for (first, expected) in
        ["of-option", "of-option-file", "of-variable", "of-variable-file", "of-unit", "of-join", DAEMON_A]
            .into_iter()
            .enumerate()
    {
        let server = ScriptedServer::replying(Reply::Default).await;
        let (machine, options) = machine(&server, first);
        let daemon =
            machine.start(&[&["daemon", "--file", "agent", "--url", &server.url()], &options[..]].concat());
        daemon.wait_for_stdout(" online ").await;
        let registered = &server.calls_to("/api/daemon/register")[0];
        assert_eq!(registered.authorization, [format!("Bearer {expected}")]);
    }
}

#[tokio::test]
async fn client_takes_the_first_token() {
    for (first, expected) in [
        (0, "of-option"),
        (1, "of-option-file"),
        (2, "of-variable"),
        (3, "of-variable-file"),
        (5, "of-login"),
        (6, USER_A),
    ] {
        let server = ScriptedServer::replying(Reply::Json(200, json!([]))).await;
        let (machine, options) = machine(&server, first);
        let ended = machine.run(&[&["runtimes", "--url", &server.url()], &options[..]].concat()).await;
        assert_eq!((ended.code, ended.stderr.contains("warning")), (Some(0), false), "{}", ended.stderr);
        assert_eq!(server.calls()[0].authorization, [format!("Bearer {expected}")]);
    }
}

/// The standard error of a daemon with a token from these options.
async fn stderr_of_daemon(options: &[&str]) -> String {
    let server = ScriptedServer::replying(Reply::Default).await;
    let machine = Machine::new().with_file("agent", "[]").with_file("token", "dbd_example");
    let daemon = machine.start(&[&["daemon", "--file", "agent", "--url", &server.url()], options].concat());
    daemon.wait_for_stdout(" online ").await;
    daemon.terminate().await.stderr
}

#[tokio::test]
async fn daemon_warns_of_visible_token() {
    let warning =
        "warning: other users of this machine can see the token in the list of processes; use --token-file";
    let stderr = stderr_of_daemon(&["--token", "dbd_example"]).await;
    assert_eq!(stderr.matches(warning).count(), 1, "{stderr}");
    assert!(!stderr.contains("dbd_example"), "{stderr}");
    for options in [["--token", DAEMON_A], ["--token-file", "token"]] {
        assert!(!stderr_of_daemon(&options).await.contains("warning"), "{options:?}");
    }
}

async fn error_of(machine: &Machine, arguments: &[&str]) -> String {
    let ended = machine.run(arguments).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    ended.stderr
}

#[tokio::test]
async fn unusable_token_file_is_named() {
    let long = "a".repeat(20_000);
    let machine = Machine::new().with_file("empty", " \n").with_file("long", &long);
    for (file, text) in [
        ("empty", "error: the token file empty is empty\n"),
        ("long", "error: the token file long is longer than any token\n"),
        ("missing", "error: the token file missing cannot be read: No such file or directory"),
    ] {
        let error = error_of(&machine, &["runtimes", "--token-file", file]).await;
        assert!(error.starts_with(text), "{error}");
    }
}

#[tokio::test]
async fn server_on_another_machine_needs_token() {
    for (arguments, remedy) in [
        (&["runtimes"][..], "log in with `doorbell login`"),
        (&["enrol", "--workspace", "00000000-0000-4000-8000-00000000000a"], "give one with the scope admin"),
        (
            &["daemon", "--workspace", "00000000-0000-4000-8000-00000000000a"],
            "enrol this machine with `doorbell join`",
        ),
    ] {
        let error =
            error_of(&Machine::new(), &[arguments, &["--url", "https://doorbell.test"]].concat()).await;
        let text = format!("error: there is no token for https://doorbell.test\nhelp: {remedy}");
        assert!(error.starts_with(&text), "{error}");
    }
}

#[tokio::test]
async fn daemon_on_another_machine_needs_workspace() {
    let error =
        error_of(&Machine::new(), &["daemon", "--token", "dbd_example", "--url", "https://doorbell.test"])
            .await;
    assert!(
        error.ends_with("error: no workspace is given\nhelp: give --workspace or DOORBELL_WORKSPACE\n"),
        "{error}"
    );
}
