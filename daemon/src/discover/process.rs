//! Running an agent program to its end, within bounds of memory.
//!
//! A program runs in a process group of its own. Whoever stops waiting for it kills the whole group: several agents are a
//! script that starts the real program, which would otherwise live on. Only what a program detached before it ended by
//! itself is left alone. What it prints goes to the discoverer that asked and nowhere else; its standard error is only
//! looked at for a wish to be logged in.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;

use super::DiscoveryError;
use super::group::{Group, Output};

/// Words of a program that wants its user to log in, in lower case.
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

/// A program with its arguments.
#[derive(Clone)]
pub(crate) struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    name: String,
}

/// Arguments may hold a secret, and what can be printed is logged some day.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Program").field(&self.path).finish()
    }
}

impl Program {
    /// The program at `path`; a bare name is looked for on `PATH` each time that it runs.
    pub(crate) fn new(path: PathBuf, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self { path, arguments: arguments.into_iter().map(Into::into).collect(), name }
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs it to its end. Dropped before that, it kills the program and all that the program started.
    pub(crate) async fn run(&self) -> Result<Output, DiscoveryError> {
        let child = self.command().spawn().map_err(|error| self.not_started(error.kind()))?;
        match Group::of(child).output().await {
            Ok(Some(output)) => Ok(output),
            Ok(None) => Err(self.unreadable()),
            Err(error) => Err(self.not_runnable(error.kind())),
        }
    }

    /// What it printed, if it ended well. An agent that is known here has a `login`: the arguments that log it in.
    pub(super) async fn list(&self, login: Option<&str>) -> Result<Vec<u8>, DiscoveryError> {
        let output = self.run().await?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let login = login.map(|login| format!("{} {login}", self.name));
        Err(match login {
            Some(login) if asks_to_log_in(&output.complaint, &login) => {
                DiscoveryError::NotLoggedIn { program: self.name.clone(), login }
            }
            // The arguments of a known agent are ours to tell. Another program's may hold a secret.
            known => self.failed(output.status, known.is_some()),
        })
    }

    /// It printed something else than it should have.
    pub(super) fn unreadable(&self) -> DiscoveryError {
        DiscoveryError::UnreadableOutput { program: self.name.clone() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        command.process_group(0);
        command
    }

    fn failed(&self, status: ExitStatus, with_arguments: bool) -> DiscoveryError {
        let arguments = if with_arguments { self.arguments.as_slice() } else { &[] };
        let words: Vec<&str> =
            std::iter::once(self.name.as_str()).chain(arguments.iter().map(String::as_str)).collect();
        let (program, command) = (self.name.clone(), words.join(" "));
        DiscoveryError::Failed { program, status: status.code(), command }
    }

    fn not_started(&self, reason: io::ErrorKind) -> DiscoveryError {
        match reason {
            io::ErrorKind::NotFound if self.path == Path::new(&self.name) => {
                DiscoveryError::NotInstalled { program: self.name.clone() }
            }
            io::ErrorKind::NotFound => {
                DiscoveryError::NotThere { program: self.name.clone(), path: self.path.display().to_string() }
            }
            reason => self.not_runnable(reason),
        }
    }

    fn not_runnable(&self, reason: io::ErrorKind) -> DiscoveryError {
        DiscoveryError::NotRunnable { program: self.name.clone(), reason }
    }
}

fn asks_to_log_in(complaint: &[u8], login: &str) -> bool {
    let complaint = String::from_utf8_lossy(complaint).to_lowercase();
    complaint.contains(&login.to_lowercase()) || LOGGED_OUT.iter().any(|words| complaint.contains(words))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::discover::script::executable;

    fn script(folder: &TempDir, body: &str) -> Program {
        Program::new(executable(folder.path(), "agent", body), ["list", "--key=secret"])
    }

    async fn failure(body: &str, login: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        script(&folder, body).list(login).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn all_that_it_prints_is_handed_over_and_its_complaints_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let printed = script(&folder, "echo \"$1\"; echo noise >&2; cat").list(None).await.unwrap();
        assert_eq!(printed, b"list\n");
    }

    #[tokio::test]
    async fn a_program_that_writes_a_lot_to_both_sides_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let both = "yes err | head -c 1000000 >&2; yes out | head -c 1000000; yes err | head -c 1000000 >&2";
        assert_eq!(script(&folder, both).list(None).await.unwrap().len(), 1_000_000);
    }

    #[tokio::test]
    async fn a_name_that_is_not_on_the_path_is_not_installed() {
        let error = Program::new("no-such-agent".into(), ["models"]).list(None).await.unwrap_err();
        let text = "no-such-agent is not installed on this machine, or not on the daemon's PATH";
        assert_eq!(error.to_string(), text);
    }

    #[tokio::test]
    async fn a_path_where_nothing_is_is_told() {
        let error = Program::new("/no/such/agent".into(), ["models"]).list(None).await.unwrap_err();
        assert_eq!(error.to_string(), "agent is not installed at /no/such/agent on this machine");
    }

    #[tokio::test]
    async fn a_file_that_is_not_executable_cannot_be_run() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent"), "").unwrap();
        let error = Program::new(folder.path().join("agent"), ["models"]).list(None).await.unwrap_err();
        assert_eq!(error.to_string(), "agent cannot be run on this machine: permission denied");
    }

    #[tokio::test]
    async fn a_failure_is_told_by_its_status_and_never_by_what_was_printed() {
        let body = "echo stack trace; echo stack trace >&2; exit 3";
        let known = "agent could not list its models (exit status 3); run \"agent list --key=secret\" on this \
                     machine to see why";
        assert_eq!(failure(body, Some("login")).await, known);
    }

    #[tokio::test]
    async fn the_arguments_of_an_unknown_program_are_not_told() {
        let text =
            "agent could not list its models (exit status 3); run \"agent\" on this machine to see why";
        assert_eq!(failure("exit 3", None).await, text);
        assert!(!format!("{:?}", Program::new("agent".into(), ["--key=secret"])).contains("secret"));
    }

    #[tokio::test]
    async fn a_program_that_was_killed_has_no_status() {
        let text = failure("kill -s KILL $$", None).await;
        assert!(text.contains("(killed by a signal)"), "{text}");
    }

    #[tokio::test]
    async fn a_known_program_that_asks_for_it_is_not_logged_in() {
        let complaints = ["Error: Not logged in", "401 Unauthorized: sk-secret", "run `agent login` first"];
        for complaint in complaints {
            let text = failure(&format!("echo '{complaint}' >&2; exit 1"), Some("login")).await;
            assert_eq!(text, "agent is not logged in: run \"agent login\" on this machine");
        }
    }

    #[tokio::test]
    async fn words_that_only_look_alike_are_not_a_wish_to_log_in() {
        let text = failure("echo 'could not load catalog in plugin' >&2; exit 1", Some("login")).await;
        assert!(text.contains("(exit status 1)"), "{text}");
    }

    #[tokio::test]
    async fn a_complaint_is_no_failure_if_the_program_ends_well() {
        let folder = tempfile::tempdir().unwrap();
        assert!(script(&folder, "echo 'not logged in' >&2").list(Some("login")).await.is_ok());
    }
}
