//! `doorbell models`: what is rung, and what is shown of the answer.

use serde_json::{Value, json};

use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::{Ended, Running};
use crate::support::scripted::{RUNTIME, Scripted, record};

const MODELS: &str = r#"[{"id": "a", "label": "Model A", "default": true, "mine": {"kept": [1]}}]"#;
const TABLE: &str = "    MODEL  LABEL\n *  a      Model A\n";

/// A machine called `box` that can be rung.
async fn ringable() -> (Dev, Machine, Running) {
    let dev = Dev::without_daemon().await;
    let (machine, daemon) = dev.daemon_for("box", MODELS).await;
    (dev, machine, daemon)
}

#[tokio::test]
async fn an_id_is_rung() {
    let (dev, ..) = &ringable().await;
    let ended = dev.run(&["models", &dev.only_id().await]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), TABLE));
}

#[tokio::test]
async fn a_name_is_rung_if_it_is_the_only_one() {
    let (dev, ..) = &ringable().await;
    let ended = dev.run(&["models", "box"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), TABLE));
}

#[tokio::test]
async fn nothing_but_the_table_is_printed_into_a_pipe() {
    let (dev, ..) = &ringable().await;
    let ended = dev.run(&["models", "box"]).await;
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), (TABLE, ""));
}

#[tokio::test]
async fn json_is_the_record_that_a_poll_answers() {
    let (dev, ..) = &ringable().await;
    let ended = dev.run(&["models", "box", "--json"]).await;
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    let (runtime, request) = (printed["runtime_id"].as_str().unwrap(), printed["id"].as_str().unwrap());
    assert_eq!(printed, dev.get(&format!("/api/runtimes/{runtime}/models/{request}")).await);
    assert_eq!(printed["models"][0]["mine"], json!({"kept": [1]}));
}

#[tokio::test]
async fn an_unknown_name_is_told_with_what_to_do() {
    let (dev, ..) = &ringable().await;
    let ended = dev.run(&["models", "other"]).await;
    let text = "error: no runtime is called \"other\"\nhelp: `doorbell runtimes` lists what can be rung\n";
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(1), "", text));
}

#[tokio::test]
async fn a_name_in_another_case_is_guessed_and_not_rung() {
    let (dev, ..) = &ringable().await;
    let ended = dev.run(&["models", "Box"]).await;
    let text = "error: no runtime is called \"Box\"\nhelp: did you mean \"box\"?\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), text));
}

#[tokio::test]
async fn an_ambiguous_name_is_told_with_the_ids() {
    let dev = Dev::without_daemon().await;
    let _one = dev.daemon(&Machine::new(), &["--daemon-id", "one"]).await;
    let _two = dev.daemon(&Machine::new(), &["--daemon-id", "two"]).await;
    let ended = dev.run(&["models", "Sample"]).await;
    let lead = "error: 2 runtimes are called \"Sample\"\nhelp: give the id of one of them\n";
    assert_eq!((ended.code, ended.stderr.starts_with(lead)), (Some(1), true), "{}", ended.stderr);
    for runtime in dev.runtimes().await {
        let [id, daemon] = ["id", "daemon_id"].map(|field| runtime[field].as_str().unwrap());
        assert!(ended.stderr.contains(&format!("\n  {id}  online  {daemon}\n")), "{}", ended.stderr);
    }
}

async fn answered(more: Value) -> Ended {
    let api = Scripted::answering(record("completed", more)).await;
    Machine::new().run(&["models", RUNTIME, "--url", &api.url]).await
}

#[tokio::test]
async fn an_id_is_rung_without_a_list() {
    let api = Scripted::answering(record("completed", json!({}))).await;
    Machine::new().run(&["models", RUNTIME, "--url", &api.url]).await;
    assert_eq!(api.calls(), [format!("POST /api/runtimes/{RUNTIME}/models")]);
}

#[tokio::test]
async fn thinking_levels_and_tiers_are_shown() {
    let model = json!({
        "id": "a", "label": "A", "provider": "p",
        "thinking": {"supported_levels": [{"value": "low", "label": "Low"}, {"value": "high", "label": "High"}],
                     "default_level": "high"},
        "service_tiers": [{"id": "flex", "name": "Flex"}, {"id": "fast", "name": "Fast"}],
    });
    let table = " MODEL  LABEL  PROVIDER  THINKING   TIERS\n a      A      p         low high*  flex fast\n";
    assert_eq!(answered(json!({"models": [model]})).await.stdout, table);
}

#[tokio::test]
async fn no_models_is_no_table_and_a_word() {
    let ended = answered(json!({})).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    assert_eq!(ended.stderr, "the runtime offers no models\n");
}

#[tokio::test]
async fn a_runtime_that_ignores_the_choice_is_told() {
    let ended = answered(json!({"supported": false, "models": [{"id": "a", "label": "A"}]})).await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 2));
    assert_eq!(ended.stderr, "this runtime ignores a model chosen for an agent\n");
}

#[tokio::test]
async fn a_label_cannot_give_the_terminal_orders() {
    let ended = answered(json!({"models": [{"id": "a", "label": "\u{1b}]0;title\u{7}\nb\u{9b}31m"}]})).await;
    assert_eq!(ended.stdout, " MODEL  LABEL\n a      \u{fffd}]0;title\u{fffd} b\u{fffd}31m\n");
}

#[tokio::test]
async fn json_keeps_a_label_to_the_letter() {
    let label = "\u{1b}]0;title\u{7}\nb\u{9b}31m";
    let record = record("completed", json!({"models": [{"id": "a", "label": label}]}));
    let api = Scripted::answering(record.clone()).await;
    let ended = Machine::new().run(&["models", RUNTIME, "--json", "--url", &api.url]).await;
    assert_eq!(serde_json::from_str::<Value>(&ended.stdout).unwrap(), record);
}
