//! Any program of the machine's owner that prints a list of models as JSON.

use std::path::PathBuf;

use async_trait::async_trait;
use doorbell_protocol::ModelListResult;

use super::entries::{self, Invalid};
use super::process::Program;
use super::{DiscoveryError, ModelSource};

/// Asks a program that prints model entries: a JSON array of them, or an object with the array as its `models`.
#[derive(Debug)]
pub struct Command(Program);

impl Command {
    /// The one at `program` with its arguments; a bare name is looked for on `PATH`.
    pub fn new(program: impl Into<PathBuf>, arguments: Vec<String>) -> Self {
        Self(Program::new(program.into(), arguments))
    }
}

#[async_trait]
impl ModelSource for Command {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn discover(&self) -> Result<ModelListResult, DiscoveryError> {
        entries::read(&self.0.list(None).await?).map_err(|invalid| match invalid {
            Invalid::Shape => self.0.unreadable(),
            Invalid::NoId => DiscoveryError::PrintedWithoutId { program: self.0.name().to_owned() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::script::executable;

    async fn discover(body: &str, arguments: &[&str]) -> Result<ModelListResult, DiscoveryError> {
        let folder = tempfile::tempdir().unwrap();
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Command::new(executable(folder.path(), "lister", body), arguments).discover().await
    }

    #[tokio::test]
    async fn what_it_prints_with_its_arguments_is_the_list() {
        let body = r#"echo "{\"models\": [{\"id\": \"$1\"}], \"supported\": $2}""#;
        let result = discover(body, &["my model", "false"]).await.unwrap();
        assert_eq!((result.models[0].model().id.as_str(), result.supported), ("my model", false));
    }

    #[tokio::test]
    async fn anything_else_is_unreadable_and_not_repeated() {
        let error = discover("echo secret words", &[]).await.unwrap_err();
        let text = "lister printed something other than a list of models; is it up to date?";
        assert_eq!(error.to_string(), text);
    }

    #[tokio::test]
    async fn a_model_without_an_id_is_told() {
        let error = discover(r#"echo '[{"label": "secret"}]'"#, &[]).await.unwrap_err();
        assert_eq!(error.to_string(), "lister printed a model without an id");
    }

    #[tokio::test]
    async fn a_failure_does_not_tell_its_arguments() {
        let error = discover("exit 4", &["--key=secret"]).await.unwrap_err();
        let text =
            "lister could not list its models (exit status 4); run \"lister\" on this machine to see why";
        assert_eq!(error.to_string(), text);
    }
}
