//! The directory of ACP sessions.
//!
//! Programs read the files of a session's directory, and some keep a record of each directory in the home directory (gemini:
//! `projects.json`). So it is empty, and always the same: `doorbell/agents` in the user's cache directory. It is not in the
//! system's temporary directory, where another user could create it first, with a configuration that starts programs.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::sources::launch::AgentEnvironment;

/// An absolute path in UTF-8.
pub(super) enum Directory {
    Cache(PathBuf),
    /// On machines without a usable cache directory, such as a service with a read-only home directory. Removed when dropped.
    Temporary(TempDir),
}

impl Directory {
    /// Creates the directory unless it exists.
    pub(super) fn open(environment: &AgentEnvironment) -> io::Result<Self> {
        let cache = cache(environment).map(|cache| cache.join("doorbell").join("agents"));
        match cache {
            Some(path) if path.to_str().is_some() && std::fs::create_dir_all(&path).is_ok() => {
                Ok(Self::Cache(path))
            }
            _ => tempfile::Builder::new().prefix("doorbell-agents-").tempdir().map(Self::Temporary),
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Cache(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }
}

fn cache(environment: &AgentEnvironment) -> Option<PathBuf> {
    let directory = |name| environment.value(name).map(PathBuf::from).filter(|path| path.is_absolute());
    directory("XDG_CACHE_HOME").or_else(|| directory("HOME").map(|home| home.join(".cache")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::environment::Environment;

    fn open(variable: &str, value: &Path) -> Directory {
        Directory::open(&AgentEnvironment::new(&Environment::of([(variable, value)]), |_| false)).unwrap()
    }

    #[test]
    fn is_the_same_each_time() {
        let home = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            assert_eq!(open("HOME", home.path()).path(), home.path().join(".cache/doorbell/agents"));
        }
        assert_eq!(open("XDG_CACHE_HOME", home.path()).path(), home.path().join("doorbell/agents"));
    }

    #[test]
    fn is_temporary_without_usable_home() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for value in [file.path(), Path::new("relative")] {
            let directory = open("HOME", value);
            let path = directory.path().to_owned();
            assert!(path.is_dir(), "{value:?}");
            drop(directory);
            assert!(!path.exists(), "{value:?}");
        }
    }
}
