//! `doorbell dev` as a server: where it listens, who may call, where it keeps things.

use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::api::{self, DAEMON_A, DAEMON_B, USER_A, USER_B, WORKSPACE_A, WORKSPACE_B};
use crate::support::dev::Dev;
use crate::support::machine::Machine;

#[tokio::test]
async fn it_says_that_it_is_healthy_to_anybody() {
    let dev = Dev::without_daemon().await;
    let answer = api::call(Method::GET, &format!("{}/healthz", dev.url), "").await;
    assert_eq!(answer, (200, json!({"status": "ok"})));
}

#[tokio::test]
async fn the_store_is_the_embedded_engine_unless_another_is_chosen() {
    let dev = Dev::without_daemon().await;
    assert!(dev.process.prints("\n").await.contains(" (store: embedded)\n"));
}

#[tokio::test]
async fn plain_memory_serves_as_well() {
    let dev = Dev::start(&Machine::new(), &["--store", "memory"]).await;
    assert!(dev.process.prints("Ctrl-C").await.contains("sample/large"));
}

#[tokio::test]
async fn no_daemon_is_started_unless_wanted() {
    let dev = Dev::without_daemon().await;
    assert_eq!(dev.runtimes().await.len(), 0);
}

#[tokio::test]
async fn each_of_the_two_workspaces_has_its_person_and_its_daemon() {
    let dev = Dev::without_daemon().await;
    let list = format!("{}/api/runtimes", dev.url);
    for (user, daemon, workspace) in [(USER_A, DAEMON_A, WORKSPACE_A), (USER_B, DAEMON_B, WORKSPACE_B)] {
        let (url, machine) = (dev.url.as_str(), Machine::new());
        let who = ["daemon", "--url", url, "--token", daemon, "--workspace", workspace];
        let daemon = machine.start(&who);
        daemon.prints(" online ").await;
        let listed = api::get(&list, user).await;
        let workspaces: Vec<_> = listed.as_array().unwrap().iter().map(|it| &it["workspace_id"]).collect();
        assert_eq!(workspaces, [workspace]);
    }
}

#[tokio::test]
async fn nobody_else_may_reach_tokens_that_everybody_knows() {
    for addr in ["0.0.0.0:3000", "[::]:3000", "192.0.2.1:3000"] {
        let ended = Machine::new().run(&["dev", "--addr", addr]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains("use a loopback address such as 127.0.0.1:3000"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_taken_port_is_told_with_what_to_do() {
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = other.local_addr().unwrap().to_string();
    let ended = Machine::new().run(&["dev", "--addr", &addr]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with(&format!("error: cannot listen on {addr}: ")), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("\nhelp: choose another address with --addr\n"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_is_wrong_with_the_agents_is_told_before_anything_is_served() {
    let ended = Machine::new().run(&["dev", "--addr", "127.0.0.1:0", "--config", "missing.toml"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with("error: cannot read missing.toml: "), "{}", ended.stderr);
}

#[tokio::test]
async fn a_table_out_of_reach_is_told_with_what_to_do() {
    let machine = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        .into_iter()
        .fold(Machine::new(), |machine, name| machine.with(name, "nowhere-1"))
        .with("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let ended = machine.run(&["dev", "--addr", "127.0.0.1:0", "--store", "dynamodb"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("error: the table cannot be used: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("help: check AWS_REGION, the AWS credentials and AWS_ENDPOINT_URL"));
}
