//! Models in reports and polls.
//!
//! [`ModelEntry`] is JSON text that passes from a report to polls; only `id` and `label` are checked. [`Model`] has the
//! contract's fields.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::json::{InvalidJson, is_clean, without_nulls};
use crate::limits::MODEL_DEPTH;

/// A model with a non-empty `id` and `label`, and no `null` at any depth. Unknown fields and the spelling of numbers are
/// kept.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct ModelEntry {
    json: Box<RawValue>,
    #[serde(skip)]
    longest_text: usize,
}

/// Why an entry is not a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidModel {
    /// `id` is missing, empty or not a string.
    #[error("a model without an id")]
    NoId,
    /// Any other JSON.
    #[error("a model that is not a JSON object")]
    NotAnObject,
    /// Nested deeper than [`MODEL_DEPTH`].
    #[error("a model that is nested deeper than {MODEL_DEPTH} levels")]
    TooDeep,
    /// A string has a lone surrogate, which strict clients reject together with all other models.
    #[error("a model with a text that is not Unicode")]
    NotUnicode,
}

impl From<InvalidJson> for InvalidModel {
    fn from(invalid: InvalidJson) -> Self {
        match invalid {
            InvalidJson::TooDeep => Self::TooDeep,
            InvalidJson::NotUnicode => Self::NotUnicode,
            InvalidJson::Syntax => Self::NotAnObject,
        }
    }
}

impl ModelEntry {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.json.get()
    }

    /// The length of the longer of `id` and `label`, in characters.
    pub fn longest_text(&self) -> usize {
        self.longest_text
    }

    /// Parses the contract's fields. A field of an unexpected type becomes absent.
    pub fn model(&self) -> Model {
        let fields: HashMap<String, &RawValue> = serde_json::from_str(self.as_str()).unwrap_or_default();
        let text = |field| parse(&fields, field).unwrap_or_default();
        Model {
            id: text("id"),
            label: text("label"),
            provider: parse(&fields, "provider").filter(|provider: &String| !provider.is_empty()),
            default: parse(&fields, "default").unwrap_or_default(),
            thinking: parse(&fields, "thinking"),
            service_tiers: parse(&fields, "service_tiers").unwrap_or_default(),
        }
    }

    /// `json` has no `null` and is within the limits.
    fn new(json: Box<RawValue>) -> Result<Self, InvalidModel> {
        let Names { id, label } = serde_json::from_str(json.get()).map_err(|_| InvalidModel::NotAnObject)?;
        let id = id.filter(|id| !id.is_empty()).ok_or(InvalidModel::NoId)?;
        let Some(label) = label.filter(|label| !label.is_empty()) else {
            return Self::with_label(json.get(), &id);
        };
        let longest_text = id.chars().count().max(label.chars().count());
        Ok(Self { json, longest_text })
    }

    /// Clients require a label; the id replaces a missing one.
    fn with_label(json: &str, id: &str) -> Result<Self, InvalidModel> {
        let label = serde_json::value::to_raw_value(id).map_err(|_| InvalidModel::NotAnObject)?;
        let mut fields: Vec<(String, &RawValue)> =
            serde_json::from_str::<Fields<'_>>(json).map_err(|_| InvalidModel::NotAnObject)?.0;
        fields.retain(|(name, _)| name != "label");
        fields.push(("label".to_owned(), &label));
        let json = serde_json::value::to_raw_value(&Fields(fields)).map_err(|_| InvalidModel::NotAnObject)?;
        Ok(Self { json, longest_text: id.chars().count() })
    }
}

fn parse<'a, T: Deserialize<'a>>(fields: &HashMap<String, &'a RawValue>, field: &str) -> Option<T> {
    serde_json::from_str(fields.get(field)?.get()).ok()
}

impl TryFrom<Box<RawValue>> for ModelEntry {
    type Error = InvalidModel;
    fn try_from(json: Box<RawValue>) -> Result<Self, InvalidModel> {
        if is_clean(&json) {
            return Self::new(json);
        }
        let json = without_nulls(&json)?;
        Self::new(RawValue::from_string(json).map_err(|_| InvalidModel::NotAnObject)?)
    }
}

impl TryFrom<&Model> for ModelEntry {
    type Error = InvalidModel;
    fn try_from(model: &Model) -> Result<Self, InvalidModel> {
        Self::new(serde_json::value::to_raw_value(model).map_err(|_| InvalidModel::NotAnObject)?)
    }
}

