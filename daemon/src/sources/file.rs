//! A file with a list of models. Each ring reads it again, so edits need no restart.

use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use doorbell_protocol::ModelListResult;

use super::model_list::{self, InvalidList};
use super::{ModelSource, SourceError};

/// A file with an array of model entries, or an object with the array as `models`.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    display: String,
}

impl File {
    /// The file at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { display: path.display().to_string(), path }
    }

    fn unreadable(&self, reason: io::ErrorKind) -> SourceError {
        let file = self.display.clone();
        match reason {
            io::ErrorKind::NotFound => SourceError::FileMissing { file },
            reason => SourceError::FileUnreadable { file, reason },
        }
    }

    fn invalid(&self, invalid: InvalidList) -> SourceError {
        let file = self.display.clone();
        match invalid {
            InvalidList::Shape => SourceError::FileInvalid { file },
            InvalidList::NoId => SourceError::FileWithoutId { file },
        }
    }

    async fn read(&self) -> io::Result<Option<Vec<u8>>> {
        model_list::read_to_limit(tokio::fs::File::open(&self.path).await?).await
    }
}

#[async_trait]
impl ModelSource for File {
    fn name(&self) -> &str {
        &self.display
    }

    fn query(&self) -> String {
        format!("the file {}", self.display)
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        let text = self.read().await.map_err(|error| self.unreadable(error.kind()))?;
        let text = text.ok_or_else(|| self.invalid(InvalidList::Shape))?;
        model_list::parse(&text).map_err(|invalid| self.invalid(invalid))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn reads_file_at_each_ring() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.json");
        let file = File::new(path.clone());
        for id in ["a", "b"] {
            fs::write(&path, format!(r#"[{{"id": "{id}"}}]"#)).unwrap();
            assert_eq!(file.list_models().await.unwrap().models[0].model().id, id);
        }
    }

    #[tokio::test]
    async fn error_names_missing_file() {
        let error = File::new("/no/such/models.json".into()).list_models().await.unwrap_err();
        assert_eq!(error.to_string(), "there is no file /no/such/models.json on this machine");
    }

    #[tokio::test]
    async fn error_names_unreadable_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = File::new(folder.path().to_owned()).list_models().await.unwrap_err();
        let text = format!("{} cannot be read on this machine: is a directory", folder.path().display());
        assert_eq!(error.to_string(), text);
    }

    #[tokio::test]
    async fn rejects_other_content_without_repeating_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.json");
        let cases = [
            ("secret", "holds something other than a list of models"),
            (r#"[{"label": "secret"}]"#, "holds a model without an id"),
        ];
        for (text, expected) in cases {
            fs::write(&path, text).unwrap();
            let error = File::new(path.clone()).list_models().await.unwrap_err();
            assert_eq!(error.to_string(), format!("{} {expected}", path.display()));
        }
    }

    #[tokio::test]
    async fn rejects_file_over_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.json");
        fs::write(&path, "[]".to_owned() + &" ".repeat(model_list::LIST_BYTES)).unwrap();
        let error = File::new(path.clone()).list_models().await.unwrap_err();
        assert_eq!(error, SourceError::FileInvalid { file: path.display().to_string() });
    }
}
