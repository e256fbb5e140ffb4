//! `client.toml`: the server, the token and the workspace of a user that `doorbell login` stored.

use doorbell_protocol::WorkspaceId;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::directory::StateDirectory;
use super::error::{StateError, StateProblem};
use super::url_text;
use crate::secret::Secret;

/// The login of this machine's user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFile {
    #[serde(with = "url_text")]
    pub url: Url,
    pub token: Secret,
    /// The only workspace that is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceId>,
    /// Whether the token may be sent over `http://` to another machine.
    #[serde(default)]
    pub allow_http: bool,
}

impl LoginFile {
    /// The name of the file.
    pub const NAME: &str = "client.toml";

    /// `None` if no user is logged in.
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

    /// Returns whether a user was logged in.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn remove(directory: &StateDirectory) -> Result<bool, StateError> {
        directory.remove(Self::NAME)
    }

    fn malformed(directory: &StateDirectory) -> StateError {
        StateError::new(&directory.file(Self::NAME), StateProblem::Malformed("`doorbell login`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_login_is_loaded_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let directory = StateDirectory::at(folder.path().join("state"));
        for workspace in [None, Some("00000000-0000-4000-8000-00000000000a".parse().unwrap())] {
            let file = LoginFile {
                url: "https://doorbell.example.com/".parse().unwrap(),
                token: Secret::new("dbu_example").unwrap(),
                workspace,
                allow_http: false,
            };
            file.store(&directory).unwrap();
            assert_eq!(LoginFile::load(&directory).unwrap(), Some(file));
        }
        assert!(LoginFile::remove(&directory).unwrap() && !LoginFile::remove(&directory).unwrap());
        assert_eq!(LoginFile::load(&directory).unwrap(), None);
    }
}
