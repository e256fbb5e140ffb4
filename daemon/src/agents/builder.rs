//! Builds an agent from its configuration: name, version and model source.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorbell_client::http_client;
use doorbell_protocol::limits::TEXT_CHARS;
use reqwest::Client;

use super::config::{AgentConfig, parse_server_url};
use super::detect;
use super::environment::Environment;
use super::error::AgentsError;
use crate::questions::QuestionHandlers;
use crate::skills::LocalSkills;
use crate::sources::ModelSource;
use crate::sources::codex::Codex;
use crate::sources::command::Command;
use crate::sources::file::File;
use crate::sources::openai::OpenAi;
use crate::sources::opencode::OpenCode;
use crate::sources::sample::Sample;

/// An agent program, or what stands for one, as the daemon offers it.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The name for display. At most 200 characters.
    pub name: String,
    /// The type: `type` in a registration, `provider` in a runtime record.
    pub provider: String,
    /// Distinguishes agents of one provider. Empty for a single one. At most 200 characters.
    pub profile_id: String,
    /// The program's version, if it prints one.
    pub version: Option<String>,
    /// Lists the agent's models.
    pub source: Arc<dyn ModelSource>,
    /// The questions that it answers.
    pub questions: QuestionHandlers,
    /// Lists the agent's skills and MCP servers.
    pub skills: LocalSkills,
}

impl Agent {
    /// An agent without profile, version and questions. Its skills are looked for in the home directory of this process.
    pub fn new(name: impl Into<String>, provider: impl Into<String>, source: Arc<dyn ModelSource>) -> Self {
        let provider = provider.into();
        let skills = skills(&provider, &Environment::of_process());
        let name = name.into();
        let (profile_id, version, questions) = Default::default();
        Self { name, provider, profile_id, version, source, questions, skills }
    }

    /// The type of the [sample](Self::sample).
    pub(super) const SAMPLE: &str = "sample";

    pub(super) fn sample() -> Self {
        Self::new(Sample::NAME, Self::SAMPLE, Arc::new(Sample))
    }
}

/// Builds agents. All servers share one HTTP client, which is created for the first of them.
pub(super) struct AgentBuilder<'a> {
    environment: &'a Environment,
    client: Option<Client>,
}

impl<'a> AgentBuilder<'a> {
    /// Takes API keys and `PATH` from `environment`.
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self { environment, client: None }
    }

    pub(super) async fn build(&mut self, config: &AgentConfig) -> Result<Agent, AgentsError> {
        let agent = Agent {
            name: config.display_name()?,
            provider: config.provider().to_owned(),
            profile_id: config.profile().to_owned(),
            version: self.version(config).await,
            source: self.source(config)?,
            questions: QuestionHandlers::default(),
            skills: skills(config.provider(), self.environment),
        };
        let fits = |text: &str| text.chars().count() <= TEXT_CHARS;
        if fits(&agent.name) && fits(&agent.profile_id) {
            Ok(agent)
        } else {
            Err(AgentsError::TooLong { provider: agent.provider })
        }
    }

    async fn version(&self, config: &AgentConfig) -> Option<String> {
        match config {
            AgentConfig::Codex { program, .. } | AgentConfig::Opencode { program, .. } => {
                detect::version(&self.program(program.as_deref(), config)).await
            }
            AgentConfig::Openai { .. } | AgentConfig::Command { .. } | AgentConfig::File { .. } => None,
        }
    }

    fn source(&mut self, config: &AgentConfig) -> Result<Arc<dyn ModelSource>, AgentsError> {
        Ok(match config {
            AgentConfig::Codex { program, .. } => {
                Arc::new(Codex::new(self.program(program.as_deref(), config)))
            }
            AgentConfig::Opencode { program, .. } => {
                Arc::new(OpenCode::new(self.program(program.as_deref(), config)))
            }
            AgentConfig::Openai { url, api_key_env, .. } => {
                let key = api_key_env.as_deref().map(|variable| self.api_key(variable)).transpose()?;
                Arc::new(OpenAi::new(self.client()?, &parse_server_url(url)?, key))
            }
            AgentConfig::Command { program, args, .. } => Arc::new(Command::new(program, args.clone())),
            AgentConfig::File { path, .. } => Arc::new(File::new(path.clone())),
        })
    }

    /// The path of the program. A program that is not found keeps its bare name, and its source fails with
    /// "not installed".
    fn program(&self, configured: Option<&Path>, config: &AgentConfig) -> PathBuf {
        // Codex and OpenCode are named like their provider.
        let program = configured.unwrap_or(Path::new(config.provider()));
        self.environment.resolve(program)
    }

    fn api_key(&self, variable: &str) -> Result<String, AgentsError> {
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

fn skills(provider: &str, environment: &Environment) -> LocalSkills {
    // Without a home directory there is nothing to list.
    LocalSkills::new(provider, environment.home().unwrap_or_default(), environment)
}
