//! The configuration of agents and questions: the TOML file, and what a flag stands for.
//!
//! The file is parsed strictly, and errors name the line: a mistyped key would otherwise be ignored silently. Relative
//! paths start at the file's folder. The file holds no secret: `api_key_env` is the name of an environment variable.

use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::Deserialize;

use super::builder::Agent;
use super::environment::is_bare_name;
use super::error::AgentsError;
use super::known::{self, KNOWN};
use super::machine;
use crate::questions::QuestionConfig;
use crate::sources::launch::{KnownProgram, is_of_daemon};

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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Fields")]
pub(super) struct AgentConfig {
    name: Option<String>,
    /// Distinguishes agents of one provider.
    profile: String,
    /// Variables that the program gets although they hold keys of other agents.
    pub(super) env: Vec<String>,
    pub(super) kind: AgentKind,
}

/// What a type needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AgentKind {
    /// A known agent program, and where it is if not on `PATH`.
    Known { known: &'static KnownProgram, program: Option<PathBuf> },
    /// An OpenAI-compatible server.
    Openai { url: String, api_key_env: Option<String> },
    /// A program that prints models.
    Command { program: PathBuf, args: Vec<String> },
    /// A file with models.
    File { path: PathBuf },
    /// The machine itself, without models.
    Machine,
}

/// The keys of all types. Serde's tagged enums have their variants at compile time; the known programs are a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    r#type: String,
    name: Option<String>,
    #[serde(default)]
    profile: String,
    program: Option<PathBuf>,
    args: Option<Vec<String>>,
    url: Option<String>,
    api_key_env: Option<String>,
    path: Option<PathBuf>,
    env: Option<Vec<String>>,
}

impl TryFrom<Fields> for AgentConfig {
    type Error = String;

    fn try_from(mut fields: Fields) -> Result<Self, String> {
        let kind = fields.take_kind()?;
        let env = match kind {
            AgentKind::Known { .. } | AgentKind::Command { .. } => fields.env.take().unwrap_or_default(),
            AgentKind::Openai { .. } | AgentKind::File { .. } | AgentKind::Machine => Vec::new(),
        };
        fields.reject_rest()?;
        if let Some(name) = env.iter().find(|name| is_of_daemon(name)) {
            return Err(format!(
                "\"env\" names {name}, a variable of the daemon that no agent gets; remove it"
            ));
        }
        Ok(Self { name: fields.name, profile: fields.profile, env, kind })
    }
}

impl Fields {
    fn take_kind(&mut self) -> Result<AgentKind, String> {
        let missing =
            |field: &str| format!("missing field `{field}` of an agent of type \"{}\"", self.r#type);
        Ok(match self.r#type.as_str() {
            "openai" => AgentKind::Openai {
                url: self.url.take().ok_or_else(|| missing("url"))?,
                api_key_env: self.api_key_env.take(),
            },
            "command" => AgentKind::Command {
                program: self.program.take().ok_or_else(|| missing("program"))?,
                args: self.args.take().unwrap_or_default(),
            },
            "file" => AgentKind::File { path: self.path.take().ok_or_else(|| missing("path"))? },
            Agent::MACHINE => AgentKind::Machine,
            other => {
                let known = known::find(other).ok_or_else(|| {
                    let providers = AgentConfig::providers().join(", ");
                    format!("unknown type \"{other}\" of an agent; the types are {providers}")
                })?;
                AgentKind::Known { known, program: self.program.take() }
            }
        })
    }

    /// What is left after [`take_kind`](Self::take_kind) belongs to another type.
    fn reject_rest(&self) -> Result<(), String> {
        let rest = [
            ("program", self.program.is_some()),
            ("args", self.args.is_some()),
            ("url", self.url.is_some()),
            ("api_key_env", self.api_key_env.is_some()),
            ("path", self.path.is_some()),
            ("env", self.env.is_some()),
        ];
        match rest.into_iter().find(|(_, is_set)| *is_set) {
            None => Ok(()),
            Some((field, _)) => {
                Err(format!("unknown field `{field}` of an agent of type \"{}\"", self.r#type))
            }
        }
    }
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
        Self::new(AgentKind::Openai { url: url.to_owned(), api_key_env: None }).with_profile()
    }

    pub(super) fn from_command_line(line: &str) -> Result<Self, AgentsError> {
        let mut words = line.split_whitespace().map(str::to_owned);
        let program = words.next().map(PathBuf::from).ok_or(AgentsError::EmptyCommand)?;
        Self::new(AgentKind::Command { program, args: words.collect() }).with_profile()
    }

    pub(super) fn from_path(path: &Path) -> Result<Self, AgentsError> {
        Self::new(AgentKind::File { path: path.to_owned() }).with_profile()
    }

    fn with_profile(self) -> Result<Self, AgentsError> {
        Ok(Self { profile: self.kind.detail()?, ..self })
    }
}

impl AgentConfig {
    /// Without name and profile.
    pub(super) fn new(kind: AgentKind) -> Self {
        Self { name: None, profile: String::new(), env: Vec::new(), kind }
    }

