//! `doorbell agents`: what is on this machine.

use serde_json::Value;

use crate::support::machine::Machine;

const MODELS: &str = r#"[{"id":"a","label":"A"},{"id":"b","label":"B"}]"#;

async fn agents(machine: &Machine, options: &[&str]) -> Vec<Value> {
    let ended = machine.run(&[&["agents", "--json"], options].concat()).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

fn of_type<'a>(agents: &'a [Value], provider: &str) -> &'a Value {
    agents.iter().find(|agent| agent["type"] == provider).unwrap()
}

#[tokio::test]
async fn shows_models_program_and_time() {
    let machine = Machine::new().with_file("models.json", MODELS);
    let machine = machine.with_program("lists", &format!("echo '{MODELS}'"));
    let listed = agents(&machine, &["--file", "models.json", "--command", "lists"]).await;
    let file = of_type(&listed, "file");
    assert_eq!((&file["models"], &file["installed"]), (&2.into(), &true.into()), "{file}");
    assert_eq!(file.get("program"), None);
    let command = of_type(&listed, "command");
    assert_eq!(command["program"], machine.path("lists").to_str().unwrap());
    assert!(command["took_ms"].is_u64() && command["query"].is_string(), "{command}");
}

#[tokio::test]
async fn failing_agent_has_its_error_and_exit_code_is_0() {
    let machine = Machine::new().with_file("models.json", MODELS).with_program("fails", "exit 3");
    let options = ["--command", "fails", "--file", "models.json"];
    let listed = agents(&machine, &options).await;
    let failed = of_type(&listed, "command");
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("fails")), "{failed}");
    assert_eq!(failed.get("models"), None);
    let table = machine.run(&[&["agents"], options.as_slice()].concat()).await;
    assert_eq!(table.code, Some(0));
    assert!(table.stdout.contains("ERROR") && table.stdout.contains("models.json"), "{}", table.stdout);
    assert!(!table.stderr.contains("asking"), "progress without a terminal: {}", table.stderr);
}

#[tokio::test]
async fn missing_programs_are_named() {
    let machine = Machine::new().with_program("codex", "exit 1");
    let listed = agents(&machine, &[]).await;
    assert_eq!(of_type(&listed, "codex")["installed"], true);
    assert_eq!(of_type(&listed, "opencode")["installed"], false);
    let empty = Machine::new().run(&["agents"]).await;
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(0), ""), "{}", empty.stderr);
    assert!(empty.stderr.contains("codex") && empty.stderr.contains("opencode"), "{}", empty.stderr);
}

/// One after the other would take the sum: each waits for the other's file.
#[tokio::test]
async fn agents_are_asked_at_the_same_time() {
    let meet = |own: &str, other: &str| {
        let wait = format!("while [ ! -e {other} ]; do /bin/sleep 0.05; done");
        format!(": > {own}; {wait}; echo '{MODELS}'")
    };
    let machine =
        Machine::new().with_program("first", &meet("1", "2")).with_program("second", &meet("2", "1"));
    let listed = agents(&machine, &["--command", "first", "--command", "second"]).await;
    let counts: Vec<_> =
        listed.iter().filter(|agent| agent["type"] == "command").map(|agent| &agent["models"]).collect();
    assert_eq!(counts, [2, 2]);
}

#[tokio::test]
async fn invalid_configuration_is_an_error() {
    let machine = Machine::new().with_file("agents.toml", "[[agent]]\ntype = \"no-such\"");
    let ended = machine.run(&["agents", "--config", "agents.toml"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("agents.toml"), "{}", ended.stderr);
}
