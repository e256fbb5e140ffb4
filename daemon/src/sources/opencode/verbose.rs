//! The output of `opencode models --verbose`: a line `provider/model`, then the lines of a JSON object, of which the first and
//! the last are a brace alone.

use doorbell_protocol::Model;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::model;
use crate::sources::entries::Entries;
use crate::sources::terminal;
use crate::sources::thinking::{level, thinking};

/// The models that are described. A line without a description is a notice; a description that cannot be read leaves a model
/// with its id.
pub(super) fn models(output: &[u8]) -> Entries<Model> {
    let mut lines = output.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
    let mut models = Entries::default();
    let mut title = None;
    while let Some(line) = lines.next() {
        if line == b"{" {
            let description = serde_json::from_slice(&object(&mut lines)).ok();
            match title.take() {
                Some(title) => models.usable.push(described(title, description)),
                None => models.has_bad = true,
            }
        } else if let Some(line) = terminal::lines(line).next() {
            models.has_bad |= title.is_some();
            title = line.and_then(|line| model(&line));
            models.has_bad |= title.is_none();
        }
    }
    models.has_bad |= title.is_some();
    models
}

/// The text of an object whose first line has been read.
fn object<'o>(lines: &mut impl Iterator<Item = &'o [u8]>) -> Vec<u8> {
    let mut text = b"{".to_vec();
    for line in lines {
        text.extend_from_slice(line);
        if line == b"}" {
            break;
        }
    }
    text
}

#[derive(Deserialize)]
struct Description {
    name: Option<String>,
    /// The settings of each reasoning level.
    #[serde(default)]
    variants: Map<String, Value>,
}

fn described(model: Model, description: Option<Description>) -> Model {
    let Some(Description { name, variants }) = description else { return model };
    // The configuration can disable a variant.
    let is_enabled = |settings: &Value| settings["disabled"] != true;
    let levels = variants.into_iter().filter(|(_, settings)| is_enabled(settings));
    Model {
        label: name.unwrap_or_else(|| model.label.clone()),
        thinking: thinking(levels.map(|(value, _)| level(value, None)), None),
        ..model
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listed(output: &str) -> Value {
        json!(models(output.as_bytes()).usable)
    }

    #[test]
    fn name_and_variants_become_label_and_levels() {
        let output = r#"one/a
{
  "id": "a",
  "providerID": "one",
  "name": "A {1}",
  "capabilities": {
    "reasoning": true
  },
  "variants": {
    "low": {
      "reasoningEffort": "low"
    },
    "off": {
      "disabled": true
    },
    "xhigh": {}
  }
}
ollama/qwen3 coder:30b
{
  "name": "Qwen3 Coder",
  "variants": {}
}
"#;
        let expected = json!([
            {
                "id": "one/a", "label": "A {1}", "provider": "one",
                "thinking": {"supported_levels": [
                    {"value": "low", "label": "Low"}, {"value": "xhigh", "label": "Extra high"},
                ]},
            },
            {"id": "ollama/qwen3 coder:30b", "label": "Qwen3 Coder", "provider": "ollama"},
        ]);
        assert_eq!(listed(output), expected);
    }

    #[test]
    fn unreadable_description_leaves_id() {
        for description in ["{\n  \"name\": 1\n}", "{\n  broken\n}", "{\n  \"name\": \"cut"] {
            let expected = json!([{"id": "one/a", "label": "a", "provider": "one"}]);
            assert_eq!(listed(&format!("one/a\r\n{description}")), expected, "{description}");
        }
    }

    #[test]
    fn line_without_description_is_no_model() {
        let output = "Checking one/update\none/notice\none/a\n{\n}\n\none/last\n";
        let models = models(output.as_bytes());
        assert_eq!((models.usable.len(), models.has_bad), (1, true));
        assert_eq!(models.usable[0].id, "one/a");
    }

    #[test]
    fn description_without_title_is_no_model() {
        let models = models(b"no title\n{\n  \"name\": \"A\"\n}\none/b\n{\n}\n");
        assert_eq!((models.usable.len(), models.has_bad), (1, true));
        assert_eq!(models.usable[0].id, "one/b");
    }
}
