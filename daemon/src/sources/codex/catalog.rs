//! `codex debug models`, for versions of Codex whose app server does not list models: the catalog as JSON, most of it
//! prompts. Needs no network.

use doorbell_protocol::{Model, ModelListResult};
use serde::Deserialize;

use super::{LOGIN, Tier, service_tiers};
use crate::sources::SourceError;
use crate::sources::entries::Entries;
use crate::sources::process::Program;
use crate::sources::thinking::{level, thinking};

/// The arguments.
pub(super) const ARGUMENTS: [&str; 2] = ["debug", "models"];

/// Runs `program`, which has [`ARGUMENTS`].
pub(super) async fn list(program: &Program) -> Result<ModelListResult, SourceError> {
    let parse = |output: &[u8]| {
        let catalog: Option<Catalog> = serde_json::from_slice(output).ok();
        let result = catalog.and_then(|catalog| catalog.into_models().into_result());
        result.ok_or_else(|| program.invalid_output())
    };
    program.models(LOGIN, parse).await
}

/// The fields that a model entry needs.
#[derive(Deserialize)]
struct Catalog {
    models: Entries<CatalogEntry>,
}

#[derive(Deserialize)]
struct CatalogEntry {
    slug: String,
    display_name: Option<String>,
    visibility: Option<String>,
    priority: Option<i64>,
    default_reasoning_level: Option<String>,
    supported_reasoning_levels: Option<Entries<Level>>,
    service_tiers: Option<Entries<Tier>>,
}

#[derive(Deserialize)]
struct Level {
    effort: String,
    description: Option<String>,
}

impl Catalog {
    fn into_models(self) -> Entries<Model> {
        let mut listed = self.models;
        listed.usable.retain(CatalogEntry::is_listed);
        listed.usable.sort_by_key(|entry| entry.priority.unwrap_or(i64::MAX));
        let mut models = listed.map(Model::from);
        // The catalog marks no default. Codex uses the first of its picker, which is sorted by priority.
        if let Some(first) = models.usable.first_mut() {
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
        let levels = entry.supported_reasoning_levels.unwrap_or_default().usable.into_iter();
        let levels = levels.map(|Level { effort, description }| level(effort, description));
        Self {
            label: entry.display_name.unwrap_or_else(|| entry.slug.clone()),
            id: entry.slug,
            provider: Some("openai".to_owned()),
            default: false,
            thinking: thinking(levels, entry.default_reasoning_level),
            service_tiers: service_tiers(entry.service_tiers),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sources::launch::Launch;
    use crate::sources::script::executable;

    async fn list(body: &str) -> Result<ModelListResult, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch::of(executable(folder.path(), "codex", body));
        super::list(&launch.with(ARGUMENTS)).await
    }

    async fn models(catalog: Value) -> Value {
        json!(list(&format!("cat <<'END'\n{catalog}\nEND")).await.unwrap().models)
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
    async fn bad_entry_loses_one_entry() {
        let catalog = json!({"models": [
            {"slug": 1, "priority": 0}, {"display_name": "x"}, "a",
            {"slug": "b", "service_tiers": [{"name": "x"}], "supported_reasoning_levels": [{"effort": 1}]},
        ]});
        let expected = json!([{"id": "b", "label": "b", "provider": "openai", "default": true}]);
        assert_eq!(models(catalog).await, expected);
    }

    #[tokio::test]
    async fn rejects_other_output_without_repeating_it() {
        for output in ["", "secret words", "[]", r#"{"models": [{"display_name": "secret"}]}"#] {
            let error = list(&format!("echo '{output}'")).await.unwrap_err();
            let text = "codex printed something other than a list of models; is it up to date?";
            assert_eq!(error.to_string(), text, "{output}");
        }
    }
}
