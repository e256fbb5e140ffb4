//! The models of a new ACP session, in either form:
//!
//! - `models`: `{"availableModels": [{"modelId", "name"}], "currentModelId"}`, which ACP has dropped;
//! - `configOptions`: an option of the category or id `model`, whose options may be in groups, and one of `thought_level`.
//!
//! Fields are read one by one, so that a bad entry loses that entry only.

use std::collections::HashSet;

use doorbell_protocol::{Model, Thinking, ThinkingLevel};
use serde::Deserialize;
use serde_json::Value;

/// The part of the result of `session/new` that counts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewSession {
    #[serde(default)]
    models: Value,
    #[serde(default)]
    config_options: Value,
}

/// What a session lists.
pub(super) struct List {
    pub(super) models: Vec<Model>,
    /// There were entries, and none can be used.
    pub(super) is_broken: bool,
}

/// Something to choose from.
#[derive(Default)]
struct Choice {
    current: Option<String>,
    options: Vec<Choosable>,
    has_entries: bool,
}

struct Choosable {
    id: String,
    name: Option<String>,
    description: Option<String>,
}

impl NewSession {
    /// The models, the current one marked as the default. `maker` becomes their provider.
    pub(super) fn models(&self, maker: Option<&str>) -> List {
        let forms = [Choice::of_models(&self.models), self.option("model")];
        let is_broken = forms.iter().any(|form| form.has_entries);
        let choice = forms.into_iter().find(|form| !form.options.is_empty()).unwrap_or_default();
        let thinking = self.option("thought_level").into_thinking();
        let models = choice.with_current().map(|(option, is_current)| Model {
            label: option.name.unwrap_or_else(|| option.id.clone()),
            id: option.id,
            provider: maker.map(str::to_owned),
            default: is_current,
            // The levels of a session are those of its current model.
            thinking: thinking.clone().filter(|_| is_current),
            service_tiers: Vec::new(),
        });
        List { models: models.collect(), is_broken }
    }

    /// The option of a category; without such a category, of this id.
    fn option(&self, category: &str) -> Choice {
        let options = || entries(&self.config_options).filter(|option| option["options"].is_array());
        let option = options()
            .find(|option| option["category"] == category)
            .or_else(|| options().find(|option| option["id"] == category));
        option.map(Choice::of_option).unwrap_or_default()
    }
}

impl Choice {
    fn of_models(models: &Value) -> Self {
        let available = entries(&models["availableModels"]);
        Self::new(text(&models["currentModelId"]), available.map(|model| (&model["modelId"], model)))
    }

    fn of_option(option: &Value) -> Self {
        let options = entries(&option["options"]).flat_map(|entry| {
            let group = &entry["options"];
            let is_group = group.is_array();
            entries(group).chain((!is_group).then_some(entry))
        });
        Self::new(text(&option["currentValue"]), options.map(|option| (&option["value"], option)))
    }

    /// Of entries and their ids. The first of an id counts.
    fn new<'a>(current: Option<String>, entries: impl Iterator<Item = (&'a Value, &'a Value)>) -> Self {
        let mut choice = Self { current, ..Self::default() };
        let mut ids = HashSet::new();
        for (id, entry) in entries {
            choice.has_entries = true;
            if let Some(id) = text(id).filter(|id| ids.insert(id.clone())) {
                let name = text(&entry["name"]);
                choice.options.push(Choosable { id, name, description: text(&entry["description"]) });
            }
        }
        choice
    }

    /// The options, and whether each is the current one. A current one that is not listed comes first: qwen runs the model of
    /// its environment without listing it.
    fn with_current(self) -> impl Iterator<Item = (Choosable, bool)> {
        let Self { current, options, .. } = self;
        let is_listed =
            options.is_empty() || options.iter().any(|option| Some(&option.id) == current.as_ref());
        let unlisted = current.clone().filter(|_| !is_listed);
        let unlisted = unlisted.map(|id| Choosable { id, name: None, description: None });
        unlisted.into_iter().chain(options).map(move |option| {
            let is_current = Some(&option.id) == current.as_ref();
            (option, is_current)
        })
    }

    fn into_thinking(self) -> Option<Thinking> {
        let Self { current, options, .. } = self;
        let default_level = current.filter(|current| options.iter().any(|option| option.id == *current));
        let levels = options.into_iter().map(|option| ThinkingLevel {
            label: option.name.unwrap_or_else(|| option.id.clone()),
            value: option.id,
            description: option.description,
        });
        let supported_levels: Vec<_> = levels.collect();
        (!supported_levels.is_empty()).then_some(Thinking { supported_levels, default_level })
    }
}

/// The entries of an array; none of anything else.
fn entries(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A text that is not empty.
fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
