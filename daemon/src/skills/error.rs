//! Why a file or directory of an agent program cannot be used. The text is for the client that asked.

use std::io;

/// Names the file, with the home directory as `~`, and the remedy. Contains nothing of the file's content: it holds secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkillsError {
    /// The system does not let the daemon read the file or directory.
    #[error("{file} cannot be read on this machine: {reason}")]
    Unreadable {
        /// The file or directory.
        file: String,
        /// The system's error.
        reason: io::ErrorKind,
    },
    /// The file is over its limit.
    #[error("{file} is larger than {mebibytes} MiB")]
    TooLarge {
        /// The file.
        file: String,
        /// The limit.
        mebibytes: u64,
    },
    /// The file is malformed, or has a value of an unexpected type.
    #[error("{file} is not valid {format} (line {line}): correct the file on this machine")]
    Invalid {
        /// The file.
        file: String,
        /// `JSON` or `TOML`.
        format: &'static str,
        /// The line of the error, from 1.
        line: usize,
    },
}
