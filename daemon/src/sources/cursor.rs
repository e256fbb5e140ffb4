//! Cursor: `cursor-agent --list-models` prints one `id - Label` a line, between a title and a tip. The default is marked
//! `(default)`, or `(current, default)` together with the model of the last session.

use std::sync::Arc;

use async_trait::async_trait;
use doorbell_protocol::{Model, ModelListResult};

use super::entries::Entries;
use super::launch::KnownProgram;
use super::process::Program;
use super::{ModelSource, SourceError, terminal};

/// The type `cursor`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "cursor",
    name: "Cursor",
    executables: &["cursor-agent"],
    keys: &["CURSOR_API_KEY"],
    source: |launch| Arc::new(Cursor(launch.with(["--list-models"]))),
};

/// The agent program `cursor-agent`.
#[derive(Debug)]
struct Cursor(Program);

#[async_trait]
impl ModelSource for Cursor {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn query(&self) -> String {
        self.0.command_line()
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        let parse = |output: &[u8]| {
            let models: Entries<Model> = terminal::lines(output).map(|line| model(&line?)).collect();
            models.into_result().ok_or_else(|| self.0.invalid_output())
        };
        self.0.models(Some("login"), parse).await
    }
}

/// Lines of another shape are notices.
fn model(line: &str) -> Option<Model> {
    let (id, label) = line.split_once(" - ")?;
    let (label, marks) = split_marks(label.trim());
    let is_id = !id.is_empty() && !id.contains(char::is_whitespace);
    is_id.then(|| Model {
        id: id.to_owned(),
        label: label.to_owned(),
        default: marks.split(", ").any(|mark| mark == "default"),
        ..Model::default()
    })
}

/// Splits marks in parentheses off a label. Other parentheses belong to the label.
fn split_marks(label: &str) -> (&str, &str) {
    let split = label.strip_suffix(')').and_then(|label| label.rsplit_once(" ("));
    match split {
        Some((label, marks)) if marks.split(", ").all(|mark| ["current", "default"].contains(&mark)) => {
            (label.trim_end(), marks)
        }
        _ => (label, ""),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sources::launch::Launch;
    use crate::sources::script::executable;

    async fn list(body: &str) -> Result<ModelListResult, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch::of(executable(folder.path(), "cursor-agent", body));
        (PROGRAM.source)(&launch).list_models().await
    }

    async fn models(output: &str) -> serde_json::Value {
        json!(list(&format!("cat <<'END'\n{output}\nEND")).await.unwrap().models)
    }

    #[tokio::test]
    async fn marks_are_no_part_of_label() {
        let output = "Available models\n\nauto - Auto\na-fast - A Fast (current, default)\nb - B (NO ZDR)\n\
                      c - C - new  (current)\n\nTip: use --model <id> to switch.";
        let expected = json!([
            {"id": "auto", "label": "Auto"},
            {"id": "a-fast", "label": "A Fast", "default": true},
            {"id": "b", "label": "B (NO ZDR)"},
            {"id": "c", "label": "C - new"},
        ]);
        assert_eq!(models(output).await, expected);
    }

    #[tokio::test]
    async fn asks_for_list() {
        let result = list("test \"$*\" = --list-models && echo 'a - A (default)'").await.unwrap();
        assert!(result.models[0].model().default && result.supported && !result.fallback);
    }

    #[tokio::test]
    async fn bad_line_loses_one_entry() {
        assert_eq!(models("two words - Label\n - No id\na - A").await, json!([{"id": "a", "label": "A"}]));
    }

    #[tokio::test]
    async fn notices_only_are_no_list() {
        let error = list("echo 'No models available for this account.'").await.unwrap_err();
        let text = "cursor-agent printed something other than a list of models; is it up to date?";
        assert_eq!(error.to_string(), text);
    }

    #[tokio::test]
    async fn logged_out_names_login_command() {
        let error = list("echo \"Run 'cursor-agent login' first\" >&2; exit 1").await.unwrap_err();
        let text = "cursor-agent is not logged in: run \"cursor-agent login\" on this machine";
        assert_eq!(error.to_string(), text);
    }
}
