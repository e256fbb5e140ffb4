//! Installed agent programs: `doorbell models` shows the models that they list.

#![cfg(test)]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::dev::Dev;
use support::machine::Machine;
use support::process::Ended;

/// The output of a program.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The models of a runtime of this machine, from `doorbell models`.
async fn models_of(name: &str) -> Vec<Value> {
    let dev = Dev::without_daemon().await;
    let this = ["PATH", "HOME"].into_iter().fold(Machine::new(), |machine, variable| {
        machine.with_env(variable, &std::env::var(variable).unwrap_or_default())
    });
    let _daemon = dev.daemon(&this, &[]).await;
    let Ended { code, stdout, stderr } = dev.run(&["models", name, "--json"]).await;
    assert_eq!(code, Some(0), "{stderr}");
    let record: Value = serde_json::from_str(&stdout).unwrap();
    record["models"].as_array().unwrap().clone()
}

fn items<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value[field].as_array().into_iter().flatten()
}

/// The compared fields of a model of Codex.
fn of_codex(index: usize, model: &Value) -> Value {
    let levels = items(model, "supported_reasoning_levels");
    let tiers = items(model, "service_tiers");
    json!({
        "id": model["slug"], "label": model["display_name"], "default": index == 0,
        "levels": levels.map(|level| json!([level["effort"], level["description"]])).collect::<Vec<_>>(),
        "default_level": model["default_reasoning_level"],
        "tiers": tiers.map(|tier| json!([tier["id"], tier["name"], tier["description"]])).collect::<Vec<_>>(),
    })
}

/// The same fields of a model of `doorbell`.
fn of_doorbell(model: &Value) -> Value {
    let levels = items(&model["thinking"], "supported_levels");
    let tiers = items(model, "service_tiers");
    json!({
        "id": model["id"], "label": model["label"], "default": model["default"] == true,
        "levels": levels.map(|level| json!([level["value"], level["description"]])).collect::<Vec<_>>(),
        "default_level": model["thinking"]["default_level"],
        "tiers": tiers.map(|tier| json!([tier["id"], tier["name"], tier["description"]])).collect::<Vec<_>>(),
    })
}

#[tokio::test]
#[ignore = "needs @openai/codex on PATH"]
async fn codex_models_match_its_catalog() {
    let catalog: Value = serde_json::from_str(&printed("codex", &["debug", "models"])).unwrap();
    let mut models: Vec<&Value> = items(&catalog, "models").filter(|it| it["visibility"] != "hide").collect();
    models.sort_by_key(|model| model["priority"].as_i64().unwrap());
    let expected: Vec<Value> = models.into_iter().enumerate().map(|(i, model)| of_codex(i, model)).collect();
    let shown: Vec<Value> = models_of("Codex").await.iter().map(of_doorbell).collect();
    assert!(!shown.is_empty());
    assert_eq!(shown, expected);
}

#[tokio::test]
#[ignore = "needs opencode on PATH"]
async fn opencode_models_match_its_list() {
    let listed = printed("opencode", &["models"]);
    let expected: Vec<&str> = listed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let shown = models_of("OpenCode").await;
    let shown: Vec<&str> = shown.iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert!(!shown.is_empty());
    assert_eq!(shown, expected);
}
