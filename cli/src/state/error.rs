//! Errors of the state directory. None has the content of a file, which may be a token.

use std::io;
use std::path::{Path, PathBuf};

/// A file or the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} {problem}", path.display())]
pub struct StateError {
    pub path: PathBuf,
    pub problem: StateProblem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum StateProblem {
    #[error("cannot be read: {0}")]
    NotRead(io::Error),
    #[error("cannot be written: {0}")]
    NotWritten(io::Error),
    #[error("cannot be removed: {0}")]
    NotRemoved(io::Error),
    #[error("is not a regular file")]
    NotAFile,
    #[error("is longer than {} KiB", super::file::MAX_BYTES >> 10)]
    TooLong,
    /// The text names the command that writes the file.
    #[error("is not a file that {0} wrote")]
    Malformed(&'static str),
}

impl StateError {
    pub(super) fn new(path: &Path, problem: StateProblem) -> Self {
        Self { path: path.to_owned(), problem }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match &self.problem {
            StateProblem::NotRead(_) => {
                "check its owner and its mode, or name another directory with DOORBELL_STATE_DIR".to_owned()
            }
            StateProblem::NotWritten(_) | StateProblem::NotRemoved(_) => {
                "check the owner, the mode and the free space of its directory, or name another with DOORBELL_STATE_DIR"
                    .to_owned()
            }
            StateProblem::NotAFile | StateProblem::TooLong => "remove it".to_owned(),
            StateProblem::Malformed(command) => format!("remove it; {command} writes it again"),
        }
    }

    /// Whether the disk or its permissions are the cause, and not the content of a file.
    pub fn is_io(&self) -> bool {
        matches!(
            self.problem,
            StateProblem::NotRead(_) | StateProblem::NotWritten(_) | StateProblem::NotRemoved(_)
        )
    }
}
