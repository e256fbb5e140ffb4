//! A file that the machine's owner keeps. It is read anew at each question, so an edit counts from the next ring on.

use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use doorbell_protocol::ModelListResult;

use super::bounded::whole;
use super::entries::{self, Invalid};
use super::{DiscoveryError, ModelSource};

/// Reads model entries from a file: a JSON array of them, or an object with the array as its `models`.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    shown: String,
}

impl File {
    /// The one at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { shown: path.display().to_string(), path }
    }

    fn unreadable(&self, reason: io::ErrorKind) -> DiscoveryError {
        let file = self.shown.clone();
        match reason {
            io::ErrorKind::NotFound => DiscoveryError::FileMissing { file },
            reason => DiscoveryError::FileUnreadable { file, reason },
        }
    }

    fn invalid(&self, invalid: Invalid) -> DiscoveryError {
        let file = self.shown.clone();
        match invalid {
            Invalid::Shape => DiscoveryError::FileInvalid { file },
            Invalid::NoId => DiscoveryError::HeldWithoutId { file },
        }
    }

    async fn text(&self) -> io::Result<Option<Vec<u8>>> {
        whole(tokio::fs::File::open(&self.path).await?).await
    }
}

#[async_trait]
impl ModelSource for File {
    fn name(&self) -> &str {
        &self.shown
    }

    async fn discover(&self) -> Result<ModelListResult, DiscoveryError> {
        let text = self.text().await.map_err(|error| self.unreadable(error.kind()))?;
        let text = text.ok_or_else(|| self.invalid(Invalid::Shape))?;
        entries::read(&text).map_err(|invalid| self.invalid(invalid))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn it_is_read_anew_at_each_question() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.json");
        let file = File::new(path.clone());
        for id in ["a", "b"] {
            fs::write(&path, format!(r#"[{{"id": "{id}"}}]"#)).unwrap();
            assert_eq!(file.discover().await.unwrap().models[0].model().id, id);
        }
    }

    #[tokio::test]
    async fn a_missing_file_is_told() {
        let error = File::new("/no/such/models.json".into()).discover().await.unwrap_err();
        assert_eq!(error.to_string(), "there is no file /no/such/models.json on this machine");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = File::new(folder.path().to_owned()).discover().await.unwrap_err();
        let text = format!("{} cannot be read on this machine: is a directory", folder.path().display());
        assert_eq!(error.to_string(), text);
    }

    #[tokio::test]
    async fn a_file_with_anything_else_is_told_and_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.json");
        let cases = [
            ("secret", "holds something other than a list of models"),
            (r#"[{"label": "secret"}]"#, "holds a model without an id"),
        ];
        for (text, complaint) in cases {
            fs::write(&path, text).unwrap();
            let error = File::new(path.clone()).discover().await.unwrap_err();
            assert_eq!(error.to_string(), format!("{} {complaint}", path.display()));
        }
    }

    #[tokio::test]
    async fn a_file_that_is_too_long_is_no_list() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.json");
        fs::write(&path, "[]".to_owned() + &" ".repeat(crate::discover::bounded::LIST_BYTES)).unwrap();
        let error = File::new(path.clone()).discover().await.unwrap_err();
        assert_eq!(error, DiscoveryError::FileInvalid { file: path.display().to_string() });
    }
}
