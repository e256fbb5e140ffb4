//! Why a source has no models. The text is for the client that rang, who may not have access to the machine.

use std::io;

/// Names the program, server or file and the remedy. Contains no output, no argument of an unknown program, and no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No program of this name is on `PATH`.
    #[error("{program} is not installed on this machine, or not on the daemon's PATH")]
    NotInstalled {
        /// The program's file name.
        program: String,
    },
    /// There is no file at the program's path.
    #[error("{program} is not installed at {path} on this machine")]
    NotInstalledAt {
        /// The program's file name.
        program: String,
        /// The configured or detected path.
        path: String,
    },
    /// The system does not run the program.
    #[error("{program} cannot be run on this machine: {reason}")]
    NotRunnable {
        /// The program's file name.
        program: String,
        /// The system's error.
        reason: io::ErrorKind,
    },
    /// The program's stderr asks for a login.
    #[error("{program} is not logged in: run \"{login}\" on this machine")]
    NotLoggedIn {
        /// The program's file name.
        program: String,
        /// The command line that logs in.
        login: String,
    },
    /// The program exited with a failure.
    #[error("{program} could not list its models ({}); run \"{command}\" on this machine to see why", describe(*.status))]
    Failed {
        /// The program's file name.
        program: String,
        /// The exit status; `None` after a signal.
        status: Option<i32>,
        /// The command line that reproduces the failure.
        command: String,
    },
    /// The program answered a call with an error.
    #[error(
        "{program} could not list its models (error {code}); run \"{command}\" on this machine to see why"
    )]
    Refused {
        /// The program's file name.
        program: String,
        /// The error's code. Its message may contain anything.
        code: i64,
        /// The command line that was run.
        command: String,
    },
    /// The program answered, but has no list of models.
    #[error("{program} does not say which models it has; is it up to date?")]
    NoModelList {
        /// The program's file name.
        program: String,
    },
    /// The program needs a directory of its own, and none can be created.
    #[error(
        "there is no directory for {program} to run in: {reason}; can the daemon write to its home directory?"
    )]
    NoDirectory {
        /// The program's file name.
        program: String,
        /// The system's error.
        reason: io::ErrorKind,
    },
    /// The program's output is no list of models, or is over 8 MiB.
    #[error("{program} printed something other than a list of models; is it up to date?")]
    InvalidOutput {
        /// The program's file name.
        program: String,
    },
    /// The program has no model to choose from, usually because it has no login and no API key.
    #[error("{program} has no models: {remedy}")]
    NoModels {
        /// The program's file name.
        program: String,
        /// What the machine's owner can do.
        remedy: String,
    },
    /// The program printed a model without an id.
    #[error("{program} printed a model without an id")]
    OutputWithoutId {
        /// The program's file name.
        program: String,
    },
    /// No response arrived.
    #[error("no OpenAI-compatible server answers at {url}; is it running?")]
    Unreachable {
        /// The base URL without secrets.
        url: String,
    },
    /// 401 or 403, or a 400 that names the API key.
    #[error("the server at {url} answered {status}: check its API key")]
    KeyRejected {
        /// The base URL without secrets.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// Any other status but success.
    #[error("the server at {url} answered {status} when asked for its models; is that the right address?")]
    UnexpectedStatus {
        /// The base URL without secrets.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The body is no list of models, or is over 8 MiB.
    #[error("the server at {url} answered something other than a list of models; is it OpenAI-compatible?")]
    InvalidResponse {
        /// The base URL without secrets.
        url: String,
    },
    /// There is no such file.
    #[error("there is no file {file} on this machine")]
    FileMissing {
        /// The configured path.
        file: String,
    },
    /// The system does not let the daemon read the file.
    #[error("{file} cannot be read on this machine: {reason}")]
    FileUnreadable {
        /// The configured path.
        file: String,
        /// The system's error.
        reason: io::ErrorKind,
    },
    /// The file is no list of models, or is over 8 MiB.
    #[error("{file} holds something other than a list of models")]
    FileInvalid {
        /// The configured path.
        file: String,
    },
    /// The file has a model without an id.
    #[error("{file} holds a model without an id")]
    FileWithoutId {
        /// The configured path.
        file: String,
    },
    /// The source exceeded its time limit.
    #[error("{name} did not list its models within {seconds} seconds")]
    TimedOut {
        /// The source's name.
        name: String,
        /// The limit.
        seconds: u64,
    },
}

fn describe(status: Option<i32>) -> String {
    status.map_or_else(|| "killed by a signal".to_owned(), |status| format!("exit status {status}"))
}
