//! The environment of a question's program: nothing of the daemon's but what is named here.
//!
//! | variable | value |
//! |---|---|
//! | `PATH`, `LANG` | as the daemon's |
//! | `HOME` | the home directory, which is the working directory as well |
//! | names in `env` | as the daemon's when it started; left out if unset |
//! | `DOORBELL_REQUEST` | the request's id |
//!
//! The daemon's token is not among them: `CREDENTIALS_DIRECTORY` and names that begin with `DOORBELL_` are refused in `env`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use doorbell_protocol::RequestId;
use tokio::process::Command;

use crate::agents::environment::Environment;
use crate::sources::launch::is_of_daemon;

/// Holds the request's id. It also marks the program's descendants, see `descendants`.
pub(super) const REQUEST_VARIABLE: &str = "DOORBELL_REQUEST";

/// Why a variable cannot be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Not `[A-Za-z_][A-Za-z0-9_]*` of at most 200 bytes.
    Malformed,
    /// A variable of the daemon.
    OfDaemon,
}

/// Checks a name in `env`.
pub(super) fn check_name(name: &str) -> Result<(), Refused> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let starts_with_digit = name.starts_with(|letter: char| letter.is_ascii_digit());
    if name.is_empty() || name.len() > 200 || starts_with_digit || !name.bytes().all(is_word) {
        return Err(Refused::Malformed);
    }
    if is_of_daemon(name) { Err(Refused::OfDaemon) } else { Ok(()) }
}

/// Variables and their values, as they were at the start of the daemon.
#[derive(Clone)]
pub(super) struct Variables {
    values: Vec<(String, OsString)>,
    home: PathBuf,
}

/// Shows no value: some are secrets.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values.iter().map(|(name, _)| name)).finish()
    }
}

impl Variables {
    /// Reads the variables of every program, and those in `names`.
    pub(super) fn read(environment: &Environment, names: &[String]) -> Self {
        let home = environment.value("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        let home = home.or_else(std::env::home_dir).unwrap_or_else(|| PathBuf::from("/"));
        // Windows starts no program without SystemRoot.
        let inherited =
            ["PATH", "LANG", "SystemRoot"].into_iter().filter(|name| cfg!(windows) || *name != "SystemRoot");
        let names = inherited.chain(names.iter().map(String::as_str).filter(|name| *name != "HOME"));
        let values = names.filter_map(|name| Some((name.to_owned(), environment.value(name)?)));
        let mut values: Vec<_> = values.collect();
        values.push(("HOME".to_owned(), home.clone().into_os_string()));
        Self { values, home }
    }

    /// The working directory.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// The folders in which a bare name is searched for.
    pub(super) fn path(&self) -> &OsStr {
        let path = self.values.iter().find(|(name, _)| name == "PATH");
        path.map_or(OsStr::new(""), |(_, path)| path.as_os_str())
    }

    /// Replaces the environment of `command`.
    pub(super) fn apply(&self, command: &mut Command, request: RequestId) {
        command.env_clear().envs(self.values.iter().map(|(name, value)| (name, value)));
        command.env(REQUEST_VARIABLE, request.to_string()).current_dir(&self.home);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_variables_of_daemon() {
        for name in ["DOORBELL_TOKEN", "doorbell_token", "DOORBELL_REQUEST", "CREDENTIALS_DIRECTORY"] {
            assert_eq!(check_name(name), Err(Refused::OfDaemon), "{name}");
        }
        assert_eq!(check_name("DOORBELLS"), Ok(()));
    }

    #[test]
    fn refuses_malformed_names() {
        for name in ["", "A=B", "1A", "A B", "Ä", "A\0", &"A".repeat(201)] {
            assert_eq!(check_name(name), Err(Refused::Malformed), "{name:?}");
        }
        for name in ["_", "a1", "DISK_TOKEN"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let environment = Environment::new(|_| Some("secret".into()));
        let shown = format!("{:?}", Variables::read(&environment, &["KEY".to_owned()]));
        assert!(shown.contains("KEY") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn relative_home_is_not_used() {
        let environment = Environment::new(|name| (name == "HOME").then(|| "somewhere".into()));
        assert!(Variables::read(&environment, &[]).home().is_absolute());
    }
}
