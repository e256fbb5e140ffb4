//! Answers one question: checks the args, runs the program, checks the result.

use std::fmt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use doorbell_protocol::limits::{ARGS_BYTES, RESULT_BYTES};
use doorbell_protocol::{Json, Kind, Question, RequestId};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::error::QuestionError;
use super::output::ReadError;
use super::run::{Exit, Run};
use super::schema::Schema;
use super::variables::Variables;
use crate::agents::environment::{find_on_path, is_bare_name};
use crate::sources::process::Program;

/// A configured question.
///
/// What a client sends reaches the program on standard input only: it is started without a shell, with fixed arguments, in the
/// home directory, in an environment without the daemon's variables (see `variables`).
pub struct QuestionHandler {
    pub(super) declaration: Question,
    pub(super) args_schema: Option<Schema>,
    pub(super) result_schema: Option<Schema>,
    pub(super) program: Program,
    pub(super) variables: Variables,
    pub(super) timeout: Duration,
    /// The types of agents that declare it; `None` for all.
    pub(super) agents: Option<Vec<String>>,
}

/// Without the program's arguments and the variables' values, which may be secrets.
impl fmt::Debug for QuestionHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("QuestionHandler");
        shown.field("kind", &self.kind()).field("program", &self.program).field("variables", &self.variables);
        shown.finish_non_exhaustive()
    }
}

impl QuestionHandler {
    /// The kind of its requests.
    pub fn kind(&self) -> Kind {
        self.declaration.name
    }

    /// What a registration sends.
    pub fn declaration(&self) -> &Question {
        &self.declaration
    }

    /// The running time of its requests, report included.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether agents of the type `provider` declare it.
    pub(super) fn is_of(&self, provider: &str) -> bool {
        self.agents.as_ref().is_none_or(|agents| agents.iter().any(|agent| agent == provider))
    }

    /// Answers `request`.
    ///
    /// - Missing `args` are `{}`, for the schema and for the program. The program gets the parsed value as one line of JSON: a
    ///   member that occurs twice occurs once there, so the program reads what was checked.
    /// - `progress` is replaced by each progress line; the receiver reads it as often as it can report it.
    /// - At `end` or after `cancel`, the program, its process group, and on Linux the descendants that left the group are
    ///   ended: SIGTERM, up to 2 s for the program to clean up, SIGKILL. Dropping the future kills them at once. On other
    ///   systems, descendants in groups of their own keep running; on Windows, all descendants do.
    /// - Processes that the program leaves behind at its exit keep running, and their output is not waited for.
    ///
    /// # Errors
    /// [`QuestionError`], with a text for the client.
    pub async fn run_until(
        &self,
        request: RequestId,
        args: Option<&Json>,
        end: Instant,
        progress: &watch::Sender<Option<Json>>,
        cancel: &CancellationToken,
    ) -> Result<Json, QuestionError> {
        let args = self.checked_args(args)?;
        if cancel.is_cancelled() {
            return Err(QuestionError::Cancelled { name: self.name() });
        }
        let mut run =
            Run::start(self.command(request)?, request).map_err(|error| self.not_started(&error))?;
        let exit = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(QuestionError::Cancelled { name: self.name() }),
            exit = timeout_at(end, run.exchange(&args, progress)) => self.exited(exit),
        };
        match exit {
            Ok(exit) => self.checked_result(exit),
            Err(error) => {
                run.end().await;
                Err(error)
            }
        }
    }

    /// [`run_until`](Self::run_until) the question's whole running time, from now on.
    ///
    /// # Errors
    /// [`QuestionError`], with a text for the client.
    pub async fn run(
        &self,
        request: RequestId,
        args: Option<&Json>,
        progress: &watch::Sender<Option<Json>>,
        cancel: &CancellationToken,
    ) -> Result<Json, QuestionError> {
        self.run_until(request, args, now() + self.timeout, progress, cancel).await
    }

    fn name(&self) -> String {
        self.kind().to_string()
    }

    /// The text for standard input.
    fn checked_args(&self, args: Option<&Json>) -> Result<Vec<u8>, QuestionError> {
        let name = || self.name();
        if args.is_some_and(|args| args.as_str().len() > ARGS_BYTES) {
            return Err(QuestionError::ArgsTooLarge { name: name() });
        }
        let args = match args {
            None => json!({}),
            Some(args) => args.parse().map_err(|_| QuestionError::UnreadableArgs { name: name() })?,
        };
        if let Some(schema) = &self.args_schema {
            schema
                .check(&args, "args")
                .map_err(|mismatch| QuestionError::InvalidArgs { name: name(), mismatch })?;
        }
        Ok(format!("{args}\n").into_bytes())
    }

    fn command(&self, request: RequestId) -> Result<Command, QuestionError> {
        let mut program = self.program.clone();
        if is_bare_name(program.path()) {
            // Not left to the system, which would search relative entries of PATH in the home directory.
            let found = find_on_path(self.variables.path(), program.path());
            let missing = || QuestionError::NotStarted {
                name: self.name(),
                reason: self.program.not_started(std::io::ErrorKind::NotFound),
            };
            program = program.at(found.ok_or_else(missing)?);
        }
        let mut command = program.command();
        command.stdin(Stdio::piped());
        self.variables.apply(&mut command, request);
        Ok(command)
    }

    fn not_started(&self, error: &std::io::Error) -> QuestionError {
        let home = self.variables.home();
        // The system's error is the same for a missing program and a missing directory.
        if error.kind() == std::io::ErrorKind::NotFound && !home.is_dir() {
            return QuestionError::NoHome { name: self.name(), home: home.to_owned() };
        }
        QuestionError::NotStarted { name: self.name(), reason: self.program.not_started(error.kind()) }
    }

    fn exited(
        &self,
        exit: Result<Result<Exit, ReadError>, tokio::time::error::Elapsed>,
    ) -> Result<Exit, QuestionError> {
        let name = self.name();
        match exit {
            Ok(Ok(exit)) => Ok(exit),
            Ok(Err(ReadError::TooLong)) => Err(QuestionError::OutputTooLong { name }),
            Ok(Err(ReadError::Io(error))) => Err(QuestionError::Unreadable { name, reason: error.kind() }),
            Err(_) => Err(QuestionError::TimedOut { name, seconds: self.timeout.as_secs() }),
        }
    }

    fn checked_result(&self, exit: Exit) -> Result<Json, QuestionError> {
        let name = self.name();
        let Exit { status, result, stderr } = exit;
        if !status.success() {
            let stderr = Some(stderr).filter(|lines| !lines.is_empty());
            return Err(QuestionError::Failed { name, how: describe(status), stderr });
        }
        let bytes = result.as_str().len();
        if bytes > RESULT_BYTES {
            return Err(QuestionError::ResultTooLarge { name, bytes });
        }
        if let Some(schema) = &self.result_schema {
            let value = result.parse().unwrap_or(Value::Null);
            schema
                .check(&value, "the result")
                .map_err(|mismatch| QuestionError::InvalidResult { name, mismatch })?;
        }
        Ok(result)
    }
}

fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}

#[expect(clippy::disallowed_methods, reason = "the time limit follows tokio's clock")]
fn now() -> Instant {
    Instant::now()
}
