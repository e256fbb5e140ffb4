//! Flags, their environment variables, help texts and usage errors.

use crate::support::api::{DAEMON_B, USER_A, USER_B, WORKSPACE_A, WORKSPACE_B};
use crate::support::dev::Dev;
use crate::support::machine::Machine;

/// A server with a runtime in the second workspace only.
async fn dev_with_runtime_in_b() -> Dev {
    let dev = Dev::without_daemon().await;
    let options = ["--token", DAEMON_B, "--workspace", WORKSPACE_B, "--file", "Sample"];
    let daemon = dev.daemon(&Machine::new(), &options).await;
    daemon.terminate().await;
    dev
}

#[tokio::test]
async fn environment_configures_client() {
    let dev = dev_with_runtime_in_b().await;
    let machine = Machine::new().with_env("DOORBELL_URL", &dev.url).with_env("DOORBELL_TOKEN", USER_B);
    let ended = machine.with_env("DOORBELL_WORKSPACE", WORKSPACE_B).run(&["runtimes"]).await;
    assert!(ended.stdout.contains("Sample"), "{ended:?}");
}

#[tokio::test]
async fn environment_selects_workspace() {
    let dev = dev_with_runtime_in_b().await;
    let machine = Machine::new().with_env("DOORBELL_URL", &dev.url).with_env("DOORBELL_TOKEN", USER_B);
    let ended = machine.with_env("DOORBELL_WORKSPACE", WORKSPACE_A).run(&["runtimes"]).await;
    assert!(ended.stderr.starts_with("error: workspace not found\n"), "{ended:?}");
}

#[tokio::test]
async fn environment_configures_daemon() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new().with_env("DOORBELL_URL", &dev.url).with_env("DOORBELL_TOKEN", DAEMON_B);
    let daemon = machine.with_env("DOORBELL_WORKSPACE", WORKSPACE_B).start(&["daemon", "--file", "Sample"]);
    daemon.wait_for_stdout(" online ").await;
    assert!(dev.run(&["runtimes", "--token", USER_B]).await.stdout.contains("Sample"));
}

#[tokio::test]
async fn flags_override_environment() {
    let dev = dev_with_runtime_in_b().await;
    let machine =
        Machine::new().with_env("DOORBELL_URL", "http://127.0.0.1:1").with_env("DOORBELL_TOKEN", USER_A);
    let machine = machine.with_env("DOORBELL_WORKSPACE", WORKSPACE_A);
    let flags = ["runtimes", "--url", &dev.url, "--token", USER_B, "--workspace", WORKSPACE_B];
    let ended = machine.run(&flags).await;
    assert!(ended.stdout.contains("Sample"), "{ended:?}");
}

#[tokio::test]
async fn token_may_end_with_newline() {
    let dev = Dev::without_daemon().await;
    let ended = dev.run(&["runtimes", "--json", "--token", "dbu_dev_a\n"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "[]\n"));
}

async fn help(machine: &Machine, arguments: &[&str]) -> String {
    let ended = machine.run(&[arguments, &["--help"]].concat()).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    ended.stdout
}

#[tokio::test]
async fn every_command_has_examples() {
    for (command, example) in [
        ("dev", "\n  doorbell dev --file models.json\n"),
        ("daemon", "\n  doorbell daemon --openai http://127.0.0.1:11434/v1\n"),
        ("join", "\n  doorbell join K7QX-4M2N-9TBC-HW5R --url https://doorbell.example.com\n"),
        ("enrol", "\n  doorbell enrol\n"),
        ("login", "\n  doorbell login --url https://doorbell.example.com\n"),
        ("logout", "\n  doorbell logout\n"),
        ("runtimes", "\n  doorbell runtimes --json\n"),
        ("models", "\n  doorbell models Codex\n"),
        ("questions", "\n  doorbell questions Codex --json\n"),
        ("ask", "\n  doorbell ask Codex disk_usage --wait\n"),
        ("cancel", "\n  doorbell cancel 0193510a2b3c7d4e8f90a1b2c3d4e5f6\n"),
        ("forget", "\n  doorbell forget \"Old laptop\"\n"),
        ("why", "\n  doorbell why 0193510a2b3c7d4e8f90a1b2c3d4e5f6 --workspace $WORKSPACE\n"),
        ("bench", "\n  doorbell bench\n"),
    ] {
        let help = help(&Machine::new(), &[command]).await;
        assert!(help.contains("\nExamples:\n") && help.contains(example), "{help}");
    }
}