    /// Gives agents of one type that are not programs, and have no profile, a profile of what distinguishes them. A single one keeps
    /// its empty profile. None depends on the order.
    pub(super) fn derive_profiles(agents: &mut [Self]) -> Result<(), AgentsError> {
        for provider in ["openai", "command", "file"] {
            let without = |agent: &&mut Self| agent.provider() == provider && agent.profile.is_empty();
            let mut agents: Vec<_> = agents.iter_mut().filter(without).collect();
            if agents.len() > 1 {
                for agent in &mut agents {
                    agent.profile = agent.kind.detail()?;
                }
            }
        }
        Ok(())
    }

    /// Every [type](Self::provider).
    pub(super) fn providers() -> Vec<&'static str> {
        KNOWN
            .iter()
            .map(|program| program.provider)
            .chain(["openai", "command", "file", Agent::MACHINE])
            .collect()
    }

    /// The type in a registration.
    pub(super) fn provider(&self) -> &'static str {
        match self.kind {
            AgentKind::Known { known, .. } => known.provider,
            AgentKind::Openai { .. } => "openai",
            AgentKind::Command { .. } => "command",
            AgentKind::File { .. } => "file",
            AgentKind::Machine => Agent::MACHINE,
        }
    }

    /// Distinguishes agents of one provider.
    pub(super) fn profile(&self) -> &str {
        &self.profile
    }

    /// The configured name, or one made of the type and what distinguishes the agent.
    pub(super) fn display_name(&self) -> Result<String, AgentsError> {
        if let Some(name) = self.name.as_deref().filter(|name| !name.is_empty()) {
            return Ok(name.to_owned());
        }
        let profile = self.profile.clone();
        let (name, detail) = match &self.kind {
            AgentKind::Known { known, .. } => (known.name.to_owned(), profile),
            AgentKind::Openai { .. } if profile.is_empty() => {
                ("OpenAI-compatible".to_owned(), self.kind.detail()?)
            }
            AgentKind::Openai { .. } => ("OpenAI-compatible".to_owned(), profile),
            AgentKind::Command { .. } | AgentKind::File { .. } | AgentKind::Machine => {
                (self.kind.detail()?, profile)
            }
        };
        let is_redundant = detail.is_empty() || detail == name;
        Ok(if is_redundant { name } else { format!("{name} ({detail})") })
    }

    fn make_relative_to(&mut self, folder: &Path) {
        match &mut self.kind {
            AgentKind::Known { program: Some(path), .. } | AgentKind::Command { program: path, .. } => {
                // A bare name is searched for on PATH.
                if !is_bare_name(path) {
                    *path = folder.join(&path);
                }
            }
            AgentKind::File { path } => *path = folder.join(&path),
            AgentKind::Known { program: None, .. } | AgentKind::Openai { .. } | AgentKind::Machine => {}
        }
    }
}

impl AgentKind {
    /// What distinguishes agents of one type: a server's address, or the name of a file or of the machine.
    fn detail(&self) -> Result<String, AgentsError> {
        Ok(match self {
            Self::Known { known, .. } => known.name.to_owned(),
            Self::Openai { url, .. } => host_and_port(&parse_server_url(url)?),
            Self::Command { program: path, .. } | Self::File { path } => file_name(path),
            Self::Machine => machine::name(),
        })
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
            ("type = 'other'", "unknown type \"other\" of an agent; the types are"),
            ("name = 'a'", "missing field `type`"),
            ("type = 'codex'\nprofile = 1", "invalid type"),
            ("type = 'file'\npath = 'a'\nenv = ['KEY']", "unknown field `env`"),
            ("type = 'machine'\nprogram = 'a'", "unknown field `program`"),
            ("type = 'codex'\nenv = ['DOORBELL_TOKEN']", "\"env\" names DOORBELL_TOKEN"),
        ];
        for (agent, expected) in cases {
            let error = read(&format!("detect = true\n[[agent]]\n{agent}")).unwrap_err();
            assert!(error.contains("doorbell.toml: ") && error.contains(expected), "{agent}: {error}");
            assert!((2..=4).any(|line| error.contains(&format!("at line {line}"))), "{agent}: {error}");
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
        for provider in AgentConfig::providers() {
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
            let mut agent = AgentConfig::new(AgentKind::Command { program, args: Vec::new() });
            agent.make_relative_to(Path::new("/etc"));
            assert!(
                matches!(&agent.kind, AgentKind::Command { program, .. } if program == Path::new(expected))
            );
        }
    }
}
