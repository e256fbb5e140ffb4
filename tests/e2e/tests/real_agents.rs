//! Installed agent programs, without login and network: `doorbell models` shows what each program says itself.
//!
//! The programs are on `PATH`. Each test has a home directory of its own, so that no program is logged in.

#![cfg(test)]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::dev::Dev;
use support::machine::Machine;
use tempfile::TempDir;

/// A program, alone with Node.js and the system on `PATH`.
struct Installed {
    program: &'static str,
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Installed {
    fn new(program: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in [program, "node"] {
            symlink(which(name), folder.path().join(name)).unwrap();
        }
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let home = folder.path().display().to_string();
        Self { program, folder, variables: vec![("PATH", path), ("HOME", home)] }
    }

    fn with_env(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.folder.path().join(self.program));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// What the program prints: to standard output, and to standard error.
    fn printed(&self, arguments: &[&str]) -> (String, String) {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    }

    /// The first line that the program prints in answer to `line`.
    fn answer(&self, arguments: &[&str], line: &str) -> Value {
        let mut command = self.command(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{line}").unwrap();
        let mut answer = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut answer).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// The record of `doorbell models`, asked through a daemon that has this program only.
    async fn record(&self) -> Value {
        let dev = Dev::without_daemon().await;
        let machine = self
            .variables
            .iter()
            .fold(Machine::new(), |machine, (name, value)| machine.with_env(name, value));
        let _daemon = dev.daemon(&machine, &[]).await;
        let runtimes = dev.runtimes().await;
        assert_eq!(runtimes.len(), 1, "{runtimes:?}");
        let name = runtimes[0]["name"].as_str().unwrap();
        let ended = dev.run(&["models", name, "--json"]).await;
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
    }

    /// The models of a successful record.
    async fn models(&self) -> Vec<Value> {
        let record = self.record().await;
        let models = record["models"].as_array().unwrap_or_else(|| panic!("{record}"));
        assert!(!models.is_empty(), "{record}");
        assert_eq!(record["supported"], true, "{record}");
        models.clone()
    }

    /// The error of a failed record.
    async fn error(&self) -> String {
        let record = self.record().await;
        record["error"].as_str().unwrap_or_else(|| panic!("{record}")).to_owned()
    }
}

/// The path of an installed program.
fn which(name: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed"))
}

fn items<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value[field].as_array().into_iter().flatten()
}

fn ids(models: &[Value]) -> Vec<&str> {
    models.iter().map(|model| model["id"].as_str().unwrap()).collect()
}

/// The ids of the reasoning levels of a model of `doorbell`.
fn levels(model: &Value) -> Vec<&str> {
    items(&model["thinking"], "supported_levels").map(|level| level["value"].as_str().unwrap()).collect()
}

#[tokio::test]
#[ignore = "needs @anthropic-ai/claude-code on PATH"]
async fn claude_models_match_its_control_protocol() {
    let claude = Installed::new("claude");
    let arguments = ["-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"];
    let request = r#"{"type":"control_request","request_id":"1","request":{"subtype":"initialize"}}"#;
    let answer = claude.answer(&arguments, request);
    let expected: Vec<Value> = items(&answer["response"]["response"], "models")
        .map(|model| {
            let levels: Vec<&Value> = items(model, "supportedEffortLevels").collect();
            json!([model["value"], model["displayName"], levels, model["value"] == "default"])
        })
        .collect();
    let shown = claude.models().await;
    let shown: Vec<Value> = shown
        .iter()
        .map(|model| json!([model["id"], model["label"], levels(model), model["default"] == true]))
        .collect();
    assert_eq!(shown, expected);
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

/// The app server, which is asked, against the catalog.
#[tokio::test]
#[ignore = "needs @openai/codex on PATH"]
async fn codex_models_match_its_catalog() {
    let codex = Installed::new("codex");
    let catalog: Value = serde_json::from_str(&codex.printed(&["debug", "models"]).0).unwrap();
    let mut models: Vec<&Value> = items(&catalog, "models").filter(|it| it["visibility"] != "hide").collect();
    models.sort_by_key(|model| model["priority"].as_i64().unwrap());
    let expected: Vec<Value> = models.into_iter().enumerate().map(|(i, model)| of_codex(i, model)).collect();
    let shown: Vec<Value> = codex.models().await.iter().map(of_doorbell).collect();
    assert_eq!(shown, expected);
}

#[tokio::test]
#[ignore = "needs opencode-ai on PATH"]
async fn opencode_models_match_its_list() {
    let opencode = Installed::new("opencode");
    let (listed, _) = opencode.printed(&["models"]);
    let shown = opencode.models().await;
    assert_eq!(ids(&shown), listed.lines().collect::<Vec<_>>());
    // The descriptions, without the lines between them.
    let (verbose, _) = opencode.printed(&["models", "--verbose"]);
    let is_description = |line: &&str| line.starts_with(['{', ' ', '}']);
    let descriptions: String = verbose.lines().filter(is_description).collect();
    let descriptions = serde_json::Deserializer::from_str(&descriptions).into_iter::<Value>();
    let expected: Vec<Value> = descriptions
        .map(Result::unwrap)
        .map(|it| json!([it["name"], it["variants"].as_object().unwrap().keys().collect::<Vec<_>>()]))
        .collect();
    let shown: Vec<Value> = shown.iter().map(|model| json!([model["label"], levels(model)])).collect();
    assert_eq!(shown, expected);
}

#[tokio::test]
#[ignore = "needs @mariozechner/pi-coding-agent on PATH"]
async fn pi_without_login_has_no_models() {
    let pi = Installed::new("pi");
    let (stdout, stderr) = pi.printed(&["--list-models"]);
    assert!(format!("{stdout}{stderr}").starts_with("No models available."));
    let text = "pi has no models: run \"pi\" and \"/login\" on this machine, or give the daemon a provider's API key";
    assert_eq!(pi.error().await, text);
}

#[tokio::test]
#[ignore = "needs @mariozechner/pi-coding-agent on PATH"]
async fn pi_models_match_its_table() {
    let pi = Installed::new("pi").with_env("ANTHROPIC_API_KEY", "sk-example");
    let (_, table) = pi.printed(&["--list-models"]);
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let expected: BTreeSet<(String, bool)> =
        rows.map(|row| (format!("{}/{}", row[0], row[1]), row[4] == "yes")).collect();
    let shown = pi.models().await;
    assert_eq!(shown.iter().filter(|model| model["default"] == true).count(), 1);
    let shown: BTreeSet<(String, bool)> =
        shown.iter().map(|it| (it["id"].as_str().unwrap().to_owned(), !levels(it).is_empty())).collect();
    assert_eq!(shown, expected);
}
