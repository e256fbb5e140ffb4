//! Claude Code: `claude -p` lists its models in the answer that begins its control protocol, also without a login.
//!
//! Versions that do not answer have no list; the aliases that `claude --help` names stand in for it.

use std::sync::Arc;

use async_trait::async_trait;
use doorbell_protocol::{Model, ModelListResult};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::attempts::{answer_in_time, first_or};
use super::conversation::Conversation;
use super::entries::Entries;
use super::launch::{KnownProgram, Launch};
use super::process::Program;
use super::thinking::{level, thinking};
use super::{ModelSource, SourceError};

/// The type `claude`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "claude",
    name: "Claude Code",
    executables: &["claude"],
    keys: &[
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK",
    ],
    source: |launch| Arc::new(Claude::new(launch)),
};

const LOGIN: Option<&str> = Some("auth login");

/// The id of the only request.
const REQUEST: &str = "models";

/// The alias for what Claude Code uses without a choice.
const DEFAULT: &str = "default";

/// The agent program `claude`.
#[derive(Debug)]
struct Claude {
    print: Program,
    help: Program,
}

impl Claude {
    fn new(launch: &Launch) -> Self {
        let print = ["-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"];
        Self { print: launch.with(print), help: launch.with(["--help"]) }
    }

    async fn initialize(&self) -> Result<ModelListResult, SourceError> {
        let mut conversation = Conversation::start(&self.print, LOGIN)?;
        let request = json!({"subtype": "initialize"});
        conversation
            .send(&json!({"type": "control_request", "request_id": REQUEST, "request": request}))
            .await?;
        let answer = conversation.find(control_response).await?;
        let models = answer.and_then(|answer| serde_json::from_str::<Initialized>(answer.get()).ok());
        let models = models.and_then(|answer| answer.models.map(Model::from).into_result());
        models.ok_or_else(|| self.print.invalid_output())
    }

    async fn aliases(&self) -> Result<ModelListResult, SourceError> {
        let parse = |help: &[u8]| {
            let help = String::from_utf8_lossy(help);
            let models: Entries<Model> = aliases(&help).map(|alias| Some(model(alias))).collect();
            models
                .into_result()
                .filter(|list| !list.models.is_empty())
                .ok_or_else(|| self.help.invalid_output())
        };
        let list = self.help.models(LOGIN, parse).await?;
        Ok(ModelListResult { fallback: true, ..list })
    }
}

#[async_trait]
impl ModelSource for Claude {
    fn name(&self) -> &str {
        self.print.name()
    }

    fn query(&self) -> String {
        format!("{} -p, control protocol", self.name())
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        first_or(answer_in_time(self.name(), self.initialize()), self.aliases()).await
    }
}

#[derive(Deserialize)]
struct Message {
    r#type: String,
    response: ControlResponse,
}

#[derive(Deserialize)]
struct ControlResponse {
    request_id: String,
    /// Missing in an error.
    response: Option<Box<RawValue>>,
}

/// The answer to the request in a line, if it is one.
fn control_response(line: &[u8]) -> Option<Option<Box<RawValue>>> {
    let message: Message = serde_json::from_slice(line).ok()?;
    let is_answer = message.r#type == "control_response" && message.response.request_id == REQUEST;
    is_answer.then_some(message.response.response)
}

/// The fields of the answer that a model entry needs. The rest is commands, agents and the account.
#[derive(Deserialize)]
struct Initialized {
    models: Entries<ClaudeModel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClaudeModel {
    value: String,
    display_name: Option<String>,
    supported_effort_levels: Option<Entries<String>>,
}

impl From<ClaudeModel> for Model {
    fn from(entry: ClaudeModel) -> Self {
        let levels = entry.supported_effort_levels.unwrap_or_default().usable;
        Self {
            label: entry.display_name.unwrap_or_else(|| entry.value.clone()),
            default: entry.value == DEFAULT,
            id: entry.value,
            provider: Some("anthropic".to_owned()),
            thinking: thinking(levels.into_iter().map(|value| level(value, None)), None),
            service_tiers: Vec::new(),
        }
    }
}

/// The quoted words in the description of `--model`. Full names of models, its other examples, have hyphens.
fn aliases(help: &str) -> impl Iterator<Item = &str> {
    let option = help.split_once("--model <model>").map_or("", |(_, rest)| rest);
    // The next option is the end. Its line, and none of the description, begins with a hyphen.
    let end = option.match_indices('\n').find(|(at, _)| option[at + 1..].trim_start().starts_with('-'));
    let description = &option[..end.map_or(option.len(), |(at, _)| at)];
    let is_alias = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    description.split('\'').filter(is_alias)
}

fn model(alias: &str) -> Model {
    let model = ClaudeModel { value: alias.to_owned(), display_name: None, supported_effort_levels: None };
    Model::from(model)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::sources::list_with_timeout;
    use crate::sources::script::executable;

    /// As Claude Code 2.1 prints it.
    const HELP: &str = "Options:
  --mcp-config <configs...>             Load MCP servers ('a', 'b')
  --model <model>                       Model for the current session. Provide
                                        an alias for the latest model (e.g.
                                        'fable', 'opus', or 'sonnet') or a
                                        model's full name (e.g.
                                        'claude-fable-5').
  -n, --name <name>                     Set a 'display' name";

