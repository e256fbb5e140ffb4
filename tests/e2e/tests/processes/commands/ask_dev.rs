//! `doorbell ask`, `doorbell questions` and `doorbell cancel` against `doorbell dev`.

use std::collections::BTreeMap;
use std::time::Duration;

use doorbell_protocol::{Report, Work};
use doorbell_shared::clock::Stopwatch;
use serde_json::{Value, json};

use crate::support::api::USER_B;
use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::Ended;
use crate::support::question_daemon::{QuestionDaemon, echo};
use crate::support::with_timeout;

fn disk_usage() -> Value {
    json!([{
        "name": "disk_usage", "description": "Free space", "timeout_s": 1,
        "args_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
    }])
}

/// The id that `ended`, a `doorbell ask` without `--wait`, has printed.
fn printed_id(ended: &Ended) -> String {
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    ended.stdout.trim_end().to_owned()
}

async fn record(dev: &Dev, daemon: &QuestionDaemon, request: &str) -> Value {
    dev.get(&format!("/api/runtimes/{}/requests/{request}", daemon.runtimes[0].id)).await
}

#[tokio::test]
async fn asks_with_args_and_prints_result() {
    let dev = Dev::without_daemon().await;
    let daemon = QuestionDaemon::register(&dev, &["box"], &disk_usage()).await;
    let _serving = daemon.serve(|name, work| Some(echo(name, work)));
    let ended =
        dev.run(&["ask", "box", "disk_usage", "--arg", "path=/srv", "--arg", "n=1.10", "--wait"]).await;
    let result = "{\n  \"box\": {\n    \"path\": \"/srv\",\n    \"n\": 1.10\n  }\n}\n";
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), result, ""));
    let id = daemon.runtimes[0].id.to_string();
    let ended = dev.run(&["ask", &id, "disk_usage", "--wait", "--json"]).await;
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &printed["result"]), (Some(0), &json!({"box": null})));
    assert_eq!(printed, record(&dev, &daemon, printed["id"].as_str().unwrap()).await);
}

#[tokio::test]
async fn failure_and_timeout_are_errors() {
    let dev = Dev::without_daemon().await;
    let daemon = QuestionDaemon::register(&dev, &["failing", "silent"], &disk_usage()).await;
    let _serving = daemon.serve(|name, _| (name == "failing").then(|| Report::failed("no disk\u{1b}[2J")));
    for (name, error) in [
        ("failing", "error: no disk\u{fffd}[2J\n"),
        ("silent", "error: daemon did not finish within 1 seconds\n"),
    ] {
        let ended = dev.run(&["ask", name, "disk_usage", "--wait"]).await;
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(1), "", error));
    }
}

