//! Antigravity: `agy models` prints one model a line, the id and the label with a tab between them.

use std::sync::Arc;

use async_trait::async_trait;
use doorbell_protocol::{Model, ModelListResult};

use super::entries::Entries;
use super::launch::KnownProgram;
use super::process::Program;
use super::{ModelSource, SourceError, terminal};

/// The type `antigravity`. It has accounts, no API keys.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "antigravity",
    name: "Antigravity",
    executables: &["agy"],
    keys: &[],
    source: |launch| Arc::new(Antigravity(launch.with(["models"]))),
};

/// It asks for the login when it starts.
const LOGIN: Option<&str> = Some("");

/// The agent program `agy`.
#[derive(Debug)]
struct Antigravity(Program);

#[async_trait]
impl ModelSource for Antigravity {
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
        self.0.models(LOGIN, parse).await
    }
}

/// Lines without a tab are notices.
fn model(line: &str) -> Option<Model> {
    let (id, label) = line.split_once('\t')?;
    Some(Model { id: id.trim().to_owned(), label: label.trim().to_owned(), ..Model::default() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sources::launch::Launch;
    use crate::sources::script::executable;

    async fn list(body: &str) -> Result<ModelListResult, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch::of(executable(folder.path(), "agy", body));
        (PROGRAM.source)(&launch).list_models().await
    }

    #[tokio::test]
    async fn each_line_with_tab_is_a_model() {
        let body = "test \"$*\" = models && printf 'Models:\\n\\na-high\\tA (High)\\nb\\tB\\tnew\\n'";
        let result = list(body).await.unwrap();
        let expected = json!([{"id": "a-high", "label": "A (High)"}, {"id": "b", "label": "B\tnew"}]);
        assert_eq!(json!(result.models), expected);
        assert!(result.supported && !result.fallback);
    }

    #[tokio::test]
    async fn notices_only_are_no_list() {
        let error = list("echo 'secret words'").await.unwrap_err();
        let text = "agy printed something other than a list of models; is it up to date?";
        assert_eq!(error.to_string(), text);
    }

    #[tokio::test]
    async fn logged_out_names_program() {
        let error = list("echo 'You are not logged in' >&2; exit 1").await.unwrap_err();
        assert_eq!(error.to_string(), "agy is not logged in: run \"agy\" on this machine");
    }
}
