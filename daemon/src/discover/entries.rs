//! Lists of models in the contract's own shape, as people write or print them: an array of entries, or an object with the
//! array as its `models` and, if the agent takes no model of one's choice, `"supported": false`.

use doorbell_shared::wire::{ModelEntry, ModelListResult};
use serde_json::{Map, Value};

/// Why a text is no list of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    /// It has another shape.
    Shape,
    /// One of its models has no id.
    WithoutId,
}

/// The list in `text`. Fields that are not known here are kept.
pub(super) fn read(text: &[u8]) -> Result<ModelListResult, Invalid> {
    let (entries, supported) = match serde_json::from_slice(text).map_err(|_| Invalid::Shape)? {
        Value::Array(entries) => (entries, true),
        Value::Object(object) => within(object)?,
        _ => return Err(Invalid::Shape),
    };
    let models = entries.into_iter().map(entry).collect::<Result<_, _>>()?;
    Ok(ModelListResult { models, supported, fallback: false })
}

fn within(mut object: Map<String, Value>) -> Result<(Vec<Value>, bool), Invalid> {
    let Some(Value::Array(entries)) = object.remove("models") else { return Err(Invalid::Shape) };
    match object.get("supported") {
        None => Ok((entries, true)),
        Some(Value::Bool(supported)) => Ok((entries, *supported)),
        Some(_) => Err(Invalid::Shape),
    }
}

fn entry(value: Value) -> Result<ModelEntry, Invalid> {
    let Value::Object(entry) = value else { return Err(Invalid::Shape) };
    ModelEntry::try_from(entry).map_err(|_| Invalid::WithoutId)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_array_of_entries_is_kept_as_it_is() {
        let entries = json!([{"id": "a", "label": "A", "context_window": 1000}, {"id": "b", "label": "B"}]);
        let list = read(entries.to_string().as_bytes()).unwrap();
        assert_eq!((json!(list.models), list.supported, list.fallback), (entries, true, false));
    }

    #[test]
    fn an_object_may_say_that_no_model_can_be_chosen() {
        for (text, supported) in [
            (r#"{"models": [{"id": "a"}], "supported": false}"#, false),
            (r#"{"models": [{"id": "a"}], "supported": true}"#, true),
            (r#"{"models": [{"id": "a"}], "more": 1}"#, true),
        ] {
            let list = read(text.as_bytes()).unwrap();
            assert_eq!((list.models.len(), list.supported), (1, supported), "{text}");
        }
    }

    #[test]
    fn a_model_without_an_id_is_told_from_another_shape() {
        for text in [r#"[{"label": "A"}]"#, r#"{"models": [{"id": "a"}, {"id": ""}]}"#] {
            assert_eq!(read(text.as_bytes()), Err(Invalid::WithoutId), "{text}");
        }
        let others =
            ["", "a", "1", "{}", r#"["a"]"#, r#"{"models": {}}"#, r#"{"models": [], "supported": 1}"#];
        for text in others {
            assert_eq!(read(text.as_bytes()), Err(Invalid::Shape), "{text}");
        }
    }
}
