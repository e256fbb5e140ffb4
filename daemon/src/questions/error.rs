//! Errors of questions: in the configuration, for the owner of the machine, and of a run, for the client that asked.

use std::path::PathBuf;

use doorbell_protocol::InvalidKind;
use doorbell_protocol::limits::{
    ARGS_BYTES, QUESTION_TIMEOUT_MAX_S, QUESTIONS_BYTES, QUESTIONS_PER_RUNTIME, RESULT_BYTES,
};

use super::output::OUTPUT_BYTES;
use super::schema::Mismatch;
use crate::sources::SourceError;

/// An invalid `[[question]]`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionConfigError {
    /// The name is not one of a kind.
    #[error("question \"{name}\": the name is {reason}")]
    Name {
        /// The configured name.
        name: String,
        /// The rule.
        reason: InvalidKind,
    },
    /// A kind with this name is built in.
    #[error("question \"{name}\": the name belongs to a built-in kind; choose another")]
    BuiltIn {
        /// The configured name.
        name: String,
    },
    /// Two questions have the same name.
    #[error("question \"{name}\" is there twice; rename or remove one")]
    Duplicate {
        /// The name of both.
        name: String,
    },
    /// `program` is empty, or its first element is.
    #[error(
        "question \"{name}\": \"program\" is empty; give the program and its arguments, such as [\"df\", \"-h\"]"
    )]
    NoProgram {
        /// The question.
        name: String,
    },
    /// The program or an argument has a zero byte, which no operating system passes on.
    #[error("question \"{name}\": \"program\" has a zero byte; remove it")]
    ZeroByte {
        /// The question.
        name: String,
    },
    /// The time limit is out of range.
    #[error("question \"{name}\": \"timeout_s\" is {seconds}; give 1 to {QUESTION_TIMEOUT_MAX_S} seconds")]
    Timeout {
        /// The question.
        name: String,
        /// The configured limit.
        seconds: i64,
    },
    /// A schema cannot be compiled.
    #[error("question \"{name}\": \"{key}\" is no usable JSON schema: {reason}")]
    Schema {
        /// The question.
        name: String,
        /// `args_schema` or `result_schema`.
        key: &'static str,
        /// The compiler's reason.
        reason: String,
    },
    /// A name in `env` is none of an environment variable.
    #[error("question \"{name}\": \"{variable}\" in \"env\" is no name of an environment variable")]
    Variable {
        /// The question.
        name: String,
        /// The configured name.
        variable: String,
    },
    /// The daemon's own variables, its token among them, are not for programs.
    #[error(
        "question \"{name}\": \"{variable}\" in \"env\" is a variable of the daemon, which no program gets; remove it"
    )]
    DaemonVariable {
        /// The question.
        name: String,
        /// The configured name.
        variable: String,
    },
    /// A type in `agents` that no agent can have.
    #[error("question \"{name}\": \"{provider}\" in \"agents\" is no type of agent; the types are {known}")]
    UnknownAgent {
        /// The question.
        name: String,
        /// The configured type.
        provider: String,
        /// The known types.
        known: String,
    },
    /// More questions than a runtime may declare.
    #[error(
        "there are {count} questions; a daemon can declare at most {QUESTIONS_PER_RUNTIME}, so remove some"
    )]
    TooMany {
        /// The configured number.
        count: usize,
    },
    /// The declarations are larger than a runtime's may be.
    #[error(
        "the questions have {bytes} bytes as JSON; at most {QUESTIONS_BYTES} can be declared, so shorten descriptions or \
         schemas"
    )]
    TooLarge {
        /// Their size.
        bytes: usize,
    },
    /// The path of a program cannot be made absolute.
    #[error(
        "question \"{name}\": the folder of the configuration file is unknown ({reason}); give an absolute path"
    )]
    NoFolder {
        /// The question.
        name: String,
        /// The system's error.
        reason: std::io::ErrorKind,
    },
}

/// Why a question has no result. The text is for the client that asked, who may not have access to the machine. It does not repeat
/// args or output, apart from the last lines of standard error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// The args do not match the schema.
    #[error("{name} rejects its args: {mismatch}")]
    InvalidArgs {
        /// The question.
        name: String,
        /// The first mismatch.
        mismatch: Mismatch,
    },
    /// The args cannot be read as a value, because of a lone surrogate or a number beyond a double.
    #[error(
        "{name} cannot read its args: they have a number that is too large, or a text that is not Unicode"
    )]
    UnreadableArgs {
        /// The question.
        name: String,
    },
    /// The args are larger than the contract allows.
    #[error("{name} rejects its args: they have more than {ARGS_BYTES} bytes")]
    ArgsTooLarge {
        /// The question.
        name: String,
    },
    /// The program does not start.
    #[error("{name} has no answer: {reason}")]
    NotStarted {
        /// The question.
        name: String,
        /// What is wrong with the program, and the remedy.
        reason: SourceError,
    },
    /// The working directory does not exist.
    #[error("{name} has no answer: the daemon's home directory {} does not exist on this machine", .home.display())]
    NoHome {
        /// The question.
        name: String,
        /// The home directory.
        home: PathBuf,
    },
    /// The system failed to pass on input or output.
    #[error("{name} has no answer: its program's output cannot be read: {reason}")]
    Unreadable {
        /// The question.
        name: String,
        /// The system's error.
        reason: std::io::ErrorKind,
    },
    /// The program printed too much, and was ended.
    #[error("{name} was ended: its program printed more than {OUTPUT_BYTES} bytes, so it must print less")]
    OutputTooLong {
        /// The question.
        name: String,
    },
    /// The program exited with a failure.
    #[error("{name} ended with {how}{}", .stderr.as_deref().map_or_else(no_stderr, |lines| format!(": {lines}")))]
    Failed {
        /// The question.
        name: String,
        /// The exit code or the signal.
        how: String,
        /// The last lines of standard error, if there are any.
        stderr: Option<String>,
    },
    /// The program exceeded its time limit, and was ended.
    #[error(
        "{name} did not end in time and was ended: its \"timeout_s\" is {seconds}; ask for less, or raise it"
    )]
    TimedOut {
        /// The question.
        name: String,
        /// The limit.
        seconds: u64,
    },
    /// The request was cancelled, and the program was ended.
    #[error("{name} was cancelled")]
    Cancelled {
        /// The question.
        name: String,
    },
    /// The result does not match the schema.
    #[error(
        "{name} has an invalid result: {mismatch}; its program and its \"result_schema\" do not fit together"
    )]
    InvalidResult {
        /// The question.
        name: String,
        /// The first mismatch.
        mismatch: Mismatch,
    },
    /// The result is larger than the contract allows.
    #[error(
        "{name} has a result of {bytes} bytes; at most {RESULT_BYTES} can be reported, so its program must print less"
    )]
    ResultTooLarge {
        /// The question.
        name: String,
        /// The size as JSON text.
        bytes: usize,
    },
}

fn no_stderr() -> String {
    " and printed no reason to standard error; run its program on the machine to see why".to_owned()
}
