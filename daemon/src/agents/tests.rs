//! From configuration and `PATH` to the agents offered.

mod questions;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::sources::script::executable;

/// A folder with a configuration file and programs on `PATH`.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with_program(self, name: &str, body: &str) -> Self {
        executable(self.0.path(), name, body);
        self
    }

    fn with_config(&self, text: &str) -> Options {
        let config = self.0.path().join("doorbell.toml");
        fs::write(&config, text).unwrap();
        Options { config: Some(config), ..Options::default() }
    }

    fn environment(&self) -> Environment {
        let path = self.0.path().as_os_str().to_owned();
        Environment::new(move |name| match name {
            "PATH" => Some(path.clone()),
            "KEY" => Some("sk-secret".into()),
            _ => None,
        })
    }

    async fn find(&self, options: &Options) -> Result<Vec<Agent>, AgentsError> {
        find(options, &self.environment()).await
    }

    async fn identities(&self, options: &Options) -> Vec<String> {
        let agents = self.find(options).await.unwrap();
        agents
            .iter()
            .map(|agent| format!("{} | {} | {}", agent.provider, agent.profile_id, agent.name))
            .collect()
    }
}

#[tokio::test]
async fn machine_without_agents_and_questions_offers_none() {
    assert!(Machine::new().find(&Options::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn finds_known_programs_with_versions() {
    let body = r#"test "$1" = --version && echo "codex-cli 1.2.3" || echo '{"models": [{"slug": "a"}]}'"#;
    let machine = Machine::new().with_program("codex", body).with_program("opencode", "exit 1");
    let agents = machine.find(&Options::default()).await.unwrap();
    let found: Vec<_> = agents.iter().map(|agent| (agent.name.as_str(), agent.version.as_deref())).collect();
    assert_eq!(found, [("Codex", Some("1.2.3")), ("OpenCode", None)]);
    assert_eq!(agents[0].source.list_models().await.unwrap().models[0].model().id, "a");
}

#[tokio::test]
async fn does_not_detect_configured_provider() {
    let machine = Machine::new().with_program("codex", "").with_program("opencode", "");
    let options = machine.with_config("[[agent]]\ntype = 'codex'\nprofile = 'work'");
    let expected = ["codex | work | Codex (work)", "opencode |  | OpenCode"];
    assert_eq!(machine.identities(&options).await, expected);
}

#[tokio::test]
async fn file_or_flag_disables_detection() {
    let machine = Machine::new().with_program("codex", "");
    assert!(machine.identities(&machine.with_config("detect = false")).await.is_empty());
    let options = Options { detect: false, ..Options::default() };
    assert!(machine.identities(&options).await.is_empty());
}

#[tokio::test]
async fn accepts_every_type_with_and_without_name() {
    let machine = Machine::new();
    let options = machine.with_config(
        r#"
        [[agent]]
        type = "codex"
        program = "/no/such/codex"
        [[agent]]
        type = "opencode"
        name = "Mine"
        profile = "p"
        [[agent]]
        type = "openai"
        url = "http://localhost:11434/v1"
        api_key_env = "KEY"
        [[agent]]
        type = "command"
        program = "lister"
        args = ["--json"]
        [[agent]]
        type = "file"
        path = "models.json"
        "#,
    );
    let expected = [
        "codex |  | Codex",
        "opencode | p | Mine",
        "openai |  | OpenAI-compatible (localhost:11434)",
        "command |  | lister",
        "file |  | models.json",
    ];
    assert_eq!(machine.identities(&options).await, expected);
}

#[tokio::test]
async fn offers_configured_program_that_is_missing() {
    let machine = Machine::new();
    let agents = machine.find(&machine.with_config("[[agent]]\ntype = 'codex'")).await.unwrap();
    assert_eq!((agents[0].name.as_str(), &agents[0].version), ("Codex", &None));
    let configured = machine.with_config("[[agent]]\ntype = 'codex'\nprogram = '/no/such/codex'");
    let agents = machine.find(&configured).await.unwrap();
    let error = agents[0].source.list_models().await.unwrap_err();
    assert_eq!(error.to_string(), "codex is not installed at /no/such/codex on this machine");
}

#[tokio::test]
async fn paths_in_file_start_at_its_folder() {
    let machine = Machine::new().with_program("lister", r#"echo '[{"id": "printed"}]'"#);
    fs::write(machine.0.path().join("models.json"), r#"[{"id": "held"}]"#).unwrap();
    let text = "[[agent]]\ntype = 'file'\npath = 'models.json'\n\
                [[agent]]\ntype = 'command'\nprogram = './lister'";
    let agents = machine.find(&machine.with_config(text)).await.unwrap();
    for (agent, id) in agents.iter().zip(["held", "printed"]) {
        assert_eq!(agent.source.list_models().await.unwrap().models[0].model().id, id);
    }
}

#[tokio::test]
async fn profiles_of_flags_do_not_depend_on_order() {
    let mut options = Options {
        openai: vec![
            "http://localhost:1234/v1".to_owned(),
            "https://user:pass@example.com/v1?k=v".to_owned(),
        ],
        commands: vec!["/opt/bin/lister --json  all".to_owned(), "other".to_owned()],
        files: vec![PathBuf::from("/etc/models.json"), PathBuf::from("more.json")],
        ..Options::default()
    };
    let mut expected = vec![
        "openai | localhost:1234 | OpenAI-compatible (localhost:1234)",
        "openai | example.com:443 | OpenAI-compatible (example.com:443)",
        "command | lister | lister",
        "command | other | other",
        "file | models.json | models.json",
        "file | more.json | more.json",
    ];
    let machine = Machine::new();
    assert_eq!(machine.identities(&options).await, expected);
    options.openai.reverse();
    expected.swap(0, 1);
    assert_eq!(machine.identities(&options).await, expected);
}

#[tokio::test]
async fn rejects_duplicate_agents() {
    let machine = Machine::new();
    let text = "[[agent]]\ntype = 'codex'\n[[agent]]\ntype = 'codex'\nname = 'Other'";
    let error = machine.find(&machine.with_config(text)).await.unwrap_err();
    let text =
        "there are two agents of type \"codex\" without a profile: give one of them a \"profile\" of its own";
    assert_eq!(error.to_string(), text);
    let options =
        Options { files: vec!["a/models.json".into(), "b/models.json".into()], ..Options::default() };
    let text = "there are two agents of type \"file\" with the profile \"models.json\": give one of them a \
                \"profile\" of its own in a configuration file";
    assert_eq!(machine.find(&options).await.unwrap_err().to_string(), text);
}

#[tokio::test]
async fn reads_api_key_from_environment() {
    let machine = Machine::new();
    let configured = |variable| {
        let server = "[[agent]]\ntype = 'openai'\nurl = 'http://localhost/v1'";
        machine.with_config(&format!("{server}\napi_key_env = '{variable}'"))
    };
    let agents = machine.find(&configured("KEY")).await.unwrap();
    assert!(!format!("{agents:?}").contains("sk-secret"));
    let error = machine.find(&configured("OTHER")).await.unwrap_err();
    let text = "the environment variable OTHER, which should hold an API key, is not set";
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn rejects_bad_url_without_showing_secrets() {
    let machine = Machine::new();
    for (url, shown) in [("ftp://user:secret@host/v1", "host/v1"), ("localhost?secret", "localhost")] {
        let options = Options { openai: vec![url.to_owned()], ..Options::default() };
        let text = format!("\"{shown}\" is no http:// or https:// URL of a server");
        assert_eq!(machine.find(&options).await.unwrap_err().to_string(), text);
    }
    let options = Options { commands: vec!["  ".to_owned()], ..Options::default() };
    assert_eq!(machine.find(&options).await.unwrap_err().to_string(), "a command is empty");
}

#[tokio::test]
async fn rejects_name_over_200_characters() {
    let machine = Machine::new();
    let longest = "ü".repeat(200);
    let configured = |name: &str| {
        machine.with_config(&format!("[[agent]]\ntype = 'codex'\nname = '{name}'\nprogram = '/no/such'"))
    };
    assert!(machine.find(&configured(&longest)).await.is_ok());
    let error = machine.find(&configured(&(longest + "ü"))).await.unwrap_err();
    let text = "an agent of type \"codex\" has a name or profile of more than 200 characters";
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn servers_without_profile_are_told_apart_by_address() {
    let machine = Machine::new();
    let server = |url: &str| format!("[[agent]]\ntype = 'openai'\nurl = '{url}'\n");
    let [first, second] = ["http://localhost:11434/v1", "http://gpu.example/v1"].map(server);
    let single = machine.identities(&machine.with_config(&first)).await;
    assert_eq!(single, ["openai |  | OpenAI-compatible (localhost:11434)"]);
    let mut expected = [
        "openai | localhost:11434 | OpenAI-compatible (localhost:11434)",
        "openai | gpu.example:80 | OpenAI-compatible (gpu.example:80)",
    ];
    assert_eq!(machine.identities(&machine.with_config(&(first.clone() + &second))).await, expected);
    expected.reverse();
    assert_eq!(machine.identities(&machine.with_config(&(second + &first))).await, expected);
}

/// The program lists the variables that it was given, of those that hold secrets.
const LISTS_SECRETS: &str = r#"echo "[{\"id\": \"$DOORBELL_TOKEN $OPENAI_API_KEY $SERVER_KEY $OTHER\"}]""#;

#[tokio::test]
async fn program_gets_keys_of_other_agents_only_if_configured() {
    let machine = Machine::new().with_program("lister", LISTS_SECRETS);
    let options = machine.with_config(
        "[[agent]]\ntype = 'openai'\nurl = 'http://localhost'\napi_key_env = 'SERVER_KEY'\n\
         [[agent]]\ntype = 'command'\nprogram = './lister'\n\
         [[agent]]\ntype = 'command'\nprogram = './lister'\nprofile = 'p'\nenv = ['SERVER_KEY', 'OPENAI_API_KEY']",
    );
    let names = ["DOORBELL_TOKEN", "OPENAI_API_KEY", "SERVER_KEY", "OTHER"];
    let environment = Environment::of(names.map(|name| (name, name)));
    let agents = find(&options, &environment).await.unwrap();
    let mut listed = Vec::new();
    for agent in &agents[1..] {
        listed.push(agent.source.list_models().await.unwrap().models[0].model().id);
    }
    assert_eq!(listed, ["   OTHER", " OPENAI_API_KEY SERVER_KEY OTHER"]);
}

#[tokio::test]
async fn known_program_gets_its_own_keys_also_for_version() {
    let body = r#"test "$1" = --version && echo "1.$DOORBELL_TOKEN$GEMINI_API_KEY$OPENAI_API_KEY""#;
    let machine = Machine::new().with_program("codex", body);
    let path = machine.0.path().to_str().unwrap();
    let variables =
        [("PATH", path), ("DOORBELL_TOKEN", "1"), ("GEMINI_API_KEY", "2"), ("OPENAI_API_KEY", "3")];
    let agents = find(&Options::default(), &Environment::of(variables)).await.unwrap();
    assert_eq!(agents[0].version.as_deref(), Some("1.3"));
}