impl<'de> Deserialize<'de> for ModelEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Box::<RawValue>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl PartialEq for ModelEntry {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

/// `id` and `label` of an entry, if they are strings. Of duplicate fields that are not `null` the last one counts, as in
/// browsers.
struct Names {
    id: Option<String>,
    label: Option<String>,
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Names, M::Error> {
        let mut names = Names { id: None, label: None };
        while let Some(Name(name)) = map.next_key()? {
            match name.as_ref() {
                "id" => names.id = text(map.next_value()?),
                "label" => names.label = text(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(names)
    }
}

/// A member's name, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

fn text(json: &RawValue) -> Option<String> {
    serde_json::from_str(json.get()).ok()
}

/// The fields of an object in their order, duplicates included.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The contract's fields of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// The id in the agent program.
    pub id: String,
    /// The display name.
    pub label: String,
    /// The model's provider, if the agent program offers several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Whether it is the agent program's default.
    #[serde(default, skip_serializing_if = "is_false")]
    pub default: bool,
    /// The reasoning levels, if clients can choose one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Thinking>,
    /// The service tiers, if clients can choose one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_tiers: Vec<ServiceTier>,
}

/// The reasoning levels of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thinking {
    /// The levels, in the agent program's order.
    pub supported_levels: Vec<ThinkingLevel>,
    /// The level when none is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_level: Option<String>,
}

/// One reasoning level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThinkingLevel {
    /// The id in the agent program.
    pub value: String,
    /// The display name.
    pub label: String,
    /// A description for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// One service tier of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceTier {
    /// The id in the agent program.
    pub id: String,
    /// The display name.
    pub name: String,
    /// A description for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(json: &str) -> Result<ModelEntry, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn keeps_unknown_fields_and_spelling_of_numbers() {
        for json in [
            r#"{"label":"A","price":31.245270191439438,"id":"a"}"#,
            r#"{"id":"a","label":"A","cost":1.10,"big":123456789012345678901234567890,"huge":1e400,"e":1E+2}"#,
            r#"{"id":"a","label":"A","thinking":{"supported_levels":[{"value":"low","label":"L","note":"n"}]},"x":[[],{}]}"#,
            r#"{"id":"a","label":"A","text":"null, \"null\" {[\\"}"#,
        ] {
            assert_eq!(entry(json).unwrap().as_str(), json);
        }
    }

    #[test]
    fn rejects_entry_without_id() {
        for json in [r#"{"label":"x"}"#, r#"{"id":""}"#, r#"{"id":null}"#, r#"{"id":5}"#, r#""x""#, "[]"] {
            assert!(entry(json).is_err(), "{json}");
        }
    }

    #[test]
    fn drops_nulls_at_any_depth() {
        let json = r#"{"id":"a","provider":null,"label":"A","x":[null,{"y":null,"z":1},null,2]}"#;
        assert_eq!(entry(json).unwrap().as_str(), r#"{"id":"a","label":"A","x":[{"z":1},2]}"#);
    }

    #[test]
    fn missing_label_becomes_id() {
        for json in
            [r#"{"id":"a","n":1.0}"#, r#"{"label":"","id":"a","n":1.0}"#, r#"{"id":"a","n":1.0,"label":5}"#]
        {
            let entry = entry(json).unwrap();
            assert_eq!(entry.as_str(), r#"{"id":"a","n":1.0,"label":"a"}"#);
            assert_eq!(entry.longest_text(), 1);
        }
    }

    #[test]
    fn last_duplicate_field_counts() {
        assert_eq!(entry(r#"{"id":"a","label":"A","id":"b"}"#).unwrap().model().id, "b");
        assert!(entry(r#"{"id":"a","label":"A","id":""}"#).is_err());
    }

    #[test]
    fn unexpected_type_is_absent_but_kept() {
        let json = r#"{"id":"a","label":"A","thinking":"a lot"}"#;
        let entry = entry(json).unwrap();
        assert_eq!(entry.model().thinking, None);
        assert_eq!(entry.as_str(), json);
    }

    #[test]
    fn model_round_trips_through_entry() {
        let level = ThinkingLevel { value: "low".to_owned(), label: "Low".to_owned(), description: None };
        let model = Model {
            id: "a".to_owned(),
            label: "A".to_owned(),
            default: true,
            thinking: Some(Thinking { supported_levels: vec![level], default_level: None }),
            ..Model::default()
        };
        assert_eq!(ModelEntry::try_from(&model).unwrap().model(), model);
    }
}
