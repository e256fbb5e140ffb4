//! Lists of models in the contract's own shape, and the limit on the size of any list.
//!
//! A list is an array of entries, or an object with the array as `models` and optionally `"supported": false`.

use std::io;

use doorbell_protocol::limits::MODEL_TEXT_CHARS;
use doorbell_protocol::{InvalidModel, ModelEntry, ModelListResult};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The largest list that is read. The largest known is Codex's with 750 KB, most of it prompts.
pub(super) const LIST_BYTES: usize = 8 << 20;

/// Reads `source` to its end; `None` if it is longer than [`LIST_BYTES`].
pub(super) async fn read_to_limit(source: impl AsyncRead + Unpin) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    source.take(LIST_BYTES as u64 + 1).read_to_end(&mut bytes).await?;
    Ok(Some(bytes).filter(|bytes| bytes.len() <= LIST_BYTES))
}

/// Why a text is not a list of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InvalidList {
    Shape,
    /// A model has no id.
    NoId,
}

#[derive(Deserialize)]
struct List {
    models: Vec<Box<RawValue>>,
    #[serde(default = "default_supported")]
    supported: bool,
}

fn default_supported() -> bool {
    true
}

/// Keeps unknown fields of the models. A bad model is skipped.
pub(super) fn parse(text: &[u8]) -> Result<ModelListResult, InvalidList> {
    let list = if text.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice(text).map(|models| List { models, supported: true })
    } else {
        serde_json::from_slice(text)
    };
    let List { models, supported } = list.map_err(|_| InvalidList::Shape)?;
    let models = usable(models.into_iter().map(ModelEntry::try_from)).map_err(InvalidList::from)?;
    // An empty list is a fallback, so that it is not cached.
    Ok(ModelListResult { fallback: models.is_empty(), models, supported })
}

impl From<InvalidModel> for InvalidList {
    fn from(invalid: InvalidModel) -> Self {
        match invalid {
            InvalidModel::NoId => Self::NoId,
            InvalidModel::NotAnObject | InvalidModel::TooDeep | InvalidModel::NotUnicode => Self::Shape,
        }
    }
}

/// The models that can be reported. A bad one is skipped, because the others are right all the same.
///
/// # Errors
/// Why the first one is bad, if all are.
pub(super) fn usable(
    models: impl IntoIterator<Item = Result<ModelEntry, InvalidModel>>,
) -> Result<Vec<ModelEntry>, InvalidModel> {
    let mut usable = Vec::new();
    let mut first_error = None;
    let mut skipped = 0;
    // The server rejects a report with a longer text.
    let fits = |model: &ModelEntry| model.longest_text() <= MODEL_TEXT_CHARS;
    let checked = |model: ModelEntry| if fits(&model) { Ok(model) } else { Err(InvalidModel::NotAnObject) };
    for model in models {
        match model.and_then(checked) {
            Ok(model) => usable.push(model),
            Err(error) => {
                skipped += 1;
                first_error.get_or_insert(error);
            }
        }
    }
    if skipped > 0 {
        tracing::warn!(skipped, "models were skipped that cannot be reported");
    }
    match first_error {
        Some(error) if usable.is_empty() => Err(error),
        _ => Ok(usable),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn reads_list_up_to_limit() {
        let longest = vec![b'x'; LIST_BYTES];
        assert_eq!(read_to_limit(longest.as_slice()).await.unwrap(), Some(longest));
        assert_eq!(read_to_limit(vec![b'x'; LIST_BYTES + 1].as_slice()).await.unwrap(), None);
    }

    #[test]
    fn array_of_entries_is_unchanged() {
        let entries = json!([{"id": "a", "label": "A", "context_window": 1000}, {"id": "b", "label": "B"}]);
        let list = parse(entries.to_string().as_bytes()).unwrap();
        assert_eq!((json!(list.models), list.supported, list.fallback), (entries, true, false));
    }

    #[test]
    fn object_may_set_supported() {
        for (text, supported) in [
            (r#"{"models": [{"id": "a"}], "supported": false}"#, false),
            (r#"{"models": [{"id": "a"}], "supported": true}"#, true),
            (r#"{"models": [{"id": "a"}], "more": 1}"#, true),
        ] {
            let list = parse(text.as_bytes()).unwrap();
            assert_eq!((list.models.len(), list.supported), (1, supported), "{text}");
        }
    }

    #[test]
    fn bad_model_loses_no_other() {
        let too_long = "x".repeat(MODEL_TEXT_CHARS + 1);
        let longest = "x".repeat(MODEL_TEXT_CHARS);
        let text = format!(
            r#"[{{"id": "a"}}, {{"id": ""}}, 1, {{"id": "b", "label": "{too_long}"}}, {{"id": "c", "label": "{longest}"}}]"#
        );
        let models = parse(text.as_bytes()).unwrap().models;
        let ids: Vec<_> = models.iter().map(|entry| entry.model().id).collect();
        assert_eq!(ids, ["a", "c"]);
    }

    #[test]
    fn empty_list_is_fallback() {
        assert!(parse(b"[]").unwrap().fallback);
        assert!(!parse(br#"[{"id": "a"}]"#).unwrap().fallback);
    }

    #[test]
    fn missing_id_differs_from_wrong_shape() {
        for text in [r#"[{"label": "A"}]"#, r#"{"models": [{"id": ""}, 1]}"#] {
            assert_eq!(parse(text.as_bytes()), Err(InvalidList::NoId), "{text}");
        }
        let others =
            ["", "a", "1", "{}", r#"["a"]"#, r#"{"models": {}}"#, r#"{"models": [], "supported": 1}"#];
        for text in others {
            assert_eq!(parse(text.as_bytes()), Err(InvalidList::Shape), "{text}");
        }
    }
}