    /// `protocol` answers the request, which is in `$request`. `help` is the output of `--help`.
    fn claude(folder: &tempfile::TempDir, protocol: &str, help: &str) -> Claude {
        let arguments = "-p --input-format stream-json --output-format stream-json --verbose";
        let body = format!(
            "case \"$*\" in\n'{arguments}') read -r request; {protocol};;\n\
             --help) cat <<'END'\n{help}\nEND\n;;\n*) exit 9;;\nesac"
        );
        Claude::new(&Launch::of(executable(folder.path(), "claude", &body)))
    }

    async fn list(protocol: &str, help: &str) -> Result<ModelListResult, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        list_with_timeout(&claude(&folder, protocol, help)).await
    }

    /// A script that prints the answer with these models and goes on running, as Claude Code does.
    fn answer(models: &Value) -> String {
        let response = json!({"commands": [], "models": models, "pid": 1});
        let response = json!({"subtype": "success", "request_id": "models", "response": response});
        let message = json!({"type": "control_response", "response": response});
        format!("cat <<'END'\n{message}\nEND\nread -r more")
    }

    #[tokio::test]
    async fn maps_every_field() {
        let models = json!([
            {
                "value": "default", "resolvedModel": "claude-opus-4-8", "displayName": "Default (recommended)",
                "description": "Opus 4.8", "supportsEffort": true, "supportedEffortLevels": ["low", "xhigh"],
            },
            {"value": "haiku", "displayName": "Haiku", "description": "Fast"},
        ]);
        let result = list(&answer(&models), "").await.unwrap();
        let expected = json!([
            {
                "id": "default", "label": "Default (recommended)", "provider": "anthropic", "default": true,
                "thinking": {"supported_levels": [
                    {"value": "low", "label": "Low"}, {"value": "xhigh", "label": "Extra high"},
                ]},
            },
            {"id": "haiku", "label": "Haiku", "provider": "anthropic"},
        ]);
        assert_eq!(json!(result.models), expected);
        assert!(result.supported && !result.fallback);
    }

    #[tokio::test]
    async fn sends_initialize_request() {
        let request =
            r#"{"type":"control_request","request_id":"models","request":{"subtype":"initialize"}}"#;
        let check =
            format!("test \"$request\" = '{request}' || exit 1; {}", answer(&json!([{"value": "a"}])));
        assert_eq!(list(&check, "").await.unwrap().models.len(), 1);
    }

    #[tokio::test]
    async fn skips_messages_before_answer() {
        let other = r#"{"type":"control_response","response":{"subtype":"success","request_id":"other"}}"#;
        let notices = format!("echo Welcome; echo '{{\"type\":\"system\"}}'; echo '{other}'");
        let result = list(&format!("{notices}; {}", answer(&json!([{"value": "a"}]))), "").await.unwrap();
        assert_eq!(result.models[0].model().id, "a");
    }

    #[tokio::test]
    async fn bad_entry_loses_one_entry() {
        let models =
            json!([{"value": 1}, {"displayName": "x"}, {"value": "a", "supportedEffortLevels": [1, "low"]}]);
        let result = list(&answer(&models), "").await.unwrap();
        assert_eq!(
            (result.models.len(), result.models[0].model().thinking.unwrap().supported_levels.len()),
            (1, 1)
        );
    }

    #[tokio::test]
    async fn aliases_of_help_stand_in_for_missing_list() {
        let error =
            r#"{"type":"control_response","response":{"subtype":"error","request_id":"models","error":"x"}}"#;
        let failures = ["exit 1", "true", &format!("echo '{error}'"), &answer(&json!([{"id": "a"}]))];
        for failure in failures {
            let result = list(failure, HELP).await.unwrap();
            let ids: Vec<_> = result.models.iter().map(|entry| entry.model().id).collect();
            assert_eq!(ids, ["fable", "opus", "sonnet"], "{failure}");
            assert!(result.fallback && result.supported, "{failure}");
        }
    }

    /// The clock is paused: it jumps to the limit while only the program is awaited.
    #[tokio::test(start_paused = true)]
    async fn aliases_of_help_stand_in_for_hanging_program() {
        let folder = tempfile::tempdir().unwrap();
        let result = claude(&folder, "exec sleep 1000", HELP).list_models().await;
        assert!(result.unwrap().fallback);
    }

    #[tokio::test]
    async fn help_without_aliases_is_no_list() {
        let error = list("exit 1", "Options:\n  --model <model>  Model's name\n  --name <name>  'a'").await;
        let text = "claude printed something other than a list of models; is it up to date?";
        assert_eq!(error.unwrap_err().to_string(), text);
    }

    #[tokio::test]
    async fn logged_out_names_login_command() {
        let error = list("echo 'Not logged in' >&2; exit 1", HELP).await.unwrap_err();
        assert_eq!(error.to_string(), "claude is not logged in: run \"claude auth login\" on this machine");
    }
}
