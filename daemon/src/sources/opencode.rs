//! OpenCode: `opencode models` prints one `provider/model` a line.

use std::sync::Arc;

use async_trait::async_trait;
use doorbell_protocol::{Model, ModelListResult};

use super::launch::{KnownProgram, Launch};
use super::process::Program;
use super::{ModelSource, SourceError, supported};

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

/// The agent program `opencode`.
#[derive(Debug)]
struct OpenCode(Program);

impl OpenCode {
    fn new(launch: &Launch) -> Self {
        Self(launch.with(["models"]))
    }
}

#[async_trait]
impl ModelSource for OpenCode {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn query(&self) -> String {
        self.0.command_line()
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        let output = String::from_utf8(self.0.list(Some("auth login")).await?);
        let models = output.ok().and_then(|output| parse(&output)).ok_or_else(|| self.0.invalid_output())?;
        supported(models).map_err(|_| self.0.invalid_output())
    }
}

/// One model for each line; `None` if a line is anything else.
fn parse(output: &str) -> Option<Vec<Model>> {
    // `anstream` keeps tabs; `strip-ansi-escapes` drops them, which would join two words. Both drop other control characters
    // silently, so those are rejected first.
    let is_text = |letter: char| !letter.is_control() || "\t\n\r\u{7}\u{1b}".contains(letter);
    let plain = output.chars().all(is_text).then(|| anstream::adapter::strip_str(output).to_string())?;
    plain.lines().map(str::trim).filter(|line| !line.is_empty()).map(model).collect()
}

fn model(line: &str) -> Option<Model> {
    let (provider, name) = line.split_once('/')?;
    let is_word = !line.contains(char::is_whitespace);
    (is_word && !provider.is_empty() && !name.is_empty()).then(|| Model {
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

    async fn list(body: &str) -> Result<ModelListResult, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        OpenCode::new(&Launch::of(executable(folder.path(), "opencode", body))).list_models().await
    }

    #[tokio::test]
    async fn provider_ends_at_first_slash() {
        let result = list("test \"$*\" = models && echo one/a-1 && echo two/maker/b:free").await.unwrap();
        let expected = json!([
            {"id": "one/a-1", "label": "a-1", "provider": "one"},
            {"id": "two/maker/b:free", "label": "maker/b:free", "provider": "two"},
        ]);
        assert_eq!(json!(result.models), expected);
        assert!(result.supported && !result.fallback);
    }

    #[test]
    fn ignores_blank_lines_and_terminal_escapes() {
        let output =
            "\r\n\u{1b}[1;32mone/a\u{1b}[0m\r\n\n\u{1b}]0;title\u{7}one/b\n\u{1b}]8;;x\u{1b}\\one/c\n";
        let ids: Vec<_> = parse(output).unwrap().into_iter().map(|model| model.id).collect();
        assert_eq!(ids, ["one/a", "one/b", "one/c"]);
    }

    #[tokio::test]
    async fn accepts_empty_output() {
        assert_eq!(list("true").await.unwrap().models, []);
    }

    #[tokio::test]
    async fn rejects_other_lines_without_repeating_them() {
        for line in [
            "secret",
            "one/a secret",
            "/secret",
            "secret/",
            "see https://secret",
            "one/\\0secret",
            "one/a\\tsecret",
        ] {
            let error = list(&format!("echo one/a; printf '{line}\\n'")).await.unwrap_err();
            let text = "opencode printed something other than a list of models; is it up to date?";
            assert_eq!(error.to_string(), text, "{line}");
        }
    }

    #[tokio::test]
    async fn rejects_invalid_utf8() {
        let error = list("printf 'one/\\377\\n'").await.unwrap_err();
        assert_eq!(error, SourceError::InvalidOutput { program: "opencode".to_owned() });
    }

    #[tokio::test]
    async fn logged_out_names_login_command() {
        let error = list("echo 'run opencode auth login' >&2; exit 1").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "opencode is not logged in: run \"opencode auth login\" on this machine"
        );
    }
}
