//! Questions of a daemon, from the TOML file to the answer, with the real server, daemon and programs.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::USER_A;
use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::{Running, to_end};
use crate::support::with_timeout;

/// A question that answers with its args and a number.
fn question(name: &str, number: u32) -> String {
    format!(
        "[[question]]\nname = '{name}'\ntimeout_s = 30\n\
         program = ['/bin/sh', '-c', 'read args; echo \"[$args, {number}]\"']\n"
    )
}

fn questions(names: &[&str]) -> String {
    (1..).zip(names).map(|(number, name)| question(name, number)).collect()
}

/// A daemon that offers the questions in the machine's file.
async fn daemon(dev: &Dev, machine: &Machine) -> Running {
    dev.daemon(machine, &["--daemon-id", "box", "--config", "questions.toml", "--file", "models"]).await
}

async fn call(dev: &Dev, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let http = doorbell_client::http_client().unwrap();
    let request = http.request(method, format!("{}{path}", dev.url)).bearer_auth(USER_A).json(body);
    let response = with_timeout(path, request.send()).await.unwrap();
    (response.status().as_u16(), with_timeout(path, response.json()).await.unwrap())
}

/// Asks the only runtime, and returns the path of the request.
async fn ask(dev: &Dev, body: Value) -> String {
    let requests = format!("/api/runtimes/{}/requests", dev.only_id().await);
    let (status, record) = call(dev, Method::POST, &requests, &body).await;
    assert_eq!((status, &record["status"]), (200, &json!("pending")), "{record}");
    format!("{requests}/{}", record["id"].as_str().unwrap())
}

