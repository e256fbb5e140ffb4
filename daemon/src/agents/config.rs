//! The configuration of agents and questions: the TOML file, and what a flag stands for.
//!
//! The file is parsed strictly, and errors name the line: a mistyped key would otherwise be ignored silently. Relative
//! paths start at the file's folder. The file holds no secret: `api_key_env` is the name of an environment variable.

use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::Deserialize;

use super::environment::is_bare_name;
use super::error::AgentsError;
use crate::questions::QuestionConfig;

/// The configuration file.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// Whether to search `PATH` for known programs.
    pub(super) detect: bool,
    /// In the file's order.
    #[serde(rename = "agent")]
    pub(super) agents: Vec<AgentConfig>,
    /// In the file's order.
    #[serde(rename = "question")]
    pub(super) questions: Vec<QuestionConfig>,
}

/// One `[[agent]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum AgentConfig {
    Codex {
        name: Option<String>,
        #[serde(default)]
        profile: String,
        program: Option<PathBuf>,
    },
    Opencode {
        name: Option<String>,
        #[serde(default)]
        profile: String,
        program: Option<PathBuf>,
    },
    /// An OpenAI-compatible server.
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
    /// A file with models.
    File {
        name: Option<String>,
        #[serde(default)]
        profile: String,
        path: PathBuf,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self { detect: true, agents: Vec::new(), questions: Vec::new() }
    }
}

impl Config {
    pub(super) fn read(path: &Path) -> Result<Self, AgentsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|reason| AgentsError::ConfigUnreadable { path: path.to_owned(), reason })?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|reason| AgentsError::ConfigInvalid { path: path.to_owned(), reason: reason.into() })?;
        let folder = folder(path);
        config.agents.iter_mut().for_each(|agent| agent.make_relative_to(folder));
        Ok(config)
    }
}

/// From flags. Each agent has a profile, even a single one: otherwise the identities of two would depend on their order.
impl AgentConfig {
    pub(super) fn from_url(url: &str) -> Result<Self, AgentsError> {
        let profile = host_and_port(&parse_server_url(url)?);
        Ok(Self::Openai { name: None, profile, url: url.to_owned(), api_key_env: None })
    }

    pub(super) fn from_command_line(line: &str) -> Result<Self, AgentsError> {
        let mut words = line.split_whitespace().map(str::to_owned);
        let program = words.next().map(PathBuf::from).ok_or(AgentsError::EmptyCommand)?;
        Ok(Self::Command { name: None, profile: file_name(&program), program, args: words.collect() })
    }

    pub(super) fn from_path(path: &Path) -> Self {
        Self::File { name: None, profile: file_name(path), path: path.to_owned() }
    }
}

impl AgentConfig {
    /// Every [type](Self::provider).
    pub(super) const PROVIDERS: [&str; 5] = ["codex", "opencode", "openai", "command", "file"];

    /// The type in a registration.
    pub(super) fn provider(&self) -> &'static str {
        match self {
            Self::Codex { .. } => "codex",
            Self::Opencode { .. } => "opencode",
            Self::Openai { .. } => "openai",
            Self::Command { .. } => "command",
            Self::File { .. } => "file",
        }
    }

    /// Distinguishes agents of one provider.
    pub(super) fn profile(&self) -> &str {
        match self {
            Self::Codex { profile, .. }
            | Self::Opencode { profile, .. }
            | Self::Openai { profile, .. }
            | Self::Command { profile, .. }
            | Self::File { profile, .. } => profile,
        }
    }

    /// The configured name, or one made of the type and what distinguishes the agent.
    pub(super) fn display_name(&self) -> Result<String, AgentsError> {
        if let Some(name) = self.name() {
            return Ok(name.to_owned());
        }
        let profile = self.profile().to_owned();
        let (name, detail) = match self {
            Self::Codex { .. } => ("Codex".to_owned(), profile),
            Self::Opencode { .. } => ("OpenCode".to_owned(), profile),
            Self::Openai { url, .. } if profile.is_empty() => {
                ("OpenAI-compatible".to_owned(), host_and_port(&parse_server_url(url)?))
            }
            Self::Openai { .. } => ("OpenAI-compatible".to_owned(), profile),
            Self::Command { program: path, .. } | Self::File { path, .. } => (file_name(path), profile),
        };
        let is_redundant = detail.is_empty() || detail == name;
        Ok(if is_redundant { name } else { format!("{name} ({detail})") })
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Codex { name, .. }
            | Self::Opencode { name, .. }
            | Self::Openai { name, .. }
            | Self::Command { name, .. }
            | Self::File { name, .. } => name.as_deref().filter(|name| !name.is_empty()),
        }
    }

    fn make_relative_to(&mut self, folder: &Path) {
        match self {
            Self::Codex { program: Some(path), .. }
            | Self::Opencode { program: Some(path), .. }
            | Self::Command { program: path, .. }
                // A bare name is searched for on PATH.
                if is_bare_name(path) => {}
            Self::Codex { program: Some(path), .. }
            | Self::Opencode { program: Some(path), .. }
            | Self::Command { program: path, .. }
            | Self::File { path, .. } => *path = folder.join(&path),
            Self::Codex { .. } | Self::Opencode { .. } | Self::Openai { .. } => {}
        }
    }
}

