//! Runs an agent program to its end with bounded output.
//!
//! Standard output goes to the source only. Standard error is searched for a login request and then dropped.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use doorbell_protocol::ModelListResult;
use tokio::process::Command;

use super::error::SourceError;
use super::launch::AgentEnvironment;
use super::process_group::{Output, ProcessGroup};

/// What programs without a login print to standard error, in lower case.
const LOGGED_OUT: [&str; 9] = [
    "not logged in",
    "not signed in",
    "not authenticated",
    "please log in",
    "please login",
    "please sign in",
    "login required",
    "authentication required",
    "unauthorized",
];

/// A program and its arguments.
#[derive(Clone)]
pub(crate) struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    name: String,
    /// Without it, the environment of this process.
    environment: Option<AgentEnvironment>,
    /// Without it, the working directory of this process.
    directory: Option<PathBuf>,
}

/// Hides the arguments, which may contain a secret.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Program").field(&self.path).finish()
    }
}

impl Program {
    /// Each run searches `PATH` for a bare name.
    pub(crate) fn new(path: PathBuf, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { path, arguments, name, environment: None, directory: None }
    }

    /// The same program with exactly these variables.
    pub(super) fn in_environment(self, environment: AgentEnvironment) -> Self {
        Self { environment: Some(environment), ..self }
    }

    /// The same program in another working directory.
    pub(super) fn in_directory(self, directory: PathBuf) -> Self {
        Self { directory: Some(directory), ..self }
    }

    /// The same program at another path, with the arguments and the name.
    pub(crate) fn at(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }

