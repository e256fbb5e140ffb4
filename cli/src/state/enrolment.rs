//! `daemon.toml`: the server, the workspace, the daemon id and the token that `doorbell join` stored.

use doorbell_protocol::WorkspaceId;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::directory::StateDirectory;
use super::error::{StateError, StateProblem};
use super::url_text;
use crate::secret::Secret;

/// The enrolment of this machine. The token acts for `daemon_id` in `workspace` only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentFile {
    #[serde(with = "url_text")]
    pub url: Url,
    pub workspace: WorkspaceId,
    pub daemon_id: String,
    pub token: Secret,
    /// Whether the token may be sent over `http://` to another machine.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_http: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl EnrolmentFile {
    /// The name of the file.
    pub const NAME: &str = "daemon.toml";

    /// `None` if the machine is not enrolled.
    ///
    /// # Errors
    /// The file cannot be read, or is malformed.
    pub fn load(directory: &StateDirectory) -> Result<Option<Self>, StateError> {
        let Some(text) = directory.read_secret(Self::NAME)? else { return Ok(None) };
        // The parser's error quotes the line, which may be that of the token.
        let parsed =
            toml::from_str(&text).ok().filter(|file: &Self| Secret::new(file.token.reveal()).is_some());
        parsed.map(Some).ok_or_else(|| Self::malformed(directory))
    }

    /// # Errors
    /// The file cannot be written.
    pub fn store(&self, directory: &StateDirectory) -> Result<(), StateError> {
        let text = toml::to_string(self).map_err(|_| Self::malformed(directory))?;
        directory.write(Self::NAME, &text)
    }

    fn malformed(directory: &StateDirectory) -> StateError {
        StateError::new(&directory.file(Self::NAME), StateProblem::Malformed("`doorbell join`"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn stored_enrolment_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let directory = StateDirectory::at(folder.path().join("state"));
        assert_eq!(EnrolmentFile::load(&directory).unwrap(), None);
        for allow_http in [false, true] {
            let file = EnrolmentFile {
                url: "https://doorbell.example.com/prod".parse().unwrap(),
                workspace: "00000000-0000-4000-8000-00000000000a".parse().unwrap(),
                daemon_id: "box \"1\"".to_owned(),
                token: Secret::new("dbd_example").unwrap(),
                allow_http,
            };
            file.store(&directory).unwrap();
            assert_eq!(EnrolmentFile::load(&directory).unwrap(), Some(file));
        }
    }

    #[test]
    fn error_does_not_quote_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let directory = StateDirectory::at(folder.path().to_owned());
        for text in ["token = dbd_example", "token = [\"dbd_example\"]", "", "url = 1"] {
            fs::write(directory.file("daemon.toml"), text).unwrap();
            let error = EnrolmentFile::load(&directory).unwrap_err();
            assert!(error.to_string().ends_with("daemon.toml is not a file that `doorbell join` wrote"));
            assert!(!format!("{error:?}").contains("dbd_example"));
        }
    }
}
