//! OpenClaw: its agents stand for models, because a client chooses one of them, and each has a model of its own.

use std::sync::Arc;

use async_trait::async_trait;
use doorbell_protocol::{Model, ModelListResult};
use serde::Deserialize;

use super::entries::Entries;
use super::launch::KnownProgram;
use super::process::Program;
use super::{ModelSource, SourceError};

/// The type `openclaw`. The models' keys are in its own configuration.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "openclaw",
    name: "OpenClaw",
    executables: &["openclaw"],
    keys: &["OPENCLAW_GATEWAY_TOKEN"],
    source: |launch| Arc::new(OpenClaw(launch.with(["agents", "list", "--json"]))),
};

/// The agent program `openclaw`.
#[derive(Debug)]
struct OpenClaw(Program);

#[async_trait]
impl ModelSource for OpenClaw {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn query(&self) -> String {
        self.0.command_line()
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        let parse = |output: &[u8]| {
            let agents: Option<Entries<Agent>> = serde_json::from_slice(output).ok();
            let result = agents.and_then(|agents| agents.map(Model::from).into_result());
            result.ok_or_else(|| self.0.invalid_output())
        };
        self.0.models(Some("onboard"), parse).await
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Agent {
    /// What `openclaw agent --agent` takes.
    id: String,
    name: Option<String>,
    /// The name that the agent gave itself.
    identity_name: Option<String>,
    /// As `provider/model`.
    model: Option<String>,
    #[serde(default)]
    is_default: bool,
}

impl From<Agent> for Model {
    fn from(agent: Agent) -> Self {
        let name = agent.identity_name.or(agent.name).unwrap_or_else(|| agent.id.clone());
        let provider = agent.model.as_deref().and_then(|model| model.split_once('/'));
        Self {
            provider: provider.map(|(provider, _)| provider.to_owned()),
            label: agent.model.map_or_else(|| name.clone(), |model| format!("{name} ({model})")),
            id: agent.id,
            default: agent.is_default,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sources::launch::Launch;
    use crate::sources::script::executable;

    async fn list(body: &str) -> Result<ModelListResult, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch::of(executable(folder.path(), "openclaw", body));
        (PROGRAM.source)(&launch).list_models().await
    }

    #[tokio::test]
    async fn each_agent_is_a_model() {
        let agents = json!([
            {"id": "main", "identityName": "Jay", "name": "main", "model": "google/gemini", "isDefault": true, "bindings": 0},
            {"id": "work", "name": "Work", "isDefault": false},
            {"id": "bare"},
        ]);
        let body = format!("test \"$*\" = 'agents list --json' && cat <<'END'\n{agents}\nEND");
        let result = list(&body).await.unwrap();
        let expected = json!([
            {"id": "main", "label": "Jay (google/gemini)", "provider": "google", "default": true},
            {"id": "work", "label": "Work"},
            {"id": "bare", "label": "bare"},
        ]);
        assert_eq!(json!(result.models), expected);
        assert!(result.supported && !result.fallback);
    }

    #[tokio::test]
    async fn bad_entry_loses_one_entry() {
        let result = list(r#"echo '[{"id": 1}, {"name": "x"}, {"id": "a"}]'"#).await.unwrap();
        assert_eq!(json!(result.models), json!([{"id": "a", "label": "a"}]));
    }

    #[tokio::test]
    async fn rejects_other_output_without_repeating_it() {
        for output in ["", "secret words", r#"[{"name": "secret"}]"#] {
            let error = list(&format!("echo '{output}'")).await.unwrap_err();
            let text = "openclaw printed something other than a list of models; is it up to date?";
            assert_eq!(error.to_string(), text, "{output}");
        }
    }
}
