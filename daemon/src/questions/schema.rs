//! JSON schemas of args and results.
//!
//! A schema refers to no other document, and its patterns run in linear time: both would let a client, or a typing error in
//! the configuration, hold up the daemon. Formats are checked, because the owner of a machine who writes one expects that.

use std::fmt::Write as _;

use doorbell_protocol::{Json, one_line};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// The longest description of a mismatch, in characters. Some contain the schema's enumeration or names that the client made up.
const MISMATCH_CHARS: usize = 300;

/// The key that the TOML parser gives to a date. JSON has no dates.
const TOML_DATE: &str = "$__toml_private_datetime";

/// A compiled schema.
pub(super) struct Schema {
    json: Json,
    validator: Validator,
}

/// How a value differs from its schema, as a clause. Names the field, and does not repeat the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(String);

impl Schema {
    /// Compiles a schema of draft 4 to 2020-12, by default the latest. The error is a clause for the owner of the machine.
    pub(super) fn compile(schema: &Value) -> Result<Self, String> {
        let json = Json::try_from(schema).map_err(|too_deep| format!("it is {too_deep}"))?;
        if json.as_str().contains(TOML_DATE) {
            return Err("it has a date; write dates in quotes".to_owned());
        }
        let options = jsonschema::options()
            .offline()
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false);
        let invalid = |error: ValidationError<'_>| {
            let place = Some(error.instance_path()).filter(|path| !path.is_empty());
            let place = place.map_or_else(String::new, |path| format!(" at {}", path.as_str()));
            one_line(&format!("{error}{place}"), MISMATCH_CHARS)
        };
        Ok(Self { validator: options.build(schema).map_err(invalid)?, json })
    }

    /// The schema's text.
    pub(super) fn json(&self) -> &Json {
        &self.json
    }

    /// Checks `value`, which is called `name` as a whole. Reports the first mismatch only.
    pub(super) fn check(&self, value: &Value, name: &str) -> Result<(), Mismatch> {
        self.validator.validate(value).map_err(|error| {
            let subject = field(error.instance_path()).unwrap_or_else(|| name.to_owned());
            let text = error.masked_with(subject.as_str()).to_string();
            // Some texts are about members of the field and do not name it.
            let text = if text.contains(&subject) { text } else { format!("in {subject}: {text}") };
            Mismatch(one_line(&text, MISMATCH_CHARS))
        })
    }
}

/// The field at `path` as `"files[0].name"`; `None` for the whole value.
fn field(path: &Location) -> Option<String> {
    let mut field = String::new();
    for segment in path.segments() {
        match segment {
            LocationSegment::Index(index) => {
                let _ = write!(field, "[{index}]");
            }
            LocationSegment::Property(name) => {
                field.push_str(if field.is_empty() { "" } else { "." });
                field.push_str(&name);
            }
        }
    }
    // A client may make up names if the schema allows any.
    Some(format!("\"{}\"", one_line(&field, MISMATCH_CHARS / 2))).filter(|_| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mismatch(schema: &Value, value: &Value) -> String {
        Schema::compile(schema).unwrap().check(value, "args").unwrap_err().to_string()
    }

    #[test]
    fn mismatch_names_field_but_not_value() {
        let schema = json!({
            "type": "object",
            "required": ["path"],
            "properties": {
                "path": {"type": "string", "maxLength": 4},
                "files": {"items": {"properties": {"name": {"pattern": "^[a-z]+$"}}}},
                "when": {"format": "date"},
                "count": {"maximum": 10},
                "mode": {"enum": ["fast", "slow"]},
            },
            "additionalProperties": false,
        });
        for (value, expected) in [
            (json!({"path": 1}), r#""path" is not of type "string""#),
            (json!({"path": "secret"}), r#""path" is longer than 4 characters"#),
            (json!({"path": "a", "count": 77}), r#""count" is greater than the maximum of 10"#),
            (json!({"path": "a", "mode": "secret"}), r#""mode" is not one of "fast" or "slow""#),
            (json!({"path": "a", "when": "secret"}), r#""when" is not a "date""#),
            (
                json!({"path": "a", "files": [{}, {"name": "SECRET"}]}),
                r#""files[1].name" does not match "^[a-z]+$""#,
            ),
            (json!({}), r#"in args: "path" is a required property"#),
            (
                json!({"path": "a", "extra": "secret"}),
                "in args: Additional properties are not allowed ('extra' was unexpected)",
            ),
            (json!("secret"), r#"args is not of type "object""#),
        ] {
            assert_eq!(mismatch(&schema, &value), expected, "{value}");
        }
    }

    #[test]
    fn mismatch_is_one_short_line() {
        let schema = json!({"additionalProperties": {"type": "string"}, "maxProperties": 1});
        let name = "a\nb\u{202e}".repeat(10_000);
        for schema in
            [schema, json!({"additionalProperties": false}), json!({"propertyNames": {"maxLength": 1}})]
        {
            let text = mismatch(&schema, &json!({name.clone(): 1}));
            assert!(text.chars().count() <= MISMATCH_CHARS, "{text}");
            assert!(!text.contains(['\n', '\u{202e}']), "{text:?}");
        }
    }

    #[test]
    fn rejects_reference_to_other_document() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schema.json");
        std::fs::write(&path, r#"{"type": "string"}"#).unwrap();
        let file = format!("file://{}", path.display());
        for reference in
            ["http://127.0.0.1:1/schema.json", "https://127.0.0.1:1/schema.json", &file, "schema.json"]
        {
            for schema in [json!({"$ref": reference}), json!({"$schema": reference})] {
                assert!(Schema::compile(&schema).is_err(), "{schema}");
            }
        }
    }

    #[test]
    fn accepts_reference_within_schema() {
        let schema =
            json!({"$defs": {"name": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/name"}}});
        assert_eq!(mismatch(&schema, &json!({"a": 1})), r#""a" is not of type "string""#);
    }

    #[test]
    fn circular_reference_ends() {
        for schema in [json!({"$ref": "#"}), json!({"allOf": [{"$ref": "#"}]})] {
            let ended = Schema::compile(&schema).map(|schema| schema.check(&json!({}), "args"));
            assert!(!matches!(ended, Ok(Err(_))), "{schema}");
        }
    }

    #[test]
    fn rejects_invalid_schema_with_reason() {
        for (schema, expected) in [
            (json!({"type": "text"}), "/type"),
            (json!({"properties": {"a": {"minimum": "1"}}}), "/properties/a/minimum"),
            (json!({"pattern": "("}), "regex"),
            // Would backtrack.
            (json!({"pattern": "(?=a)b"}), "regex"),
            (json!({"format": "e-mail"}), "e-mail"),
            (json!({"const": {TOML_DATE: "2026-11-29"}}), "write dates in quotes"),
        ] {
            let reason = Schema::compile(&schema).map(|_| ()).unwrap_err();
            assert!(reason.contains(expected), "{schema}: {reason}");
        }
    }
}
