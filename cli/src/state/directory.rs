//! The state directory.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy as _, choose_native_strategy};

use super::error::StateError;
use super::file;

/// The directory of the state files. It is created with the first file that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDirectory(PathBuf);

impl StateDirectory {
    /// The first that is set: `DOORBELL_STATE_DIR`, systemd's `STATE_DIRECTORY`, and the platform's directory: XDG on Linux,
    /// Application Support on macOS.
    ///
    /// `None` for a user without a home directory.
    pub fn of_process() -> Option<Self> {
        Self::find(|name| env::var_os(name), native)
    }

    fn find(
        variable: impl Fn(&str) -> Option<OsString>,
        native: impl FnOnce() -> Option<PathBuf>,
    ) -> Option<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if let Some(path) = set("DOORBELL_STATE_DIR") {
            return Some(Self(path.into()));
        }
        // A unit with several directories has them in one value (systemd.exec, "StateDirectory=").
        let of_unit = set("STATE_DIRECTORY").and_then(|paths| env::split_paths(&paths).next());
        of_unit.or_else(|| native().map(|path| path.join("doorbell"))).map(Self)
    }

    /// The directory at `path`.
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of the state file `name`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The content of the state file `name`, which has no secret; `None` if it does not exist.
    ///
    /// # Errors
    /// The file cannot be read, or is no state file.
    pub fn read(&self, name: &str) -> Result<Option<String>, StateError> {
        file::read(&self.file(name))
    }

    /// [`read`](Self::read) for a file with a secret. Warns if other users can read it.
    ///
    /// # Errors
    /// The file cannot be read, or is no state file.
    pub fn read_secret(&self, name: &str) -> Result<Option<String>, StateError> {
        let text = self.read(name)?;
        if text.is_some() {
            file::warn_if_readable_by_others(&self.file(name));
        }
        Ok(text)
    }

    /// Writes the state file `name`, atomically and for its owner only. Creates the directory.
    ///
    /// # Errors
    /// The directory or the file cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<(), StateError> {
        file::create_directory(&self.0)?;
        file::write(&self.file(name), text)
    }

    /// [`write`](Self::write), unless the file exists. Returns whether it was written.
    ///
    /// # Errors
    /// The directory or the file cannot be written.
    pub fn write_new(&self, name: &str, text: &str) -> Result<bool, StateError> {
        file::create_directory(&self.0)?;
        file::write_new(&self.file(name), text)
    }

    /// Removes the state file `name`. Returns whether it existed.
    ///
    /// # Errors
    /// It exists and cannot be removed.
    pub fn remove(&self, name: &str) -> Result<bool, StateError> {
        file::remove(&self.file(name))
    }
}

/// Where the platform keeps state. macOS has no place for state beside that for data.
fn native() -> Option<PathBuf> {
    let strategy = choose_native_strategy().ok()?;
    Some(strategy.state_dir().unwrap_or_else(|| strategy.data_dir()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)], native: Option<&str>) -> Option<String> {
        let variable = |name: &str| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| OsString::from(value))
        };
        let directory = StateDirectory::find(variable, || native.map(PathBuf::from));
        directory.map(|directory| directory.path().display().to_string())
    }

    #[test]
    fn own_variable_precedes_those_of_systemd_and_platform() {
        let both = [("DOORBELL_STATE_DIR", "/own"), ("STATE_DIRECTORY", "/unit")];
        assert_eq!(found(&both, Some("/native")).as_deref(), Some("/own"));
        assert_eq!(found(&both[1..], Some("/native")).as_deref(), Some("/unit"));
        assert_eq!(found(&[], Some("/native")).as_deref(), Some("/native/doorbell"));
    }

    #[test]
    fn takes_first_directory_of_unit() {
        assert_eq!(found(&[("STATE_DIRECTORY", "/a:/b")], None).as_deref(), Some("/a"));
    }

    #[test]
    fn empty_variables_are_unset() {
        let empty = [("DOORBELL_STATE_DIR", ""), ("STATE_DIRECTORY", "")];
        assert_eq!(found(&empty, None), None);
    }
}
