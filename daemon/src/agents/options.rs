//! What the command line says of agents. Each flag comes to the same as an entry of the configuration file.

use std::path::{Path, PathBuf};

use super::AgentsError;
use super::assemble::{host_and_port, server};
use super::config::Entry;

/// What the command line says of agents.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// Base URLs of OpenAI-compatible servers.
    pub openai: Vec<String>,
    /// Command lines that print models: a program and its arguments, between blanks.
    pub commands: Vec<String>,
    /// Files that hold models.
    pub files: Vec<PathBuf>,
    /// Whether to look for known programs on `PATH`. The configuration file has a say as well.
    pub detect: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { config: None, openai: Vec::new(), commands: Vec::new(), files: Vec::new(), detect: true }
    }
}

impl Options {
    /// The agents of the flags. Each has a profile, even where there is one of its type: with two of them, their
    /// identities would otherwise depend on which comes first.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, AgentsError> {
        let servers = self.openai.iter().map(|url| of_url(url));
        let commands = self.commands.iter().map(|line| of_command(line));
        let files = self.files.iter().map(|path| Ok(of_file(path)));
        servers.chain(commands).chain(files).collect()
    }
}

fn of_url(url: &str) -> Result<Entry, AgentsError> {
    let profile = host_and_port(&server(url)?);
    Ok(Entry::Openai { name: None, profile, url: url.to_owned(), api_key_env: None })
}

fn of_command(line: &str) -> Result<Entry, AgentsError> {
    let mut words = line.split_whitespace().map(str::to_owned);
    let program = words.next().map(PathBuf::from).ok_or(AgentsError::EmptyCommand)?;
    Ok(Entry::Command { name: None, profile: file_name(&program), program, args: words.collect() })
}

fn of_file(path: &Path) -> Entry {
    Entry::File { name: None, profile: file_name(path), path: path.to_owned() }
}

/// The last part of a path, for people.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
