//! The configuration file: TOML, and strict. What is not understood is an error that names the line, since a key that is
//! overlooked is one that somebody relies on.
//!
//! Paths start at the file's own folder, so that it means the same wherever the daemon is started. No secret is in it:
//! `api_key_env` is the *name* of an environment variable.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::AgentsError;
use super::detect::is_bare;

/// What a configuration file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Whether to look for known programs on `PATH`.
    #[serde(default = "yes")]
    pub(super) detect: bool,
    /// The agents, in the file's order.
    #[serde(default, rename = "agent")]
    pub(super) agents: Vec<Entry>,
}

/// One agent as it is configured, by its type.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Entry {
    /// Codex.
    Codex {
        name: Option<String>,
        #[serde(default)]
        profile: String,
        program: Option<PathBuf>,
    },
    /// OpenCode.
    Opencode {
        name: Option<String>,
        #[serde(default)]
        profile: String,
        program: Option<PathBuf>,
    },
    /// A server that speaks OpenAI's API.
    Openai {
        name: Option<String>,
        #[serde(default)]
        profile: String,
        url: String,
        api_key_env: Option<String>,
    },
    /// A program that prints models.
    Command {
        name: Option<String>,
        #[serde(default)]
        profile: String,
        program: PathBuf,
        #[serde(default)]
        args: Vec<String>,
    },
    /// A file that holds models.
    File {
        name: Option<String>,
        #[serde(default)]
        profile: String,
        path: PathBuf,
    },
}

fn yes() -> bool {
    true
}

impl Default for Config {
    fn default() -> Self {
        Self { detect: yes(), agents: Vec::new() }
    }
}

impl Config {
    /// What the file at `path` says.
    pub(super) fn read(path: &Path) -> Result<Self, AgentsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|reason| AgentsError::ConfigUnreadable { path: path.to_owned(), reason })?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|reason| AgentsError::ConfigInvalid { path: path.to_owned(), reason: reason.into() })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.agents.iter_mut().for_each(|entry| entry.start_at(folder));
        Ok(config)
    }
}

impl Entry {
    /// The type, as it is registered.
    pub(super) fn provider(&self) -> &'static str {
        match self {
            Self::Codex { .. } => "codex",
            Self::Opencode { .. } => "opencode",
            Self::Openai { .. } => "openai",
            Self::Command { .. } => "command",
            Self::File { .. } => "file",
        }
    }

    /// What people shall see, if that was said.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Codex { name, .. }
            | Self::Opencode { name, .. }
            | Self::Openai { name, .. }
            | Self::Command { name, .. }
            | Self::File { name, .. } => name.as_deref().filter(|name| !name.is_empty()),
        }
    }

    /// What tells it apart from others of its type.
    pub(super) fn profile(&self) -> &str {
        match self {
            Self::Codex { profile, .. }
            | Self::Opencode { profile, .. }
            | Self::Openai { profile, .. }
            | Self::Command { profile, .. }
            | Self::File { profile, .. } => profile,
        }
    }

    fn start_at(&mut self, folder: &Path) {
        match self {
            Self::Codex { program: Some(path), .. }
            | Self::Opencode { program: Some(path), .. }
            | Self::Command { program: path, .. }
                // A bare name is looked for on PATH.
                if is_bare(path) => {}
            Self::Codex { program: Some(path), .. }
            | Self::Opencode { program: Some(path), .. }
            | Self::Command { program: path, .. }
            | Self::File { path, .. } => *path = folder.join(&path),
            Self::Codex { .. } | Self::Opencode { .. } | Self::Openai { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorbell.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_says_what_no_file_says() {
        let config = read("").unwrap();
        assert!(config.detect && config.agents.is_empty());
        assert!(!read("detect = false").unwrap().detect);
    }

    #[test]
    fn what_does_not_belong_together_is_refused_with_file_and_line() {
        let cases = [
            ("type = 'codex'\nurl = 'http://localhost'", "unknown field `url`"),
            ("type = 'openai'\nname = 'a'", "missing field `url`"),
            ("type = 'command'", "missing field `program`"),
            ("type = 'file'", "missing field `path`"),
            ("type = 'file'\npath = 'a'\nargs = []", "unknown field `args`"),
            ("type = 'other'", "unknown variant `other`"),
            ("name = 'a'", "missing field `type`"),
            ("type = 'codex'\nprofile = 1", "invalid type"),
        ];
        for (entry, complaint) in cases {
            let error = read(&format!("detect = true\n[[agent]]\n{entry}")).unwrap_err();
            assert!(error.contains("doorbell.toml: ") && error.contains(complaint), "{entry}: {error}");
            assert!(error.contains("at line 2") || error.contains("at line 3"), "{entry}: {error}");
        }
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        assert!(read("detects = true").unwrap_err().contains("unknown field `detects`"));
    }

    #[test]
    fn a_missing_file_is_told() {
        let error = Config::read(Path::new("/no/such/doorbell.toml")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read /no/such/doorbell.toml: "), "{error}");
    }

    #[test]
    fn a_bare_program_is_left_to_the_path_and_other_paths_start_at_the_folder() {
        for (program, expected) in
            [("lister", "lister"), ("bin/lister", "/etc/bin/lister"), ("/lister", "/lister")]
        {
            let (program, args) = (PathBuf::from(program), Vec::new());
            let mut entry = Entry::Command { name: None, profile: String::new(), program, args };
            entry.start_at(Path::new("/etc"));
            assert!(matches!(&entry, Entry::Command { program, .. } if program == Path::new(expected)));
        }
    }
}