#[tokio::test]
async fn queued_request_waits_for_offline_runtime() {
    let dev = Dev::without_daemon().await;
    let daemon = QuestionDaemon::register(&dev, &["offline"], &disk_usage()).await;
    let refused = dev.run(&["ask", "offline", "disk_usage"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.starts_with("error: runtime is offline\n"), "{}", refused.stderr);

    let machine = Machine::new();
    let asking =
        machine.start(&["ask", "offline", "disk_usage", "--queue", "1h", "--wait", "--url", &dev.url]);
    let id = printed_id(&dev.run(&["ask", "offline", "disk_usage", "--queue", "1h"]).await);
    assert_eq!(record(&dev, &daemon, &id).await["status"], "pending");
    let _serving = daemon.serve(|name, work| Some(echo(name, work)));
    assert_eq!(asking.end().await.stdout, "{\n  \"offline\": null\n}\n");
    let answered = async {
        while record(&dev, &daemon, &id).await["status"] != "completed" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    with_timeout("the answer to a queued request", answered).await;
}

#[tokio::test]
async fn key_asks_once() {
    let dev = Dev::without_daemon().await;
    let _daemon = QuestionDaemon::register(&dev, &["box"], &disk_usage()).await;
    let ask = async |options: &[&str]| {
        dev.run(&[&["ask", "box", "disk_usage", "--idempotency-key", "mine"], options].concat()).await
    };
    let first = printed_id(&ask(&[]).await);
    assert_eq!(printed_id(&ask(&[]).await), first);
    let other = ask(&["--arg", "path=/"]).await;
    let error = "error: idempotency key was used for another request\nhelp: give another --idempotency-key\n";
    assert_eq!((other.code, other.stderr.as_str()), (Some(1), error));
    let another = ["ask", "box", "disk_usage", "--idempotency-key", "another"];
    assert_ne!(printed_id(&dev.run(&another).await), first);
}

/// Ten terminals cause one run.
#[tokio::test]
async fn request_without_args_joins_pending_one() {
    let dev = Dev::without_daemon().await;
    let _daemon = QuestionDaemon::register(&dev, &["box"], &disk_usage()).await;
    let ask = async || printed_id(&dev.run(&["ask", "box", "disk_usage"]).await);
    let first = ask().await;
    for _ in 0..9 {
        assert_eq!(ask().await, first);
    }
    let with_args = dev.run(&["ask", "box", "disk_usage", "--arg", "path=/"]).await;
    assert_ne!(printed_id(&with_args), first);
}

#[tokio::test]
async fn undeclared_kind_has_remedy() {
    let dev = Dev::without_daemon().await;
    let _daemon = QuestionDaemon::register(&dev, &["box"], &disk_usage()).await;
    let ended = dev.run(&["ask", "box", "weather"]).await;
    let help = "help: `doorbell questions` lists the kinds that a runtime answers\n";
    assert_eq!((ended.code, ended.stderr), (Some(1), format!("error: unknown kind\n{help}")));
}

#[tokio::test]
async fn questions_are_those_of_registration() {
    let dev = Dev::without_daemon().await;
    let _daemon = QuestionDaemon::register(&dev, &["box"], &disk_usage()).await;
    let table = dev.run(&["questions", "box"]).await.stdout;
    let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, ["disk_usage", "Free", "space", "1", "s", "[path=string]"]);
    let json: Value = serde_json::from_str(&dev.run(&["questions", "box", "--json"]).await.stdout).unwrap();
    assert_eq!(json[0]["args_schema"], disk_usage()[0]["args_schema"]);
}

#[tokio::test]
async fn cancel_ends_open_request() {
    let dev = Dev::without_daemon().await;
    // The search meets runtimes without the request.
    let names = ["box", "other", "third"];
    let daemon = QuestionDaemon::register(&dev, &names, &disk_usage()).await;
    for options in [&[][..], &["--runtime", "box"]] {
        let id = printed_id(&dev.run(&["ask", "box", "disk_usage"]).await);
        let foreign = dev.run(&["cancel", &id, "--token", USER_B]).await;
        let error = format!("error: no runtime that is listed has the request {id}\n");
        assert!(foreign.code == Some(1) && foreign.stderr.starts_with(&error), "{}", foreign.stderr);
        let ended = dev.run(&[&["cancel", &id], options].concat()).await;
        assert_eq!((ended.code, ended.stderr), (Some(0), format!("Request {id} is cancelled.\n")));
        let record = record(&dev, &daemon, &id).await;
        assert_eq!((&record["status"], &record["error"]), (&json!("failed"), &json!("cancelled")));
    }
}

#[tokio::test]
async fn cancel_keeps_ended_request() {
    let dev = Dev::without_daemon().await;
    let daemon = QuestionDaemon::register(&dev, &["box"], &disk_usage()).await;
    let _serving = daemon.serve(|name, work| Some(echo(name, work)));
    let ended = dev.run(&["ask", "box", "disk_usage", "--wait", "--json"]).await;
    let asked: Value = serde_json::from_str(&ended.stdout).unwrap();
    let id = asked["id"].as_str().unwrap();
    let ended = dev.run(&["cancel", id, "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&ended.stdout).unwrap(), asked);
    assert_eq!(ended.code, Some(0));
}

/// Five silent runtimes one after another would take five of their deadlines.
#[tokio::test]
async fn all_asks_50_daemons_within_one_deadline() {
    let dev = Dev::without_daemon().await;
    let names: Vec<String> = (0..50)
        .map(|number| match number {
            0..5 => format!("offline{number}"),
            5..10 => format!("silent{number}"),
            _ => format!("up{number}"),
        })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let timeout_s = 8;
    let questions = json!([{"name": "disk_usage", "timeout_s": timeout_s}]);
    let daemon = QuestionDaemon::register(&dev, &names, &questions).await;
    let mut online = daemon;
    online.runtimes.retain(|runtime| !runtime.name.starts_with("offline"));
    let _serving = online.serve(|name, work: &Work| (!name.starts_with("silent")).then(|| echo(name, work)));

    let watch = Stopwatch::start();
    let ended = dev.run(&["ask", "--all", "disk_usage", "--json"]).await;
    let took = watch.elapsed();
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut outcomes = BTreeMap::<&str, usize>::new();
    for line in &lines {
        let outcome = line["outcome"].as_str().unwrap();
        *outcomes.entry(outcome).or_default() += 1;
        let name = line["runtime"]["name"].as_str().unwrap();
        let expected = [("offline", "offline"), ("silent", "late"), ("up", "answered")];
        let expected = expected.into_iter().find(|(prefix, _)| name.starts_with(prefix)).unwrap().1;
        assert_eq!(outcome, expected, "{line}");
    }
    assert_eq!(outcomes, BTreeMap::from([("answered", 40), ("late", 5), ("offline", 5)]));
    assert!(ended.stderr.ends_with("\nerror: 40 of 50 runtimes answered\n"), "{}", ended.stderr);
    assert_eq!(ended.code, Some(1));
    let deadline = Duration::from_secs(timeout_s);
    assert!((deadline..2 * deadline).contains(&took), "{took:?}");
}
