//! Lists of models in the contract's own shape, as people write or print them: an array of entries, or an object with the
//! array as its `models` and, if the agent takes no model of one's choice, `"supported": false`.

use doorbell_protocol::{InvalidModel, ModelEntry, ModelListResult};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Why a text is not a list of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    Shape,
    /// One of the models has no id.
    NoId,
}

/// The object form.
#[derive(Deserialize)]
struct List {
    models: Vec<Box<RawValue>>,
    #[serde(default = "yes")]
    supported: bool,
}

fn yes() -> bool {
    true
}

/// Unknown fields of the models are kept.
pub(super) fn read(text: &[u8]) -> Result<ModelListResult, Invalid> {
    let list = if text.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice(text).map(|models| List { models, supported: true })
    } else {
        serde_json::from_slice(text)
    };
    let List { models, supported } = list.map_err(|_| Invalid::Shape)?;
    let models = models.iter().map(|model| entry(model)).collect::<Result<_, _>>()?;
    Ok(ModelListResult { models, supported, fallback: false })
}

fn entry(model: &RawValue) -> Result<ModelEntry, Invalid> {
    ModelEntry::try_from(model).map_err(|error| match error {
        InvalidModel::NoId => Invalid::NoId,
        InvalidModel::NotAnObject => Invalid::Shape,
    })
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
            assert_eq!(read(text.as_bytes()), Err(Invalid::NoId), "{text}");
        }
        let others =
            ["", "a", "1", "{}", r#"["a"]"#, r#"{"models": {}}"#, r#"{"models": [], "supported": 1}"#];
        for text in others {
            assert_eq!(read(text.as_bytes()), Err(Invalid::Shape), "{text}");
        }
    }
}
