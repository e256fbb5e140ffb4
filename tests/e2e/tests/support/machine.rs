//! A machine of one test: a folder that is its home directory and all of `PATH`, and an environment without variables of the real one.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command as Shell;

use tempfile::TempDir;
use tokio::process::Command;

use super::process::{Ended, Output, Running, collect_blocking};

#[derive(Debug)]
pub struct Machine {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Machine {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a shell script to `PATH`.
    ///
    /// Another process writes it: a concurrent fork of this one could keep it open for writing, and running it would
    /// fail with `ETXTBSY`.
    pub fn with_program(self, name: &str, body: &str) -> Self {
        let write = r#"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 755 "$0""#;
        let path = self.folder.path().join(name);
        assert!(Shell::new("sh").args(["-c", write]).arg(path).arg(body).status().unwrap().success());
        self
    }

    /// Adds a file to the working directory.
    pub fn with_file(self, name: &str, text: &str) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    /// The path of `name` in the working directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The content of a file in the working directory; empty when it is missing.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// The path of `name` in the state directory.
    pub fn state_path(&self, name: &str) -> PathBuf {
        let directory = if cfg!(target_os = "macos") {
            "Library/Application Support/doorbell"
        } else {
            ".local/state/doorbell"
        };
        self.folder.path().join(directory).join(name)
    }

    /// Adds a file to the state directory, for its owner only.
    pub fn with_state(self, name: &str, text: &str) -> Self {
        let path = self.state_path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        self
    }

    /// The content of a file in the state directory; `None` when it is missing.
    pub fn state(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.state_path(name)).ok()
    }

    /// Creates the named pipe `name` and collects what programs write into it, until the last of them ends.
    pub fn collect_pipe(&self, name: &str) -> Output {
        let path = self.folder.path().join(name);
        assert!(Shell::new("mkfifo").arg(&path).status().unwrap().success());
        collect_blocking(|| File::open(path))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorbell-under-test"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("PATH", self.folder.path()).env("HOME", self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end().await
    }

    /// Runs it with `input` on standard input.
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        Running::start_with_input(self.command(arguments), input).await.end().await
    }
}
