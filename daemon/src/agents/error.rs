//! Why the agents of a machine cannot be told, for the person who starts the daemon.

use std::path::PathBuf;

use doorbell_protocol::limits::TEXT_CHARS;

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum AgentsError {
    /// The configuration file is not there, or not ours to read.
    #[error("cannot read {}: {reason}", .path.display())]
    ConfigUnreadable {
        /// Which file.
        path: PathBuf,
        /// What the machine says.
        reason: std::io::Error,
    },
    /// The configuration file says something that means nothing here.
    #[error("{}: {reason}", .path.display())]
    ConfigInvalid {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        reason: Box<toml::de::Error>,
    },
    /// Two agents would be one runtime to the server.
    #[error("there are two agents of type \"{provider}\" {}", twins(.profile))]
    Twins {
        /// Their type.
        provider: String,
        /// Their profile.
        profile: String,
    },
    /// The server takes no name that long.
    #[error("an agent of type \"{provider}\" has a name or profile of more than {TEXT_CHARS} characters")]
    TooLong {
        /// Its type.
        provider: String,
    },
    /// No server can be there.
    #[error("\"{shown}\" is no http:// or https:// URL of a server")]
    BadUrl {
        /// What was given, without secrets.
        shown: String,
    },
    /// There is no program to run.
    #[error("a command is empty")]
    EmptyCommand,
    /// There is no key to send.
    #[error("the environment variable {variable}, which should hold an API key, is not set")]
    NoKey {
        /// Which variable.
        variable: String,
    },
    /// This machine cannot make HTTP requests.
    #[error("cannot make HTTP requests on this machine: {0}")]
    Http(#[source] reqwest::Error),
}

fn twins(profile: &str) -> String {
    let remedy = "give one of them a \"profile\" of its own";
    match profile {
        "" => format!("without a profile: {remedy}"),
        profile => format!("with the profile \"{profile}\": {remedy} in a configuration file"),
    }
}
