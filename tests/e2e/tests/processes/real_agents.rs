//! Installed agent programs, without login and network: `doorbell models` shows what each program says itself.
//!
//! The programs are on `PATH`. Each test has a home directory of its own, so that no program is logged in.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::Ended;

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

    /// The answers to messages. Each is sent after the answer to the one before, and has a number from 1.
    fn answers(
        &self,
        arguments: &[&str],
        messages: &[Value],
        is_answer: fn(&Value, u64) -> bool,
    ) -> Vec<Value> {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut answers = Vec::new();
        for (number, message) in (1..).zip(messages) {
            writeln!(input, "{message}").unwrap();
            let parsed = lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()));
            answers.extend(parsed.flatten().find(|line| is_answer(line, number)));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        answers
    }

    /// The answer to `session/new` of the Agent Client Protocol.
    fn new_session(&self, arguments: &[&str]) -> Value {
        let initialize = json!({"protocolVersion": 1, "clientCapabilities": {}});
        let session = json!({"cwd": self.folder.path(), "mcpServers": []});
        let messages = [
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize}),
            json!({"jsonrpc": "2.0", "id": 2, "method": "session/new", "params": session}),
        ];
        self.answers(arguments, &messages, |line, number| line["id"] == number).pop().unwrap()
    }

    /// `doorbell models`, asked through a daemon that has this program only.
    async fn ask(&self) -> Ended {
        let dev = Dev::without_daemon().await;
        let machine = self
            .variables
            .iter()
            .fold(Machine::new(), |machine, (name, value)| machine.with_env(name, value));
        let _daemon = dev.daemon(&machine, &[]).await;
        let runtimes = dev.runtimes().await;
        assert_eq!(runtimes.len(), 1, "{runtimes:?}");
        dev.run(&["models", runtimes[0]["name"].as_str().unwrap(), "--json"]).await
    }

    /// The models, of which there is at least one.
    async fn models(&self) -> Vec<Value> {
        let Ended { code, stdout, stderr } = self.ask().await;
        assert_eq!(code, Some(0), "{stderr}");
        let record: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!((&record["supported"], record["fallback"] == true), (&json!(true), false), "{record}");
        let models = record["models"].as_array().unwrap().clone();
        assert!(!models.is_empty());
        models
    }

    /// Why there are no models.
    async fn error(&self) -> String {
        let Ended { code, stdout, stderr } = self.ask().await;
        assert_eq!(code, Some(1), "{stdout}");
        stderr.trim_end().trim_start_matches("error: ").to_owned()
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
    let request = json!({"type": "control_request", "request_id": "1", "request": {"subtype": "initialize"}});
    let answers = claude.answers(&arguments, &[request], |line, _| line["type"] == "control_response");
    let expected: Vec<Value> = items(&answers[0]["response"]["response"], "models")
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

/// ACP's code for a missing login.
const AUTHENTICATION_REQUIRED: i64 = -32000;

/// The ids, labels and default of a session's models. A current model that is not listed is one as well.
fn of_session(session: &Value) -> Vec<Value> {
    let models = &session["result"]["models"];
    let current = &models["currentModelId"];
    let mut shown: Vec<Value> = items(models, "availableModels")
        .map(|model| json!([model["modelId"], model["name"], model["modelId"] == *current]))
        .collect();
    if shown.iter().all(|model| model[2] == false) {
        shown.insert(0, json!([current, current, true]));
    }
    shown
}

async fn assert_models_match_session(agent: Installed, arguments: &[&str]) {
    let expected = of_session(&agent.new_session(arguments));
    let shown = agent.models().await;
    let shown: Vec<Value> =
        shown.iter().map(|model| json!([model["id"], model["label"], model["default"] == true])).collect();
    assert_eq!(shown, expected);
}

async fn assert_asks_for_login(agent: Installed, arguments: &[&str], text: &str) {
    assert_eq!(agent.new_session(arguments)["error"]["code"], AUTHENTICATION_REQUIRED);
    assert_eq!(agent.error().await, text);
}

#[tokio::test]
#[ignore = "needs @google/gemini-cli on PATH"]
async fn gemini_models_match_its_session() {
    let gemini = Installed::new("gemini").with_env("GEMINI_API_KEY", "example");
    assert_models_match_session(gemini, &["--acp"]).await;
}

#[tokio::test]
#[ignore = "needs @google/gemini-cli on PATH"]
async fn gemini_without_login_asks_for_it() {
    let text = "gemini is not logged in: run \"gemini\" on this machine";
    assert_asks_for_login(Installed::new("gemini"), &["--acp"], text).await;
}

#[tokio::test]
#[ignore = "needs @qwen-code/qwen-code on PATH"]
async fn qwen_models_match_its_session() {
    let qwen = Installed::new("qwen").with_env("OPENAI_API_KEY", "sk-example");
    assert_models_match_session(qwen, &["--auth-type=openai", "--acp"]).await;
}

#[tokio::test]
#[ignore = "needs @qwen-code/qwen-code on PATH"]
async fn qwen_without_login_asks_for_it() {
    let text = "qwen is not logged in: run \"qwen auth\" on this machine";
    assert_asks_for_login(Installed::new("qwen"), &["--auth-type=openai", "--acp"], text).await;
}

#[tokio::test]
#[ignore = "needs @github/copilot on PATH"]
async fn copilot_without_login_asks_for_it() {
    let text = "copilot is not logged in: run \"copilot login\" on this machine";
    assert_asks_for_login(Installed::new("copilot"), &["--acp"], text).await;
}
