//! A program of the machine's owner that prints a list of models as JSON.

use async_trait::async_trait;
use doorbell_protocol::ModelListResult;

use super::launch::Launch;
use super::model_list::{self, InvalidList};
use super::process::Program;
use super::{ModelSource, SourceError};

/// A program that prints an array of model entries, or an object with the array as `models`.
#[derive(Debug)]
pub struct Command(Program);

impl Command {
    pub(crate) fn new(launch: &Launch, arguments: Vec<String>) -> Self {
        Self(launch.here(arguments))
    }
}

#[async_trait]
impl ModelSource for Command {
    fn name(&self) -> &str {
        self.0.name()
    }

    /// Without the arguments, which may contain a secret.
    fn query(&self) -> String {
        self.0.path().display().to_string()
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        let parse = |output: &[u8]| {
            model_list::parse(output).map_err(|invalid| match invalid {
                InvalidList::Shape => self.0.invalid_output(),
                InvalidList::NoId => SourceError::OutputWithoutId { program: self.0.name().to_owned() },
            })
        };
        self.0.models(None, parse).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::script::executable;

    async fn list(body: &str, arguments: &[&str]) -> Result<ModelListResult, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Command::new(&Launch::of(executable(folder.path(), "lister", body)), arguments).list_models().await
    }

    #[tokio::test]
    async fn lists_output_of_program_with_arguments() {
        let body = r#"echo "{\"models\": [{\"id\": \"$1\"}], \"supported\": $2}""#;
        let result = list(body, &["my model", "false"]).await.unwrap();
        assert_eq!((result.models[0].model().id.as_str(), result.supported), ("my model", false));
    }

    #[tokio::test]
    async fn rejects_other_output_without_repeating_it() {
        let error = list("echo secret words", &[]).await.unwrap_err();
        let text = "lister printed something other than a list of models; is it up to date?";
        assert_eq!(error.to_string(), text);
    }

    #[tokio::test]
    async fn error_names_missing_id() {
        let error = list(r#"echo '[{"label": "secret"}]'"#, &[]).await.unwrap_err();
        assert_eq!(error.to_string(), "lister printed a model without an id");
    }

    #[tokio::test]
    async fn failure_hides_arguments() {
        let error = list("exit 4", &["--key=secret"]).await.unwrap_err();
        let text =
            "lister could not list its models (exit status 4); run \"lister\" on this machine to see why";
        assert_eq!(error.to_string(), text);
    }
}
