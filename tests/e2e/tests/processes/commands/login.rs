//! `doorbell login` and `doorbell logout`, and the commands that use the stored token.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::json;

use crate::support::api::{USER_A, WORKSPACE_A};
use crate::support::dev::Dev;
use crate::support::machine::Machine;

const TOKEN: &str = "dbu_example";

async fn empty_server() -> ScriptedServer {
    ScriptedServer::replying(Reply::Json(200, json!([]))).await
}

#[tokio::test]
async fn stores_checked_token_for_owner_only() {
    let server = empty_server().await;
    let machine = Machine::new().with_file("token", "dbu_example\n");
    let options = ["login", "--url", &server.url(), "--token-file", "token", "--workspace", WORKSPACE_A];
    let ended = machine.run(&options).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    assert!(ended.stderr.starts_with(&format!("Logged in to {}.", server.url())), "{}", ended.stderr);
    let calls = server.calls();
    assert_eq!(calls[0].path, format!("/api/runtimes?limit=1&workspace_id={WORKSPACE_A}"));
    assert_eq!(calls[0].authorization, [format!("Bearer {TOKEN}")]);
    let path = machine.state_path("client.toml");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(machine.state("client.toml").unwrap().contains(TOKEN));
}

#[tokio::test]
async fn reads_token_from_standard_input() {
    let server = empty_server().await;
    for options in [&["--token-file", "-"][..], &[]] {
        let machine = Machine::new();
        let url = server.url();
        let arguments = [&["login", "--url", &url], options].concat();
        let ended = machine.run_with_input(&arguments, "dbu_example\n").await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(machine.state("client.toml").unwrap().contains(TOKEN));
    }
}

#[tokio::test]
async fn rejected_token_is_not_stored() {
    let server = ScriptedServer::replying(Reply::error(401, "a valid bearer token is required")).await;
    let machine = Machine::new();
    let ended = machine.run_with_input(&["login", "--url", &server.url()], TOKEN).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with("error: a valid bearer token is required\nhelp: "), "{}", ended.stderr);
    assert!(machine.state("client.toml").is_none() && !ended.stderr.contains(TOKEN));
}

#[tokio::test]
async fn client_commands_use_login_until_logout() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new().with_file("token", USER_A);
    let login = ["login", "--url", &dev.url, "--token-file", "token"];
    assert_eq!(machine.run(&login).await.code, Some(0));
    let listed = machine.run(&["runtimes", "--json"]).await;
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(0), "[]\n"), "{}", listed.stderr);
    for text in ["Logged out.\n", "No user was logged in.\n"] {
        let ended = machine.run(&["logout"]).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), text));
    }
    assert_eq!(machine.state("client.toml"), None);
}

#[tokio::test]
async fn stored_workspace_is_that_of_the_stored_token() {
    let server = empty_server().await;
    let machine = Machine::new();
    let login = ["login", "--url", &server.url(), "--workspace", WORKSPACE_A];
    assert_eq!(machine.run_with_input(&login, TOKEN).await.code, Some(0));
    machine.run(&["runtimes"]).await;
    machine.run(&["runtimes", "--token", "dbu_other"]).await;
    let paths: Vec<_> = server.calls().into_iter().skip(1).map(|call| call.path).collect();
    assert_eq!(paths, [format!("/api/runtimes?workspace_id={WORKSPACE_A}"), "/api/runtimes".to_owned()]);
}

#[tokio::test]
async fn stored_token_is_not_sent_to_another_server() {
    let [first, second] = [empty_server().await, empty_server().await];
    let machine = Machine::new();
    assert_eq!(machine.run_with_input(&["login", "--url", &first.url()], TOKEN).await.code, Some(0));
    machine.run(&["runtimes", "--url", &second.url()]).await;
    assert_eq!(second.calls()[0].authorization, [format!("Bearer {USER_A}")]);
}

#[tokio::test]
async fn malformed_login_has_remedy() {
    let machine = Machine::new().with_state("client.toml", "token = 1\n");
    let ended = machine.run(&["runtimes"]).await;
    let text = "client.toml is not a file that `doorbell login` wrote\nhelp: remove it; `doorbell login` writes it again\n";
    assert!(ended.code == Some(1) && ended.stderr.ends_with(text), "{}", ended.stderr);
}

/// The prompt is on the controlling terminal, which `setsid` gives it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn prompts_without_echo() {
    use crate::support::terminal::Terminal;

    let server = empty_server().await;
    let machine = Machine::new();
    let direct = machine.command(&["login", "--url", &server.url()]);
    let direct = direct.as_std();
    let mut command = tokio::process::Command::new("/usr/bin/setsid");
    command.args(["--ctty", "--wait"]).arg(direct.get_program()).args(direct.get_args()).env_clear();
    command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut terminal = Terminal::start(command, 80);
    terminal.wait_for(&format!("Token for {}: ", server.url())).await;
    terminal.wait_until_echo_is_off().await;
    terminal.type_text("dbu_example\r");
    let (code, shown) = terminal.end().await;
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(TOKEN), "{shown}");
    assert!(machine.state("client.toml").unwrap().contains(TOKEN));
}
