//! Codex, OpenAI's agent, by its own catalog: `codex debug models`, which needs no network.

use std::path::PathBuf;

use async_trait::async_trait;
use doorbell_protocol::{Model, ModelListResult, ServiceTier, Thinking, ThinkingLevel};
use serde::Deserialize;

use super::process::Program;
use super::{DiscoveryError, ModelSource, listed};

/// Asks the program `codex`.
#[derive(Debug)]
pub struct Codex(Program);

impl Codex {
    /// The one at `program`; a bare name is looked for on `PATH`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self(Program::new(program.into(), ["debug", "models"]))
    }
}

#[async_trait]
impl ModelSource for Codex {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn discover(&self) -> Result<ModelListResult, DiscoveryError> {
        let printed = self.0.list(Some("login")).await?;
        let catalog: Catalog = serde_json::from_slice(&printed).map_err(|_| self.0.unreadable())?;
        listed(catalog.into_models()).map_err(|_| self.0.unreadable())
    }
}

/// The part of the catalog that is needed here. Most of what it holds is prompts.
#[derive(Deserialize)]
struct Catalog {
    models: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
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
        let mut listed: Vec<Entry> = self.models.into_iter().filter(Entry::is_listed).collect();
        listed.sort_by_key(|entry| entry.priority.unwrap_or(i64::MAX));
        let mut models: Vec<Model> = listed.into_iter().map(Model::from).collect();
        // The catalog marks no default: codex itself takes the first by priority of those that its picker shows.
        if let Some(first) = models.first_mut() {
            first.default = true;
        }
        models
    }
}

impl Entry {
    fn is_listed(&self) -> bool {
        self.visibility.as_deref() != Some("hide")
    }
}

impl From<Entry> for Model {
    fn from(entry: Entry) -> Self {
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
        Self { label: in_words(&level.effort), value: level.effort, description: level.description }
    }
}

impl From<Tier> for ServiceTier {
    fn from(tier: Tier) -> Self {
        let name = tier.name.unwrap_or_else(|| tier.id.clone());
        Self { id: tier.id, name, description: tier.description }
    }
}

fn in_words(effort: &str) -> String {
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
    use crate::discover::script::executable;

    async fn discover(body: &str) -> Result<ModelListResult, DiscoveryError> {
        let folder = tempfile::tempdir().unwrap();
        Codex::new(executable(folder.path(), "codex", body)).discover().await
    }

    async fn models(catalog: Value) -> Value {
        let result = discover(&format!("cat <<'END'\n{catalog}\nEND")).await.unwrap();
        assert!(result.supported && !result.fallback);
        json!(result.models)
    }

    #[tokio::test]
    async fn every_field_is_taken_over() {
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
    async fn the_first_that_is_shown_by_priority_is_the_default() {
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
    async fn what_is_missing_is_left_out() {
        let catalog = json!({"models": [{
            "slug": "bare", "display_name": null, "supported_reasoning_levels": [], "service_tiers": null,
            "default_reasoning_level": "low",
        }]});
        let expected = json!([{"id": "bare", "label": "bare", "provider": "openai", "default": true}]);
        assert_eq!(models(catalog).await, expected);
    }

    #[tokio::test]
    async fn no_models_are_an_answer() {
        assert_eq!(models(json!({"models": []})).await, json!([]));
        assert_eq!(models(json!({"models": [{"slug": "a", "visibility": "hide"}]})).await, json!([]));
    }

    #[tokio::test]
    async fn anything_else_is_unreadable_and_not_repeated() {
        for printed in ["", "secret words", "[]", r#"{"models": [{"display_name": "secret"}]}"#] {
            let error = discover(&format!("echo '{printed}'")).await.unwrap_err();
            let text = "codex printed something other than a list of models; is it up to date?";
            assert_eq!(error.to_string(), text, "{printed}");
        }
    }

    #[tokio::test]
    async fn a_failure_says_what_to_run() {
        let error = discover("test \"$*\" = 'debug models' && exit 3").await.unwrap_err();
        let text = "codex could not list its models (exit status 3); run \"codex debug models\" on this machine \
                    to see why";
        assert_eq!(error.to_string(), text);
    }

    #[tokio::test]
    async fn logged_out_says_how_to_log_in() {
        let error = discover("echo 'Not logged in' >&2; exit 1").await.unwrap_err();
        assert_eq!(error.to_string(), "codex is not logged in: run \"codex login\" on this machine");
    }

    #[tokio::test]
    async fn not_installed_says_so() {
        let error = Codex::new("codex-that-nobody-has").discover().await.unwrap_err();
        assert_eq!(error, DiscoveryError::NotInstalled { program: "codex-that-nobody-has".to_owned() });
    }

    /// The clock is paused, so it jumps to the limit as soon as nothing but the program is waited for.
    #[tokio::test(start_paused = true)]
    async fn too_slow_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let codex = Codex::new(executable(folder.path(), "codex", "exec sleep 1000"));
        let error = crate::discover::discover_in_time(&codex).await.unwrap_err();
        assert_eq!(error.to_string(), "codex did not list its models within 15 seconds");
    }
}
