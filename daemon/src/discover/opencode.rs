//! OpenCode, which runs models of many providers: `opencode models` prints one `provider/model` a line.

use std::path::PathBuf;

use async_trait::async_trait;
use doorbell_protocol::{Model, ModelListResult};

use super::process::Program;
use super::{DiscoveryError, ModelSource, listed};

/// Asks the program `opencode`.
#[derive(Debug)]
pub struct OpenCode(Program);

impl OpenCode {
    /// The one at `program`; a bare name is looked for on `PATH`.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self(Program::new(program.into(), ["models"]))
    }
}

#[async_trait]
impl ModelSource for OpenCode {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn discover(&self) -> Result<ModelListResult, DiscoveryError> {
        let printed = String::from_utf8(self.0.list(Some("auth login")).await?);
        let models = printed.ok().and_then(|printed| models(&printed)).ok_or_else(|| self.0.unreadable())?;
        listed(models).map_err(|_| self.0.unreadable())
    }
}

/// A model for each line, unless a line is something else.
fn models(printed: &str) -> Option<Vec<Model>> {
    let plain = without_escapes(printed);
    plain.lines().map(str::trim).filter(|line| !line.is_empty()).map(model).collect()
}

fn model(line: &str) -> Option<Model> {
    let (provider, name) = line.split_once('/')?;
    let is_word = !line.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    (is_word && !provider.is_empty() && !name.is_empty()).then(|| Model {
        id: line.to_owned(),
        label: name.to_owned(),
        provider: Some(provider.to_owned()),
        ..Model::default()
    })
}

/// The text without terminal control sequences: colours and the like (`ESC [ … letter`), titles and links
/// (`ESC ] … BEL` or `ESC ] … ESC \`), and the two-letter rest.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => skip_sequence(&mut letters),
            letter => plain.push(letter),
        }
    }
    plain
}

fn skip_sequence(letters: &mut std::str::Chars<'_>) {
    match letters.next() {
        Some('[') => drop(letters.find(|letter| matches!(letter, '@'..='~'))),
        Some(']') => {
            let end = letters.find(|letter| matches!(letter, '\u{7}' | '\u{1b}'));
            if end == Some('\u{1b}') {
                letters.next();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::discover::script::executable;

    async fn discover(body: &str) -> Result<ModelListResult, DiscoveryError> {
        let folder = tempfile::tempdir().unwrap();
        OpenCode::new(executable(folder.path(), "opencode", body)).discover().await
    }

    #[tokio::test]
    async fn a_line_is_a_model_and_its_provider_ends_at_the_first_slash() {
        let result = discover("test \"$*\" = models && echo one/a-1 && echo two/maker/b:free").await.unwrap();
        let expected = json!([
            {"id": "one/a-1", "label": "a-1", "provider": "one"},
            {"id": "two/maker/b:free", "label": "maker/b:free", "provider": "two"},
        ]);
        assert_eq!(json!(result.models), expected);
        assert!(result.supported && !result.fallback);
    }

    #[test]
    fn blank_lines_and_terminal_controls_are_overlooked() {
        let printed =
            "\r\n\u{1b}[1;32mone/a\u{1b}[0m\r\n\n\u{1b}]0;title\u{7}one/b\n\u{1b}]8;;x\u{1b}\\one/c\n";
        let ids: Vec<_> = models(printed).unwrap().into_iter().map(|model| model.id).collect();
        assert_eq!(ids, ["one/a", "one/b", "one/c"]);
    }

    #[tokio::test]
    async fn no_models_are_an_answer() {
        assert_eq!(discover("true").await.unwrap().models, []);
    }

    #[tokio::test]
    async fn any_other_line_is_unreadable_and_not_repeated() {
        for line in ["secret", "one/a secret", "/secret", "secret/", "see https://secret", "one/\\0secret"] {
            let error = discover(&format!("echo one/a; printf '{line}\\n'")).await.unwrap_err();
            let text = "opencode printed something other than a list of models; is it up to date?";
            assert_eq!(error.to_string(), text, "{line}");
        }
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_are_unreadable() {
        let error = discover("printf 'one/\\377\\n'").await.unwrap_err();
        assert_eq!(error, DiscoveryError::UnreadableOutput { program: "opencode".to_owned() });
    }

    #[tokio::test]
    async fn logged_out_says_how_to_log_in() {
        let error = discover("echo 'run opencode auth login' >&2; exit 1").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "opencode is not logged in: run \"opencode auth login\" on this machine"
        );
    }
}
