//! Errors of the configuration of agents.

use std::path::PathBuf;

use doorbell_protocol::limits::TEXT_CHARS;

use crate::questions::QuestionConfigError;

/// An invalid file, flag or environment. The texts are for the user who starts the daemon.
#[derive(Debug, thiserror::Error)]
pub enum AgentsError {
    /// The configuration file is missing or cannot be read.
    #[error("cannot read {}: {reason}", .path.display())]
    ConfigUnreadable {
        /// The configuration file.
        path: PathBuf,
        /// The system's error.
        reason: std::io::Error,
    },
    /// The configuration file is not valid TOML, or has unknown or missing fields.
    #[error("{}: {reason}", .path.display())]
    ConfigInvalid {
        /// The configuration file.
        path: PathBuf,
        /// The parser's error, with the line.
        reason: Box<toml::de::Error>,
    },
    /// The configuration file has an invalid question.
    #[error("{}: {reason}", .path.display())]
    InvalidQuestion {
        /// The configuration file.
        path: PathBuf,
        /// What is wrong with the question, and the remedy.
        reason: Box<QuestionConfigError>,
    },
    /// Two agents have the same provider and profile, so they would be one runtime.
    #[error("there are two agents of type \"{provider}\" {}", duplicate_remedy(.profile))]
    DuplicateAgent {
        /// The provider of both.
        provider: String,
        /// The profile of both.
        profile: String,
    },
    /// The server rejects names and profiles over 200 characters.
    #[error("an agent of type \"{provider}\" has a name or profile of more than {TEXT_CHARS} characters")]
    TooLong {
        /// The agent's provider.
        provider: String,
    },
    /// Not an http or https URL with a host.
    #[error("\"{shown}\" is no http:// or https:// URL of a server")]
    BadUrl {
        /// The URL without secrets.
        shown: String,
    },
    /// A `--command` flag without a program.
    #[error("a command is empty")]
    EmptyCommand,
    /// The variable of `api_key_env` is unset or blank.
    #[error("the environment variable {variable}, which should hold an API key, is not set")]
    NoKey {
        /// The variable's name.
        variable: String,
    },
    /// No HTTP client can be created.
    #[error("cannot make HTTP requests on this machine: {0}")]
    Http(#[source] reqwest::Error),
}

fn duplicate_remedy(profile: &str) -> String {
    let remedy = "give one of them a \"profile\" of its own";
    if profile.is_empty() {
        format!("without a profile: {remedy}")
    } else {
        format!("with the profile \"{profile}\": {remedy} in a configuration file")
    }
}
