//! A wrong command line: exit code 2, what is wrong with it, and nothing done.

use crate::support::machine::Machine;

async fn refused(arguments: &[&str], expected: &str) {
    let ended = Machine::new().run(arguments).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

#[tokio::test]
async fn no_command_is_answered_with_the_commands() {
    refused(&[], "Commands:\n").await;
}

#[tokio::test]
async fn an_unknown_command_or_flag_is_told_with_a_guess() {
    refused(&["model"], "similar subcommand exists: 'models'").await;
    refused(&["runtimes", "--jsn"], "similar argument exists: '--json'").await;
}

#[tokio::test]
async fn models_of_nothing_is_told() {
    refused(&["models"], "<RUNTIME>").await;
}

#[tokio::test]
async fn what_is_no_http_url_is_told_with_one_that_is() {
    for url in ["127.0.0.1:3000", "localhost:3000", "ftp://example.com", ""] {
        let expected = "not an http:// or https:// URL such as http://127.0.0.1:3000";
        refused(&["runtimes", "--url", url], expected).await;
    }
}

#[tokio::test]
async fn what_is_no_workspace_is_told_with_one_that_is() {
    let expected = "not an id such as 00000000-0000-4000-8000-00000000000a, in lower case";
    refused(&["runtimes", "--workspace", "mine"], expected).await;
    refused(&["daemon", "--workspace", "00000000-0000-4000-8000-00000000000A"], expected).await;
}

#[tokio::test]
async fn an_empty_token_is_none() {
    refused(&["runtimes", "--token", ""], "a value is required for '--token <TOKEN>'").await;
}

#[tokio::test]
async fn a_beat_takes_a_moment() {
    refused(&["daemon", "--interval", "0"], "at least 0.1 seconds").await;
    refused(&["daemon", "--interval", "86401"], "at most a day").await;
    refused(&["daemon", "--interval", "often"], "not a number of seconds").await;
}

#[tokio::test]
async fn agents_without_a_daemon_to_serve_them_are_told() {
    refused(&["dev", "--no-daemon", "--file", "models.json"], "cannot be used with").await;
}
