//! Making an agent of what was configured: its name, its version and its discoverer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorbell_protocol::limits::TEXT_CHARS;
use reqwest::{Client, Url};

use super::config::Entry;
use super::options::file_name;
use super::{Agent, AgentsError, Environment, detect};
use crate::discover::ModelSource;
use crate::discover::codex::Codex;
use crate::discover::command::Command;
use crate::discover::file::File;
use crate::discover::openai::OpenAi;
use crate::discover::opencode::OpenCode;
use doorbell_client::http_client;

/// Makes agents. All servers are asked through one HTTP client, made for the first of them.
pub(super) struct Assembler<'a> {
    environment: &'a Environment,
    client: Option<Client>,
}

impl<'a> Assembler<'a> {
    /// With keys and programs out of `environment`.
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self { environment, client: None }
    }

    /// The agent that `entry` describes.
    pub(super) async fn agent(&mut self, entry: &Entry) -> Result<Agent, AgentsError> {
        let agent = Agent {
            name: name(entry)?,
            provider: entry.provider().to_owned(),
            profile_id: entry.profile().to_owned(),
            version: self.version(entry).await,
            discoverer: self.discoverer(entry)?,
        };
        let fits = |text: &str| text.chars().count() <= TEXT_CHARS;
        match fits(&agent.name) && fits(&agent.profile_id) {
            true => Ok(agent),
            false => Err(AgentsError::TooLong { provider: agent.provider }),
        }
    }

    async fn version(&self, entry: &Entry) -> Option<String> {
        match entry {
            Entry::Codex { program, .. } | Entry::Opencode { program, .. } => {
                detect::version(&self.program(program.as_deref(), entry)).await
            }
            Entry::Openai { .. } | Entry::Command { .. } | Entry::File { .. } => None,
        }
    }

    fn discoverer(&mut self, entry: &Entry) -> Result<Arc<dyn ModelSource>, AgentsError> {
        Ok(match entry {
            Entry::Codex { program, .. } => Arc::new(Codex::new(self.program(program.as_deref(), entry))),
            Entry::Opencode { program, .. } => {
                Arc::new(OpenCode::new(self.program(program.as_deref(), entry)))
            }
            Entry::Openai { url, api_key_env, .. } => {
                let key = api_key_env.as_deref().map(|variable| self.key(variable)).transpose()?;
                Arc::new(OpenAi::new(self.client()?, &server(url)?, key))
            }
            Entry::Command { program, args, .. } => Arc::new(Command::new(program, args.clone())),
            Entry::File { path, .. } => Arc::new(File::new(path.clone())),
        })
    }

    /// Where the program is. One that is nowhere keeps its name, and is not installed when it is asked.
    fn program(&self, configured: Option<&Path>, entry: &Entry) -> PathBuf {
        // A known program is called like its type.
        let program = configured.unwrap_or(Path::new(entry.provider()));
        detect::located(self.environment, program)
    }

    fn key(&self, variable: &str) -> Result<String, AgentsError> {
        self.environment.text(variable).ok_or_else(|| AgentsError::NoKey { variable: variable.to_owned() })
    }

    fn client(&mut self) -> Result<Client, AgentsError> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = http_client().map_err(AgentsError::Http)?;
        Ok(self.client.insert(client).clone())
    }
}

fn name(entry: &Entry) -> Result<String, AgentsError> {
    if let Some(name) = entry.name() {
        return Ok(name.to_owned());
    }
    let profile = entry.profile().to_owned();
    let (name, detail) = match entry {
        Entry::Codex { .. } => ("Codex".to_owned(), profile),
        Entry::Opencode { .. } => ("OpenCode".to_owned(), profile),
        Entry::Openai { url, .. } if profile.is_empty() => {
            ("OpenAI-compatible".to_owned(), host_and_port(&server(url)?))
        }
        Entry::Openai { .. } => ("OpenAI-compatible".to_owned(), profile),
        Entry::Command { program: path, .. } | Entry::File { path, .. } => (file_name(path), profile),
    };
    let is_told = detail.is_empty() || detail == name;
    Ok(if is_told { name } else { format!("{name} ({detail})") })
}

/// The URL of a server that can be asked over HTTP.
pub(super) fn server(url: &str) -> Result<Url, AgentsError> {
    let asked =
        url.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // What cannot be taken apart as a URL is cut wherever a secret may begin or end.
    asked.ok_or_else(|| {
        let shown = url.rsplit('@').next().and_then(|rest| rest.split(['?', '#']).next());
        AgentsError::BadUrl { shown: shown.unwrap_or_default().to_owned() }
    })
}

/// What tells one server from another.
pub(super) fn host_and_port(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}
