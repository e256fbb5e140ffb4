//! From `doorbell dev` to an answer of an enrolled machine, without a token on any command line.

use doorbell_client::http_client;
use serde_json::{Value, json};

use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::{Ended, Running};

fn machine(model: &str) -> Machine {
    Machine::new().with_file("agent", &format!(r#"[{{"id": "{model}", "label": "{model}"}}]"#))
}

async fn code(dev: &Dev) -> String {
    let enrolled = dev.run(&["enrol"]).await;
    assert_eq!(enrolled.code, Some(0), "{}", enrolled.stderr);
    enrolled.stdout.trim().to_owned()
}

async fn join(machine: &Machine, dev: &Dev, code: &str) -> Ended {
    machine.run(&["join", code, "--url", &dev.url]).await
}

/// A machine that joined, and its daemon.
async fn joined(dev: &Dev, model: &str) -> (Machine, Running) {
    let machine = machine(model);
    let joined = join(&machine, dev, &code(dev).await).await;
    assert_eq!(joined.code, Some(0), "{}", joined.stderr);
    let daemon = machine.start(&["daemon", "--file", "agent", "--interval", "0.1"]);
    daemon.wait_for_stdout(" online ").await;
    (machine, daemon)
}

/// `doorbell dev`, `enrol`, `join`, `daemon` and `models`.
#[tokio::test]
async fn five_commands_lead_to_an_answer() {
    let dev = Dev::without_daemon().await;
    let (_machine, _daemon) = joined(&dev, "mine").await;
    let models = dev.run(&["models", "agent"]).await;
    assert_eq!((models.code, models.stdout.as_str()), (Some(0), " MODEL  LABEL\n mine   mine\n"));
}

#[tokio::test]
async fn code_joins_one_machine() {
    let dev = Dev::without_daemon().await;
    let code = code(&dev).await;
    assert_eq!(join(&machine("first"), &dev, &code).await.code, Some(0));
    let second = machine("second");
    let ended = join(&second, &dev, &code).await;
    assert_eq!((ended.code, second.state("daemon.toml")), (Some(1), None));
    assert!(
        ended.stderr.starts_with("error: enrolment not found\nhelp: ask for another code"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn code_joins_the_same_machine_again_within_a_minute() {
    let dev = Dev::without_daemon().await;
    let code = code(&dev).await;
    let machine = machine("mine");
    let mut tokens = Vec::new();
    for _ in 0..2 {
        assert_eq!(join(&machine, &dev, &code).await.code, Some(0));
        tokens.push(token(&machine));
    }
    assert_ne!(tokens[0], tokens[1]);
}

/// The token that `doorbell join` stored.
fn token(machine: &Machine) -> String {
    let file = machine.state("daemon.toml").unwrap();
    let line = file.lines().find_map(|line| line.strip_prefix("token = \"")).unwrap();
    line.trim_end_matches('"').to_owned()
}

async fn post(dev: &Dev, path: &str, token: &str, body: Value) -> (u16, Value) {
    let request = http_client().unwrap().post(format!("{}{path}", dev.url)).bearer_auth(token).json(&body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn stored_token_acts_for_its_daemon_only() {
    let dev = Dev::without_daemon().await;
    let (first, _daemon) = joined(&dev, "first").await;
    let (second, _daemon) = joined(&dev, "second").await;
    let other_daemon = second.state("daemon-id").unwrap();
    let runtimes = dev.runtimes().await;
    let other = runtimes.iter().find(|runtime| runtime["daemon_id"] == other_daemon.trim()).unwrap();
    let path = format!("/api/runtimes/{}/models", other["id"].as_str().unwrap());
    let (_, request) = post(&dev, &path, crate::support::api::USER_A, json!({})).await;
    let path = format!(
        "/api/daemon/runtimes/{}/models/{}/result",
        other["id"].as_str().unwrap(),
        request["id"].as_str().unwrap()
    );
    let report = json!({"status": "completed", "models": []});
    let answer = post(&dev, &path, &token(&first), report).await;
    assert_eq!(answer, (404, json!({"error": "request not found"})));
}
