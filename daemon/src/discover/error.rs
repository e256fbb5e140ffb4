//! Why there are no models, in words that a person can act on.
//!
//! The text goes to whoever rang, who may be neither at the machine nor its owner: it names what was asked and what to do
//! about it. It never holds what a program printed or a server answered, an argument, or a key.

use std::io;

/// Why there are no models. Its text goes to the person who rang: what to do, and never a program's raw output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// No program of that name is on `PATH`.
    #[error("{program} is not installed on this machine, or not on the daemon's PATH")]
    NotInstalled {
        /// What people call it.
        program: String,
    },
    /// There is nothing where the program was configured or once found.
    #[error("{program} is not installed at {path} on this machine")]
    NotThere {
        /// What people call it.
        program: String,
        /// Where it should be.
        path: String,
    },
    /// The program is there, and the machine does not run it.
    #[error("{program} cannot be run on this machine: {reason}")]
    NotRunnable {
        /// What people call it.
        program: String,
        /// What the machine says.
        reason: io::ErrorKind,
    },
    /// The program wants its user to log in.
    #[error("{program} is not logged in: run \"{login}\" on this machine")]
    NotLoggedIn {
        /// What people call it.
        program: String,
        /// The command line that logs it in.
        login: String,
    },
    /// The program ended with a failure.
    #[error("{program} could not list its models ({}); run \"{command}\" on this machine to see why", ending(*.status))]
    Failed {
        /// What people call it.
        program: String,
        /// Its exit status, unless it was killed.
        status: Option<i32>,
        /// The command line that shows the failure.
        command: String,
    },
    /// The program succeeded, and its output is not what it should be.
    #[error("{program} printed something other than a list of models; is it up to date?")]
    UnreadableOutput {
        /// What people call it.
        program: String,
    },
    /// Nothing can be done with a model that has no id.
    #[error("{program} printed a model without an id")]
    PrintedWithoutId {
        /// What people call it.
        program: String,
    },
    /// Anonymous answers.
    #[error("no OpenAI-compatible server answers at {url}; is it running?")]
    Unreachable {
        /// Where, without secrets.
        url: String,
    },
    /// The server does not know who asks, or does not want to tell them.
    #[error("the server at {url} answered {status}: check its API key")]
    Refused {
        /// Where, without secrets.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server failed, or is no such server.
    #[error("the server at {url} answered {status} when asked for its models; is that the right address?")]
    UnexpectedStatus {
        /// Where, without secrets.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server succeeded, and its answer is not what it should be.
    #[error("the server at {url} answered something other than a list of models; is it OpenAI-compatible?")]
    UnreadableAnswer {
        /// Where, without secrets.
        url: String,
    },
    /// There is no such file.
    #[error("there is no file {file} on this machine")]
    FileMissing {
        /// Which one.
        file: String,
    },
    /// The file is there, and the machine does not hand it over.
    #[error("{file} cannot be read on this machine: {reason}")]
    FileUnreadable {
        /// Which one.
        file: String,
        /// What the machine says.
        reason: io::ErrorKind,
    },
    /// The file is not what it should be.
    #[error("{file} holds something other than a list of models")]
    FileInvalid {
        /// Which one.
        file: String,
    },
    /// Nothing can be done with a model that has no id.
    #[error("{file} holds a model without an id")]
    HeldWithoutId {
        /// Which one.
        file: String,
    },
    /// It took too long and was given up.
    #[error("{name} did not list its models within {seconds} seconds")]
    TimedOut {
        /// Who was asked.
        name: String,
        /// How long it was waited for.
        seconds: u64,
    },
}

fn ending(status: Option<i32>) -> String {
    status.map_or_else(|| "killed by a signal".to_owned(), |status| format!("exit status {status}"))
}
