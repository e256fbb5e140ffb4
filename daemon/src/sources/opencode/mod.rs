//! OpenCode: `opencode models --verbose` prints each model as a line `provider/model`, followed by its description as JSON.
//! Versions without `--verbose` print the lines only.
//!
//! `opencode acp` has no reasoning levels, and each request would leave a session behind.

mod verbose;

use std::sync::Arc;

use async_trait::async_trait;
use doorbell_protocol::{Model, ModelListResult};

use super::attempts::first_or;
use super::entries::Entries;
use super::launch::{KnownProgram, Launch};
use super::process::Program;
use super::{ModelSource, SourceError, terminal};

/// The type `opencode`. It lists the models of each provider whose key it finds.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "opencode",
    name: "OpenCode",
    executables: &["opencode"],
    keys: &[
        "OPENCODE_API_KEY",
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_GENERATIVE_AI_API_KEY",
        "OPENROUTER_API_KEY",
        "GROQ_API_KEY",
        "MISTRAL_API_KEY",
        "XAI_API_KEY",
        "DEEPSEEK_API_KEY",
    ],
    source: |launch| Arc::new(OpenCode::new(launch)),
};

const LOGIN: Option<&str> = Some("auth login");

/// The agent program `opencode`.
#[derive(Debug)]
struct OpenCode {
    verbose: Program,
    plain: Program,
}

impl OpenCode {
    fn new(launch: &Launch) -> Self {
        Self { verbose: launch.with(["models", "--verbose"]), plain: launch.with(["models"]) }
    }

    async fn list_verbose(&self) -> Result<ModelListResult, SourceError> {
        let parse = |output: &[u8]| {
            verbose::models(output).into_result().ok_or_else(|| self.verbose.invalid_output())
        };
        self.verbose.models(LOGIN, parse).await
    }

    async fn list_plain(&self) -> Result<ModelListResult, SourceError> {
        let parse = |output: &[u8]| {
            let models: Entries<Model> = terminal::lines(output).map(|line| model(&line?)).collect();
            models.into_result().ok_or_else(|| self.plain.invalid_output())
        };
        self.plain.models(LOGIN, parse).await
    }
}

#[async_trait]
impl ModelSource for OpenCode {
    fn name(&self) -> &str {
        self.verbose.name()
    }

    fn query(&self) -> String {
        self.verbose.command_line()
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        first_or(self.list_verbose(), self.list_plain()).await
    }
}

/// The model of a line `provider/model`. Only the model may contain blanks and slashes.
fn model(line: &str) -> Option<Model> {
    let (provider, name) = line.split_once('/')?;
    let is_provider = |letter: char| letter.is_alphanumeric() || "-_.@".contains(letter);
    let is_id = !provider.is_empty() && provider.chars().all(is_provider) && !name.contains('\t');
    // In a URL, another slash follows.
    (is_id && !name.is_empty() && !name.starts_with('/')).then(|| Model {
        id: line.to_owned(),
        label: name.to_owned(),
        provider: Some(provider.to_owned()),
        ..Model::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sources::script::executable;

    /// A script with one part for each way to ask it.
    async fn list(verbose: &str, plain: &str) -> Result<ModelListResult, SourceError> {
        let body =
            format!("case \"$*\" in\n'models --verbose') {verbose};;\nmodels) {plain};;\n*) exit 9;;\nesac");
        let folder = tempfile::tempdir().unwrap();
        OpenCode::new(&Launch::of(executable(folder.path(), "opencode", &body))).list_models().await
    }

    /// The result of a version without `--verbose`.
    async fn list_plain(body: &str) -> Result<ModelListResult, SourceError> {
        list("echo usage >&2; exit 1", body).await
    }

    #[tokio::test]
    async fn descriptions_come_before_plain_lines() {
        let verbose =
            "cat <<'END'\none/a\n{\n  \"providerID\": \"one\", \"id\": \"a\", \"name\": \"A\"\n}\nEND\n";
        let result = list(verbose, "echo one/plain").await.unwrap();
        assert_eq!(json!(result.models), json!([{"id": "one/a", "label": "A", "provider": "one"}]));
        assert!(result.supported && !result.fallback);
    }

    #[tokio::test]
    async fn provider_ends_at_first_slash() {
        let body = "echo one/a-1; echo two/maker/b:free; echo 'ollama/qwen3 coder:30b'";
        let result = list_plain(body).await.unwrap();
        let expected = json!([
            {"id": "one/a-1", "label": "a-1", "provider": "one"},
            {"id": "two/maker/b:free", "label": "maker/b:free", "provider": "two"},
            {"id": "ollama/qwen3 coder:30b", "label": "qwen3 coder:30b", "provider": "ollama"},
        ]);
        assert_eq!(json!(result.models), expected);
        assert!(result.supported && !result.fallback);
    }

    #[tokio::test]
    async fn ignores_blank_lines_and_terminal_escapes() {
        let result = list_plain(r"printf '\r\n\033[1;32mone/a\033[0m\r\n\none/b\n'").await.unwrap();
        let ids: Vec<_> = result.models.iter().map(|entry| entry.model().id).collect();
        assert_eq!(ids, ["one/a", "one/b"]);
    }

    #[tokio::test]
    async fn empty_output_is_fallback() {
        let result = list("true", "exit 1").await.unwrap();
        assert_eq!((result.models.len(), result.fallback), (0, true));
    }

    const OTHER_LINES: [&str; 8] = [
        "secret",
        "a secret/b",
        "/secret",
        "secret/",
        "see https://secret",
        "https://secret",
        "one/\\0secret",
        "one/a\\tsecret",
    ];

    #[tokio::test]
    async fn other_line_loses_one_entry() {
        for line in OTHER_LINES {
            let result = list_plain(&format!("echo one/a; printf '{line}\\n'; echo one/b")).await.unwrap();
            let ids: Vec<_> = result.models.iter().map(|entry| entry.model().id).collect();
            assert_eq!(ids, ["one/a", "one/b"], "{line}");
        }
    }

    #[tokio::test]
    async fn rejects_other_lines_without_repeating_them() {
        for line in OTHER_LINES.into_iter().chain(["one/\\377"]) {
            let error = list_plain(&format!("printf '{line}\\n'")).await.unwrap_err();
            let text = "opencode printed something other than a list of models; is it up to date?";
            assert_eq!(error.to_string(), text, "{line}");
        }
    }

    #[tokio::test]
    async fn logged_out_names_login_command() {
        let error = list("echo 'run opencode auth login' >&2; exit 1", "echo one/a").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "opencode is not logged in: run \"opencode auth login\" on this machine"
        );
    }
}