/// An http or https URL with a host.
pub(super) fn parse_server_url(url: &str) -> Result<Url, AgentsError> {
    let parsed =
        url.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // An unparsable URL may contain secrets, so the error shows no user, query or fragment.
    parsed.ok_or_else(|| {
        let shown = url.rsplit('@').next().and_then(|rest| rest.split(['?', '#']).next());
        AgentsError::BadUrl { shown: shown.unwrap_or_default().to_owned() }
    })
}

/// The folder in which the relative paths of the file at `path` start.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn host_and_port(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
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
    fn empty_file_equals_no_file() {
        let config = read("").unwrap();
        assert!(config.detect && config.agents.is_empty());
        assert!(!read("detect = false").unwrap().detect);
    }

    #[test]
    fn rejects_wrong_fields_with_file_and_line() {
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
        for (agent, expected) in cases {
            let error = read(&format!("detect = true\n[[agent]]\n{agent}")).unwrap_err();
            assert!(error.contains("doorbell.toml: ") && error.contains(expected), "{agent}: {error}");
            assert!(error.contains("at line 2") || error.contains("at line 3"), "{agent}: {error}");
        }
    }

    #[test]
    fn rejects_wrong_fields_of_question_with_line() {
        let cases = [
            ("program = ['df']", "missing field `name`"),
            ("name = 'q'", "missing field `program`"),
            ("name = 'q'\nprogram = 'df'", "invalid type"),
            ("name = 'q'\nprogram = ['df']\nargs = []", "unknown field `args`"),
            ("name = 'q'\nprogram = ['df']\nargs_schema = 'object'", "invalid type"),
            ("name = 'q'\nprogram = ['df']\ntimeout_s = 1.5", "invalid type"),
        ];
        for (question, expected) in cases {
            let error = read(&format!("detect = true\n[[question]]\n{question}")).unwrap_err();
            assert!(error.contains("doorbell.toml: ") && error.contains(expected), "{question}: {error}");
            assert!((2..=5).any(|line| error.contains(&format!("at line {line}"))), "{question}: {error}");
        }
    }

    #[test]
    fn every_provider_is_a_type_of_the_file() {
        let fields = "url = 'http://localhost'\nprogram = 'a'\npath = 'b'";
        for provider in AgentConfig::PROVIDERS {
            // A type takes some of the fields only.
            let parsed = fields
                .split('\n')
                .chain([""])
                .find_map(|field| read(&format!("[[agent]]\ntype = '{provider}'\n{field}")).ok());
            assert_eq!(parsed.unwrap().agents[0].provider(), provider);
        }
    }

    #[test]
    fn rejects_unknown_setting() {
        assert!(read("detects = true").unwrap_err().contains("unknown field `detects`"));
    }

    #[test]
    fn error_names_missing_file() {
        let error = Config::read(Path::new("/no/such/doorbell.toml")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read /no/such/doorbell.toml: "), "{error}");
    }

    #[test]
    fn relative_paths_start_at_folder_but_not_bare_names() {
        for (program, expected) in
            [("lister", "lister"), ("bin/lister", "/etc/bin/lister"), ("/lister", "/lister")]
        {
            let program = PathBuf::from(program);
            let mut agent =
                AgentConfig::Command { name: None, profile: String::new(), program, args: Vec::new() };
            agent.make_relative_to(Path::new("/etc"));
            assert!(matches!(&agent, AgentConfig::Command { program, .. } if program == Path::new(expected)));
        }
    }
}
