//! A model as it passes from a daemon's report to a client's poll.
//!
//! [`ModelEntry`] is what passes through: checked for the `id` that every client relies on, otherwise opaque. [`Model`] is
//! what our own discoverers fill in and our own table reads.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::limits::MODEL_TEXT_CHARS;

/// A model entry with at least a non-empty `id` and `label`, holding no `null`. Unknown fields are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct ModelEntry(Map<String, Value>);

/// The entry has no usable `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a model has no id")]
pub struct InvalidModel;

impl TryFrom<Map<String, Value>> for ModelEntry {
    type Error = InvalidModel;
    fn try_from(mut entry: Map<String, Value>) -> Result<Self, InvalidModel> {
        let text = |entry: &Map<String, Value>, field: &str| {
            entry.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let id = text(&entry, "id").ok_or(InvalidModel)?;
        let label = text(&entry, "label");
        // Clients always expect a label; a daemon that sent none has at least the id to show.
        if label.is_none() {
            entry.insert("label".to_owned(), Value::String(id));
        }
        drop_nulls(&mut entry);
        Ok(Self(entry))
    }
}

fn drop_nulls(object: &mut Map<String, Value>) {
    object.retain(|_, value| !value.is_null());
    object.values_mut().for_each(drop_nulls_within);
}

fn drop_nulls_within(value: &mut Value) {
    match value {
        Value::Object(object) => drop_nulls(object),
        Value::Array(values) => values.iter_mut().for_each(drop_nulls_within),
        _ => {}
    }
}

impl ModelEntry {
    /// The fields of the contract, as far as they have its shape.
    pub fn model(&self) -> Model {
        let text = |field| self.0.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        Model {
            id: text("id"),
            label: text("label"),
            provider: Some(text("provider")).filter(|provider| !provider.is_empty()),
            default: self.0.get("default").and_then(Value::as_bool).unwrap_or_default(),
            thinking: self.part("thinking"),
            service_tiers: self.part("service_tiers").unwrap_or_default(),
        }
    }

    /// Whether its `id` or `label` is over [`MODEL_TEXT_CHARS`].
    pub(super) fn is_wordy(&self) -> bool {
        let chars =
            |field| self.0.get(field).and_then(Value::as_str).map_or(0, |text: &str| text.chars().count());
        chars("id").max(chars("label")) > MODEL_TEXT_CHARS
    }

    fn part<T: serde::de::DeserializeOwned>(&self, field: &str) -> Option<T> {
        serde_json::from_value(self.0.get(field)?.clone()).ok()
    }
}

/// A model in the contract's own fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// What the agent program calls it.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// Whose model it is, where the agent program offers several providers'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The agent program's own choice.
    #[serde(default, skip_serializing_if = "is_false")]
    pub default: bool,
    /// How long it may think, where that can be chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Thinking>,
    /// The speeds it is sold at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_tiers: Vec<ServiceTier>,
}

/// The reasoning levels of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thinking {
    /// The levels, in the agent program's order.
    pub supported_levels: Vec<ThinkingLevel>,
    /// The level that applies when none is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_level: Option<String>,
}

/// One reasoning level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThinkingLevel {
    /// What the agent program takes.
    pub value: String,
    /// What people see.
    pub label: String,
    /// What it is good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// One speed a model is sold at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceTier {
    /// What the agent program takes.
    pub id: String,
    /// What people see.
    pub name: String,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl TryFrom<Model> for ModelEntry {
    type Error = InvalidModel;
    fn try_from(model: Model) -> Result<Self, InvalidModel> {
        match serde_json::to_value(model) {
            Ok(Value::Object(entry)) => Self::try_from(entry),
            _ => Err(InvalidModel),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(value: Value) -> Result<ModelEntry, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn every_field_passes_through_unknown_ones_included() {
        let sent = json!({
            "id": "gpt-6", "label": "GPT-6", "provider": "openai", "default": true,
            "thinking": {"supported_levels": [{"value": "low", "label": "Low", "note": "new"}], "default_level": "low"},
            "service_tiers": [{"id": "priority", "name": "Fast", "description": "…"}],
            "context_window": 1_000_000, "price": {"in": 31.245270191439438},
        });
        assert_eq!(serde_json::to_value(entry(sent.clone()).unwrap()).unwrap(), sent);
    }

    /// As text: a number that is parsed to a neighbour and compared with itself would look unchanged.
    #[test]
    fn order_and_numbers_pass_through_to_the_last_digit() {
        let sent = r#"{"label":"A","price":31.245270191439438,"id":"a"}"#;
        let passed: ModelEntry = serde_json::from_str(sent).unwrap();
        assert_eq!(serde_json::to_string(&passed).unwrap(), sent);
    }

    #[test]
    fn a_model_without_an_id_is_refused() {
        for value in
            [json!({"label": "x"}), json!({"id": ""}), json!({"id": null}), json!({"id": 5}), json!("x")]
        {
            assert!(entry(value.clone()).is_err(), "{value}");
        }
    }

    /// Clients validate with strict schemas, in which an optional field is absent and never null.
    #[test]
    fn nulls_are_left_out_at_any_depth() {
        let sent = json!({"id": "a", "label": "A", "provider": null, "x": [{"y": null, "z": 1}]});
        let passed = serde_json::to_value(entry(sent).unwrap()).unwrap();
        assert_eq!(passed, json!({"id": "a", "label": "A", "x": [{"z": 1}]}));
    }

    #[test]
    fn a_missing_label_is_the_id() {
        assert_eq!(entry(json!({"id": "a", "label": ""})).unwrap().model().label, "a");
    }

    #[test]
    fn a_field_of_another_shape_reads_as_absent_and_still_passes_through() {
        let odd = entry(json!({"id": "a", "label": "A", "thinking": "a lot"})).unwrap();
        assert_eq!(odd.model().thinking, None);
        assert_eq!(serde_json::to_value(odd).unwrap()["thinking"], "a lot");
    }
}