#[tokio::test]
async fn help_hides_token_of_environment() {
    let machine = Machine::new().with_env("DOORBELL_TOKEN", "dbu_secret");
    for command in ["daemon", "enrol", "runtimes", "models", "questions", "ask", "cancel", "forget", "bench"]
    {
        let help = help(&machine, &[command]).await;
        assert!(help.contains("DOORBELL_TOKEN") && !help.contains("dbu_secret"), "{help}");
    }
}

#[tokio::test]
async fn defaults_match_dev() {
    let help = help(&Machine::new(), &["daemon"]).await;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let default = "[default: that of `doorbell join` or `doorbell login`, or http://127.0.0.1:3000]";
    assert!(help.contains(default), "{help}");
}

async fn refused(arguments: &[&str], expected: &str) {
    let ended = Machine::new().run(arguments).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

#[tokio::test]
async fn no_command_lists_commands() {
    refused(&[], "Commands:\n").await;
}

#[tokio::test]
async fn suggests_similar_command_or_flag() {
    refused(&["model"], "similar subcommand exists: 'models'").await;
    refused(&["runtimes", "--jsn"], "similar argument exists: '--json'").await;
}

#[tokio::test]
async fn models_needs_runtime() {
    refused(&["models"], "<RUNTIME>").await;
}

#[tokio::test]
async fn rejects_url_without_http_scheme() {
    for url in ["127.0.0.1:3000", "localhost:3000", "ftp://example.com", ""] {
        let expected = "not an http:// or https:// URL such as http://127.0.0.1:3000";
        refused(&["runtimes", "--url", url], expected).await;
    }
}

#[tokio::test]
async fn rejects_invalid_workspace() {
    let expected = "not an id such as 00000000-0000-4000-8000-00000000000a, in lower case";
    refused(&["runtimes", "--workspace", "mine"], expected).await;
    refused(&["daemon", "--workspace", "00000000-0000-4000-8000-00000000000A"], expected).await;
}

#[tokio::test]
async fn rejects_invalid_request_or_runtime() {
    let expected = "not an id such as 0193510a2b3c7d4e8f90a1b2c3d4e5f6: 32 hex digits in lower case";
    refused(&["why", "0193510A"], expected).await;
    let request = "0193510a2b3c7d4e8f90a1b2c3d4e5f6";
    refused(&["why", request, "--runtime", "Codex"], "not an id such as 7b1d4e0c-").await;
}

#[tokio::test]
async fn rejects_empty_token() {
    refused(&["runtimes", "--token", ""], "a value is required for '--token <TOKEN>'").await;
}

#[tokio::test]
async fn rejects_interval_out_of_range() {
    refused(&["daemon", "--interval", "0"], "at least 0.1 seconds").await;
    refused(&["daemon", "--interval", "86401"], "at most a day").await;
    refused(&["daemon", "--interval", "often"], "not a time such as 15s or 500ms").await;
}

#[tokio::test]
async fn rejects_data_that_store_ignores() {
    let request = "0193510a2b3c7d4e8f90a1b2c3d4e5f6";
    for command in [
        &["token", "list"][..],
        &["token", "revoke", "1f0c9a2b7d3e", "--store", "dynamodb"],
        &["token", "create", "--scope", "user", "--subject", "me"],
        &["why", request],
        &["why", request, "--store", "dynamodb"],
        &["dev", "--store", "memory"],
        &["dev", "--store", "dynamodb"],
    ] {
        let ended = Machine::new().run(&[command, &["--data", "doorbell.db"]].concat()).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{command:?} {}", ended.stderr);
        let error = "error: the argument '--data <FILE>' needs '--store embedded'\n";
        assert!(ended.stderr.starts_with(error), "{command:?} {}", ended.stderr);
        assert!(ended.stderr.contains(&format!("\nUsage: doorbell {}", command[0])), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn rejects_blank_subject() {
    for subject in ["", "   ", "\t"] {
        refused(&["token", "create", "--scope", "user", "--subject", subject], "is blank").await;
    }
}

#[tokio::test]
async fn rejects_agents_without_daemon() {
    refused(&["dev", "--no-daemon", "--file", "models.json"], "cannot be used with").await;
}
