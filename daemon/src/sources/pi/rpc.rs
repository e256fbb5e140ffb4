//! `pi --mode rpc`: a JSON command a line, and a response with its id.

use doorbell_protocol::{Model, ModelListResult};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{LOGIN, no_models};
use crate::sources::SourceError;
use crate::sources::conversation::Conversation;
use crate::sources::entries::Entries;
use crate::sources::process::Program;
use crate::sources::thinking::{level, thinking};

/// The arguments. A session would be a file.
pub(super) const ARGUMENTS: [&str; 3] = ["--mode", "rpc", "--no-session"];

/// Every reasoning level, in Pi's order.
const LEVELS: [&str; 6] = ["off", "minimal", "low", "medium", "high", "xhigh"];

/// Runs `program`, which has [`ARGUMENTS`].
pub(super) async fn list(program: &Program) -> Result<ModelListResult, SourceError> {
    let mut conversation = Conversation::start(program, LOGIN)?;
    let listed: Option<Listed> = ask(&mut conversation, "models", "get_available_models").await?;
    let entries = listed.ok_or_else(|| program.invalid_output())?.models;
    if entries.usable.is_empty() && !entries.has_bad {
        return Err(no_models(program));
    }
    // Without its state, Pi has a list without a default.
    let state: Option<State> = ask(&mut conversation, "state", "get_state").await.ok().flatten();
    let models = entries.map(|entry| entry.into_model(state.as_ref()));
    models.into_result().ok_or_else(|| program.invalid_output())
}

/// The response's data; `None` if the command failed or the data have another shape.
async fn ask<T: DeserializeOwned>(
    conversation: &mut Conversation<'_>,
    id: &str,
    command: &str,
) -> Result<Option<T>, SourceError> {
    conversation.send(&json!({"id": id, "type": command})).await?;
    let response = |line: &[u8]| serde_json::from_slice::<Response>(line).ok().filter(|it| it.id == id);
    let data = conversation.find(response).await?.data;
    Ok(data.and_then(|data| serde_json::from_str(data.get()).ok()))
}

#[derive(Deserialize)]
struct Response {
    id: String,
    data: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Listed {
    models: Entries<PiModel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    model: Option<PiModel>,
    thinking_level: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PiModel {
    id: String,
    provider: String,
    name: Option<String>,
    #[serde(default)]
    reasoning: bool,
    /// What a level is called by the provider; `null` for a level that the model does not have.
    #[serde(default)]
    thinking_level_map: Map<String, Value>,
}

impl PiModel {
    fn into_model(self, state: Option<&State>) -> Model {
        let is_current = |model: &Self| model.id == self.id && model.provider == self.provider;
        let current = state.filter(|state| state.model.as_ref().is_some_and(is_current));
        let levels = self.levels().map(|value| level(value.to_owned(), None)).collect::<Vec<_>>();
        let default_level = current.and_then(|state| state.thinking_level.clone());
        Model {
            // `pi --model` takes the provider and the id.
            id: format!("{}/{}", self.provider, self.id),
            label: self.name.unwrap_or(self.id),
            provider: Some(self.provider),
            default: current.is_some(),
            thinking: thinking(levels, default_level),
            service_tiers: Vec::new(),
        }
    }

    /// Pi's own rule: every level but the highest, which needs a name, and none that is `null`.
    fn levels(&self) -> impl Iterator<Item = &'static str> {
        let has = |level: &&str| match self.thinking_level_map.get(*level) {
            Some(name) => !name.is_null(),
            None => *level != "xhigh",
        };
        LEVELS.into_iter().filter(move |level| self.reasoning && has(level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::launch::Launch;
    use crate::sources::script::executable;

    /// The list of a script that answers both commands with these data.
    async fn list(models: &Value, state: &Value) -> Result<ModelListResult, SourceError> {
        let respond = |id: &str, data: &Value| {
            let response = json!({"id": id, "type": "response", "success": true, "data": data});
            format!("echo Loading; cat <<'END'\n{{\"type\":\"event\"}}\n{response}\nEND\n")
        };
        let expect = |command: &str| format!("read -r line; test \"$line\" = '{command}' || exit 1\n");
        let body = [
            expect(r#"{"id":"models","type":"get_available_models"}"#),
            respond("models", &json!({"models": models})),
            expect(r#"{"id":"state","type":"get_state"}"#),
            respond("state", state),
            "read -r end".to_owned(),
        ];
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch::of(executable(folder.path(), "pi", &body.concat()));
        super::list(&launch.with(ARGUMENTS)).await
    }

    #[tokio::test]
    async fn maps_every_field() {
        let models = json!([
            {"id": "a", "name": "A", "provider": "one", "api": "x", "reasoning": true, "cost": {"input": 1},
             "thinkingLevelMap": {"minimal": null, "xhigh": "max"}},
            {"id": "maker/b", "provider": "two", "reasoning": false},
            {"id": "a", "provider": "three", "reasoning": true},
        ]);
        let state = json!({"model": {"id": "a", "provider": "one"}, "thinkingLevel": "medium"});
        let result = list(&models, &state).await.unwrap();
        let levels = |labels: &[(&str, &str)]| -> Value {
            labels.iter().map(|(value, label)| json!({"value": value, "label": label})).collect()
        };
        let some =
            [("off", "Off"), ("low", "Low"), ("medium", "Medium"), ("high", "High"), ("xhigh", "Extra high")];
        let usual =
            [("off", "Off"), ("minimal", "Minimal"), ("low", "Low"), ("medium", "Medium"), ("high", "High")];
        let expected = json!([
            {"id": "one/a", "label": "A", "provider": "one", "default": true,
             "thinking": {"supported_levels": levels(&some), "default_level": "medium"}},
            {"id": "two/maker/b", "label": "maker/b", "provider": "two"},
            {"id": "three/a", "label": "a", "provider": "three", "thinking": {"supported_levels": levels(&usual)}},
        ]);
        assert_eq!(json!(result.models), expected);
        assert!(result.supported && !result.fallback);
    }

    #[tokio::test]
    async fn list_without_state_has_no_default() {
        let models = json!([{"id": "a", "provider": "one"}]);
        let result = list(&models, &json!({"model": 1})).await.unwrap();
        assert!(!result.models[0].model().default);
    }

    #[tokio::test]
    async fn bad_entry_loses_one_entry() {
        let models = json!([{"id": "a"}, {"id": 1, "provider": "one"}, {"id": "b", "provider": "one"}]);
        let result = list(&models, &Value::Null).await.unwrap();
        assert_eq!(json!(result.models), json!([{"id": "one/b", "label": "b", "provider": "one"}]));
    }
}