    /// The path, or a bare name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file name, for error texts.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The command line with the file name, for programs whose arguments come from this crate.
    pub(super) fn command_line(&self) -> String {
        let words = std::iter::once(&self.name).chain(&self.arguments);
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Runs the program to its end. Dropping the future kills the program and the processes that it started.
    pub(crate) async fn run(&self) -> Result<Output, SourceError> {
        let group = ProcessGroup::spawn(self.command()).map_err(|error| self.not_started(error.kind()))?;
        match group.output().await {
            Ok(Some(output)) => Ok(output),
            Ok(None) => Err(self.invalid_output()),
            Err(error) => Err(self.not_runnable(error.kind())),
        }
    }

    /// The list that `parse` makes of the standard output. A program that fails after it printed a list of models has answered;
    /// `parse` decides whether a list is complete. A known agent program has a `login`: its arguments for logging in.
    pub(super) async fn models(
        &self,
        login: Option<&str>,
        parse: impl FnOnce(&[u8]) -> Result<ModelListResult, SourceError>,
    ) -> Result<ModelListResult, SourceError> {
        let output = self.run().await?;
        match parse(&output.stdout) {
            Ok(list) if !list.models.is_empty() => Ok(list),
            parsed if output.status.success() => parsed,
            _ => Err(self.failure(output.status, &output.stderr, login)),
        }
    }

    /// The error for a program that exited with a failure.
    pub(super) fn failure(&self, status: ExitStatus, stderr: &[u8], login: Option<&str>) -> SourceError {
        match login {
            Some(login) if self.asks_for_login(stderr, login) => self.not_logged_in(login),
            // The arguments of a known program come from this crate. Those of another may contain a secret.
            login => self.failed(status, login.is_some()),
        }
    }

    /// The error for a known program whose arguments for logging in are `login`; empty if it asks when started by hand.
    pub(super) fn not_logged_in(&self, login: &str) -> SourceError {
        let login = format!("{} {login}", self.name).trim_end().to_owned();
        SourceError::NotLoggedIn { program: self.name.clone(), login }
    }

    fn asks_for_login(&self, stderr: &[u8], login: &str) -> bool {
        let stderr = String::from_utf8_lossy(stderr).to_lowercase();
        let names_command =
            !login.is_empty() && stderr.contains(&format!("{} {login}", self.name).to_lowercase());
        names_command || LOGGED_OUT.iter().any(|words| stderr.contains(words))
    }

    pub(super) fn invalid_output(&self) -> SourceError {
        SourceError::InvalidOutput { program: self.name.clone() }
    }

    /// The command with both outputs as pipes, and without an input.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(environment) = &self.environment {
            command.env_clear().envs(environment.variables());
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    fn failed(&self, status: ExitStatus, with_arguments: bool) -> SourceError {
        let command = if with_arguments { self.command_line() } else { self.name.clone() };
        SourceError::Failed { program: self.name.clone(), status: status.code(), command }
    }

    /// The error for a program that the system did not start.
    pub(crate) fn not_started(&self, reason: io::ErrorKind) -> SourceError {
        match reason {
            io::ErrorKind::NotFound if self.path == Path::new(&self.name) => {
                SourceError::NotInstalled { program: self.name.clone() }
            }
            io::ErrorKind::NotFound => SourceError::NotInstalledAt {
                program: self.name.clone(),
                path: self.path.display().to_string(),
            },
            reason => self.not_runnable(reason),
        }
    }

    pub(super) fn not_runnable(&self, reason: io::ErrorKind) -> SourceError {
        SourceError::NotRunnable { program: self.name.clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorbell_protocol::Model;
    use tempfile::TempDir;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::unix::pipe::{OpenOptions, Receiver};

    use super::*;
    use crate::sources::script::executable;
    use crate::sources::supported;

    impl Program {
        /// The standard output of a successful run.
        async fn list(&self, login: Option<&str>) -> Result<Vec<u8>, SourceError> {
            let output = self.run().await?;
            if output.status.success() {
                return Ok(output.stdout);
            }
            Err(self.failure(output.status, &output.stderr, login))
        }
    }

    fn script(folder: &TempDir, body: &str) -> Program {
        Program::new(executable(folder.path(), "agent", body), ["list", "--key=secret"])
    }

    async fn failure(body: &str, login: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        script(&folder, body).list(login).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn returns_stdout_without_stderr() {
        let folder = tempfile::tempdir().unwrap();
        let output = script(&folder, "echo \"$1\"; echo noise >&2; cat").list(None).await.unwrap();
        assert_eq!(output, b"list\n");
    }

    #[tokio::test]
    async fn does_not_block_on_long_stdout_and_stderr() {
        let folder = tempfile::tempdir().unwrap();
        let both = "yes err | head -c 1000000 >&2; yes out | head -c 1000000; yes err | head -c 1000000 >&2";
        assert_eq!(script(&folder, both).list(None).await.unwrap().len(), 1_000_000);
    }

    #[tokio::test]
    async fn bare_name_not_on_path_is_not_installed() {
        let error = Program::new("no-such-agent".into(), ["models"]).list(None).await.unwrap_err();
        let text = "no-such-agent is not installed on this machine, or not on the daemon's PATH";
        assert_eq!(error.to_string(), text);
    }

    #[tokio::test]
    async fn error_names_path_without_program() {
        let error = Program::new("/no/such/agent".into(), ["models"]).list(None).await.unwrap_err();
        assert_eq!(error.to_string(), "agent is not installed at /no/such/agent on this machine");
    }

    #[tokio::test]
    async fn error_names_file_without_execute_permission() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent"), "").unwrap();
        let error = Program::new(folder.path().join("agent"), ["models"]).list(None).await.unwrap_err();
        assert_eq!(error.to_string(), "agent cannot be run on this machine: permission denied");
    }

    #[tokio::test]
    async fn failure_has_status_but_no_output() {
        let body = "echo stack trace; echo stack trace >&2; exit 3";
        let text = "agent could not list its models (exit status 3); run \"agent list --key=secret\" on this \
                     machine to see why";
        assert_eq!(failure(body, Some("login")).await, text);
    }

    #[tokio::test]
    async fn failure_of_unknown_program_hides_arguments() {
        let text =
            "agent could not list its models (exit status 3); run \"agent\" on this machine to see why";
        assert_eq!(failure("exit 3", None).await, text);
        assert!(!format!("{:?}", Program::new("agent".into(), ["--key=secret"])).contains("secret"));
    }

    #[tokio::test]
    async fn killed_program_has_no_status() {
        let text = failure("kill -s KILL $$", None).await;
        assert!(text.contains("(killed by a signal)"), "{text}");
    }

    #[tokio::test]
    async fn stderr_with_login_request_is_not_logged_in() {
        let requests = ["Error: Not logged in", "401 Unauthorized: sk-secret", "run `agent login` first"];
        for request in requests {
            let text = failure(&format!("echo '{request}' >&2; exit 1"), Some("login")).await;
            assert_eq!(text, "agent is not logged in: run \"agent login\" on this machine");
        }
    }

    #[tokio::test]
    async fn similar_words_are_no_login_request() {
        let text = failure("echo 'could not load catalog in plugin' >&2; exit 1", Some("login")).await;
        assert!(text.contains("(exit status 1)"), "{text}");
    }

    #[tokio::test]
    async fn stderr_of_successful_program_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        assert!(script(&folder, "echo 'not logged in' >&2").list(Some("login")).await.is_ok());
    }

    /// A script with a child. Both hold the pipe `fifo` open.
    fn script_with_child(folder: &TempDir, body: &str) -> Program {
        let hold = "exec 3> \"$(dirname \"$0\")/fifo\"; sleep 1000 & echo started >&3";
        Program::new(executable(folder.path(), "agent", &format!("{hold}; {body}")), ["list"])
    }

    /// The pipe's other side. It reaches its end when the script and its child have ended.
    fn fifo(folder: &TempDir) -> Receiver {
        let path = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        OpenOptions::new().open_receiver(path).unwrap()
    }

    async fn assert_ends(mut fifo: Receiver) {
        let end = async { fifo.read_to_end(&mut Vec::new()).await.unwrap() };
        tokio::time::timeout(Duration::from_secs(20), end).await.expect("a process is still running");
    }

    /// The list of a script that prints one id a line.
    async fn ids(program: &Program) -> Result<Vec<String>, SourceError> {
        let parse = |output: &[u8]| {
            let text = String::from_utf8_lossy(output);
            let entry = |id: &str| Model { id: id.to_owned(), label: id.to_owned(), ..Model::default() };
            let is_list = text.lines().all(|line| line.starts_with("m/"));
            let models = is_list.then(|| text.lines().map(entry)).ok_or_else(|| program.invalid_output())?;
            supported(models).map_err(|_| program.invalid_output())
        };
        let list = program.models(Some("login"), parse).await?;
        Ok(list.models.iter().map(|entry| entry.model().id).collect())
    }

    #[tokio::test]
    async fn failure_after_list_is_an_answer() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(ids(&script(&folder, "echo m/a; exit 3")).await.unwrap(), ["m/a"]);
    }

    #[tokio::test]
    async fn failure_without_list_is_explained() {
        for body in ["exit 3", "echo oops; exit 3"] {
            let folder = tempfile::tempdir().unwrap();
            let error = ids(&script(&folder, body)).await.unwrap_err().to_string();
            assert!(error.contains("(exit status 3)"), "{body}: {error}");
        }
    }

    #[tokio::test]
    async fn empty_list_of_successful_program_is_an_answer() {
        let folder = tempfile::tempdir().unwrap();
        assert!(ids(&script(&folder, "true")).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn child_that_holds_output_does_not_delay_list() {
        let folder = tempfile::tempdir().unwrap();
        let mut fifo = fifo(&folder);
        let hold = "exec 3> \"$(dirname \"$0\")/fifo\"; echo started >&3";
        let program = script(&folder, &format!("{hold}; sleep 1000 & echo m/a"));
        let listed = tokio::time::timeout(Duration::from_secs(20), ids(&program)).await;
        assert_eq!(listed.expect("waited for the child").unwrap(), ["m/a"]);
        fifo.read_exact(&mut [0; 8]).await.unwrap();
        assert_ends(fifo).await;
    }

    #[tokio::test]
    async fn endless_output_kills_program_and_children() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = fifo(&folder);
        let error = script_with_child(&folder, "exec yes").list(None).await.unwrap_err();
        let text = "agent printed something other than a list of models; is it up to date?";
        assert_eq!(error.to_string(), text);
        assert_ends(fifo).await;
    }

    #[tokio::test]
    async fn drop_kills_program_and_children() {
        let folder = tempfile::tempdir().unwrap();
        let mut fifo = fifo(&folder);
        let program = script_with_child(&folder, "wait");
        let running = tokio::spawn(async move { program.list(None).await.is_ok() });
        fifo.readable().await.unwrap();
        let mut started = [0; 8];
        fifo.read_exact(&mut started).await.unwrap();
        running.abort();
        assert_ends(fifo).await;
    }
}
