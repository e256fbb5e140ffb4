//! Codex: `codex debug models` prints its catalog as JSON and needs no network.

use std::sync::Arc;

use async_trait::async_trait;
use doorbell_protocol::{Model, ModelListResult, ServiceTier, Thinking, ThinkingLevel};
use serde::Deserialize;

use super::launch::{KnownProgram, Launch};
use super::process::Program;
use super::{ModelSource, SourceError, supported};

/// The type `codex`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "codex",
    name: "Codex",
    executables: &["codex"],
    keys: &["OPENAI_API_KEY", "CODEX_API_KEY"],
    source: |launch| Arc::new(Codex::new(launch)),
};

/// The agent program `codex`.
#[derive(Debug)]
struct Codex(Program);

impl Codex {
    fn new(launch: &Launch) -> Self {
        Self(launch.with(["debug", "models"]))
    }
}

#[async_trait]
impl ModelSource for Codex {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn query(&self) -> String {
        self.0.command_line()
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        let output = self.0.list(Some("login")).await?;
        let catalog: Catalog = serde_json::from_slice(&output).map_err(|_| self.0.invalid_output())?;
        supported(catalog.into_models()).map_err(|_| self.0.invalid_output())
    }
}

/// The fields that a model entry needs. The catalog is mostly prompts.
#[derive(Deserialize)]
struct Catalog {
    models: Vec<CatalogEntry>,
}

#[derive(Deserialize)]
struct CatalogEntry {
    slug: String,
    display_name: Option<String>,
    visibility: Option<String>,
    priority: Option<i64>,
    default_reasoning_level: Option<String>,
    supported_reasoning_levels: Option<Vec<Level>>,
    service_tiers: Option<Vec<Tier>>,
}

#[derive(Deserialize)]
struct Level {
    effort: String,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Tier {
    id: String,
    name: Option<String>,
    description: Option<String>,
}

impl Catalog {
    fn into_models(self) -> Vec<Model> {
        let mut listed: Vec<CatalogEntry> = self.models.into_iter().filter(CatalogEntry::is_listed).collect();
        listed.sort_by_key(|entry| entry.priority.unwrap_or(i64::MAX));
        let mut models: Vec<Model> = listed.into_iter().map(Model::from).collect();
        // The catalog marks no default. Codex uses the first of its picker, which is sorted by priority.
        if let Some(first) = models.first_mut() {
            first.default = true;
        }
        models
    }
}

impl CatalogEntry {
    fn is_listed(&self) -> bool {
        self.visibility.as_deref() != Some("hide")
    }
}

impl From<CatalogEntry> for Model {
    fn from(entry: CatalogEntry) -> Self {
        Self {
            label: entry.display_name.unwrap_or_else(|| entry.slug.clone()),
            id: entry.slug,
            provider: Some("openai".to_owned()),
            default: false,
            thinking: thinking(entry.supported_reasoning_levels, entry.default_reasoning_level),
            service_tiers: entry.service_tiers.into_iter().flatten().map(ServiceTier::from).collect(),
        }
    }
}

fn thinking(levels: Option<Vec<Level>>, default_level: Option<String>) -> Option<Thinking> {
    let levels = levels.filter(|levels| !levels.is_empty())?;
    Some(Thinking { supported_levels: levels.into_iter().map(ThinkingLevel::from).collect(), default_level })
}

impl From<Level> for ThinkingLevel {
    fn from(level: Level) -> Self {
        Self { label: effort_label(&level.effort), value: level.effort, description: level.description }
    }
}

impl From<Tier> for ServiceTier {
    fn from(tier: Tier) -> Self {
        let name = tier.name.unwrap_or_else(|| tier.id.clone());
        Self { id: tier.id, name, description: tier.description }
    }
}

fn effort_label(effort: &str) -> String {
    if effort == "xhigh" {
        return "Extra high".to_owned();
    }
    let mut letters = effort.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sources::script::executable;

    async fn list(body: &str) -> Result<ModelListResult, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        Codex::new(&Launch::of(executable(folder.path(), "codex", body))).list_models().await
    }

    async fn models(catalog: Value) -> Value {
        let result = list(&format!("cat <<'END'\n{catalog}\nEND")).await.unwrap();
        assert!(result.supported && !result.fallback);
        json!(result.models)
    }

