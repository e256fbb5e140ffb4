//! A machine of a test's own: a folder that is all of `PATH`, and an environment with nothing of the real one.

use std::fs::{self, File};
use std::process::Command as Shell;

use tempfile::TempDir;
use tokio::process::Command;

use super::process::{Ended, Printed, Running, printed_slowly};

/// A machine.
#[derive(Debug)]
pub struct Machine {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Machine {
    /// With nothing on it.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// With an environment variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a shell script on `PATH`.
    ///
    /// Another process writes it: see the same in the daemon's own tests.
    pub fn with_program(self, name: &str, body: &str) -> Self {
        let write = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#;
        let path = self.folder.path().join(name);
        assert!(Shell::new("sh").args(["-c", write]).arg(path).arg(body).status().unwrap().success());
        self
    }

    /// With a file where commands are run.
    pub fn with_file(self, name: &str, text: &str) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    /// What is in a file where commands are run; nothing where there is none.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// What programs on it write into the pipe `name`. It ends with the last of them.
    pub fn pipe(&self, name: &str) -> Printed {
        let path = self.folder.path().join(name);
        assert!(Shell::new("mkfifo").arg(&path).status().unwrap().success());
        printed_slowly(|| File::open(path))
    }

    /// `doorbell`, ready to be started.
    pub fn doorbell(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorbell-under-test"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("PATH", self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts `doorbell`.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.doorbell(arguments))
    }

    /// Runs `doorbell` to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end().await
    }
}