/// Polls until the record matches.
async fn poll_until(dev: &Dev, request: &str, matches: impl Fn(&Value) -> bool) -> Value {
    let matching = async {
        loop {
            let record = dev.get(request).await;
            if matches(&record) {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    with_timeout("a record", matching).await
}

async fn ended(dev: &Dev, request: &str) -> Value {
    poll_until(dev, request, |record| record["status"] != "pending" && record["status"] != "running").await
}

/// The result of a question with args.
async fn answer(dev: &Dev, kind: &str, args: Value) -> Value {
    let request = ask(dev, json!({"kind": kind, "args": args})).await;
    let record = ended(dev, &request).await;
    assert_eq!(record["status"], "completed", "{record}");
    record["result"].clone()
}

/// The server and its machine-independent configuration stay as they are; only the daemon is started again.
#[tokio::test]
async fn more_questions_need_only_their_toml() {
    let dev = Dev::without_daemon().await;
    let mut machine = Machine::new().with_file("questions.toml", &questions(&["first"]));
    let running = daemon(&dev, &machine).await;
    running.wait_for_stdout("Questions: first\n").await;
    assert_eq!(answer(&dev, "first", json!({"a": "b c"})).await, json!([{"a": "b c"}, 1]));
    let requests = format!("/api/runtimes/{}/requests", dev.only_id().await);
    let (status, error) = call(&dev, Method::POST, &requests, &json!({"kind": "second"})).await;
    assert_eq!((status, error), (404, json!({"error": "unknown kind"})));
    running.terminate().await;

    machine = machine.with_file("questions.toml", &questions(&["first", "second", "third"]));
    let running = daemon(&dev, &machine).await;
    running.wait_for_stdout("Questions: first, second, third\n").await;
    assert_eq!(answer(&dev, "second", json!([])).await, json!([[], 2]));
    assert_eq!(answer(&dev, "third", json!("x")).await, json!(["x", 3]));
    assert_eq!(answer(&dev, "first", json!({})).await, json!([{}, 1]));
}

#[tokio::test]
async fn dev_offers_questions_of_its_file() {
    let machine = Machine::new().with_file("questions.toml", &questions(&["first"]));
    let dev = Dev::start(&machine, &["--config", "questions.toml", "--interval", "0.1"]).await;
    dev.process.wait_for_stdout("Questions: first\n").await;
    let ask = format!("  doorbell ask {} first --wait --url {}\n", dev.only_id().await, dev.url);
    dev.process.wait_for_stdout(&ask).await;
    assert_eq!(answer(&dev, "first", json!({})).await, json!([{}, 1]));
}

/// A runner or an edge box has no agent program.
#[tokio::test]
async fn machine_without_agents_answers_its_questions() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new().with_file("questions.toml", &questions(&["first"]));
    let running = dev.daemon(&machine, &["--daemon-id", "box", "--config", "questions.toml"]).await;
    running.wait_for_stdout("Questions: first\n").await;
    running.wait_for_stderr("this machine answers its questions only").await;
    assert_eq!(dev.runtimes().await[0]["provider"], "machine");
    assert_eq!(answer(&dev, "first", json!({"a": 1})).await, json!([{"a": 1}, 1]));
    let models = ended(&dev, &ask(&dev, json!({"kind": "model_list"})).await).await;
    assert_eq!(models["result"], json!({"models": [], "supported": false}));
}

/// The machine is off when it is asked, and answers when it is on again.
#[tokio::test]
async fn offline_machine_collects_queued_request() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new().with_file("questions.toml", &questions(&["first"]));
    daemon(&dev, &machine).await.terminate().await;
    let requests = format!("/api/runtimes/{}/requests", dev.only_id().await);
    let (status, error) = call(&dev, Method::POST, &requests, &json!({"kind": "first"})).await;
    assert_eq!((status, error), (503, json!({"error": "runtime is offline"})));
    let request = ask(&dev, json!({"kind": "first", "args": 5, "queue_s": 3_600})).await;
    let _running = daemon(&dev, &machine).await;
    assert_eq!(ended(&dev, &request).await["result"], json!([5, 1]));
}

#[tokio::test]
async fn cancellation_ends_process_group() {
    let dev = Dev::without_daemon().await;
    // The response to a report of progress names the cancellation; a heartbeat would take up to a minute.
    let progress = "echo \"{\\\"progress\\\": {\\\"done\\\": 1}}\"";
    let script = format!("exec 3> pipe; /bin/sleep 1000 & while {progress}; do /bin/sleep 1; done");
    let machine = Machine::new();
    let home = machine.path("").to_str().unwrap().to_owned();
    let file =
        format!("[[question]]\nname = 'hold'\ntimeout_s = 900\nprogram = ['/bin/sh', '-c', '{script}']\n");
    let machine = machine.with_env("HOME", &home).with_file("questions.toml", &file);
    let pipe = machine.collect_pipe("pipe");
    let running = daemon(&dev, &machine).await;
    let request = ask(&dev, json!({"kind": "hold"})).await;
    let record = poll_until(&dev, &request, |record| record.get("progress").is_some()).await;
    assert_eq!((&record["status"], &record["progress"]), (&json!("running"), &json!({"done": 1})));
    let (status, cancelled) = call(&dev, Method::DELETE, &request, &json!({})).await;
    assert_eq!(
        (status, &cancelled["status"], &cancelled["error"]),
        (200, &json!("failed"), &json!("cancelled"))
    );
    // The pipe ends with the last process that holds it.
    to_end(pipe).await;
    running.wait_for_stderr("request cancelled").await;
    assert_eq!(dev.get(&request).await["error"], "cancelled");
}

/// The example of the documentation, with programs that exist on every machine of the tests.
#[tokio::test]
async fn example_file_is_answered() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new()
        .with_program("uptime", "echo 'up 3 days'")
        .with_program("df", "echo \"$@\"")
        .with_file("questions.toml", include_str!("../../../../../examples/questions.toml"));
    let running = daemon(&dev, &machine).await;
    running.wait_for_stdout("Questions: load, disk_usage, git_branches\n").await;
    assert_eq!(answer(&dev, "load", json!({})).await, json!({"text": "up 3 days"}));
    let arguments = json!({"text": "-h --output=target,avail,pcent"});
    assert_eq!(answer(&dev, "disk_usage", json!({})).await, arguments);
    let request = ask(&dev, json!({"kind": "git_branches", "args": {"repository": "../etc"}})).await;
    let record = ended(&dev, &request).await;
    assert!(record["error"].as_str().unwrap().contains("repository"), "{record}");
}

#[tokio::test]
async fn built_in_kinds_are_answered_like_questions() {
    let dev = Dev::without_daemon().await;
    let machine = Machine::new().with_file("questions.toml", "").with_file("models", "[]");
    let _running = daemon(&dev, &machine).await;
    let models = ended(&dev, &ask(&dev, json!({"kind": "model_list"})).await).await;
    assert_eq!(models["result"]["supported"], true, "{models}");
    let skills = ended(&dev, &ask(&dev, json!({"kind": "local_skills"})).await).await;
    assert_eq!(skills["result"]["supported"], false, "{skills}");
}