    #[tokio::test]
    async fn maps_every_field() {
        let catalog = json!({"models": [{
            "slug": "fast-1", "display_name": "Fast One", "visibility": "list", "priority": 1,
            "default_reasoning_level": "low",
            "supported_reasoning_levels": [
                {"effort": "low", "description": "Quick"}, {"effort": "xhigh", "description": "Slow"},
            ],
            "service_tiers": [{"id": "priority", "name": "Faster", "description": "2x", "note": "new"}],
            "base_instructions": "You are …",
        }]});
        let expected = json!([{
            "id": "fast-1", "label": "Fast One", "provider": "openai", "default": true,
            "thinking": {
                "supported_levels": [
                    {"value": "low", "label": "Low", "description": "Quick"},
                    {"value": "xhigh", "label": "Extra high", "description": "Slow"},
                ],
                "default_level": "low",
            },
            "service_tiers": [{"id": "priority", "name": "Faster", "description": "2x"}],
        }]);
        assert_eq!(models(catalog).await, expected);
    }

    #[tokio::test]
    async fn first_shown_by_priority_is_default() {
        let catalog = json!({"models": [
            {"slug": "unranked"}, {"slug": "second", "priority": 2}, {"slug": "also second", "priority": 2},
            {"slug": "hidden", "priority": 0, "visibility": "hide"},
            {"slug": "first", "priority": 1, "visibility": "list"},
        ]});
        let models = models(catalog).await;
        let shown: Vec<_> = models.as_array().unwrap().iter().map(|model| &model["id"]).collect();
        assert_eq!(shown, ["first", "second", "also second", "unranked"]);
        assert_eq!((&models[0]["default"], models[1].get("default")), (&json!(true), None));
    }

    #[tokio::test]
    async fn omits_missing_fields() {
        let catalog = json!({"models": [{
            "slug": "bare", "display_name": null, "supported_reasoning_levels": [], "service_tiers": null,
            "default_reasoning_level": "low",
        }]});
        let expected = json!([{"id": "bare", "label": "bare", "provider": "openai", "default": true}]);
        assert_eq!(models(catalog).await, expected);
    }

    #[tokio::test]
    async fn accepts_empty_catalog() {
        assert_eq!(models(json!({"models": []})).await, json!([]));
        assert_eq!(models(json!({"models": [{"slug": "a", "visibility": "hide"}]})).await, json!([]));
    }

    #[tokio::test]
    async fn rejects_other_output_without_repeating_it() {
        for output in ["", "secret words", "[]", r#"{"models": [{"display_name": "secret"}]}"#] {
            let error = list(&format!("echo '{output}'")).await.unwrap_err();
            let text = "codex printed something other than a list of models; is it up to date?";
            assert_eq!(error.to_string(), text, "{output}");
        }
    }

    #[tokio::test]
    async fn failure_names_command() {
        let error = list("test \"$*\" = 'debug models' && exit 3").await.unwrap_err();
        let text = "codex could not list its models (exit status 3); run \"codex debug models\" on this machine \
                    to see why";
        assert_eq!(error.to_string(), text);
    }

    #[tokio::test]
    async fn logged_out_names_login_command() {
        let error = list("echo 'Not logged in' >&2; exit 1").await.unwrap_err();
        assert_eq!(error.to_string(), "codex is not logged in: run \"codex login\" on this machine");
    }

    #[tokio::test]
    async fn missing_program_is_not_installed() {
        let error = Codex::new(&Launch::of("codex-not-installed")).list_models().await.unwrap_err();
        assert_eq!(error, SourceError::NotInstalled { program: "codex-not-installed".to_owned() });
    }

    /// The clock is paused: it jumps to the limit while only the program is awaited.
    #[tokio::test(start_paused = true)]
    async fn slow_program_times_out() {
        let folder = tempfile::tempdir().unwrap();
        let codex = Codex::new(&Launch::of(executable(folder.path(), "codex", "exec sleep 1000")));
        let error = crate::sources::list_with_timeout(&codex).await.unwrap_err();
        assert_eq!(error.to_string(), "codex did not list its models within 15 seconds");
    }
}
