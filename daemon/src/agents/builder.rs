//! Builds an agent from its configuration: name, version and model source.

use std::path::Path;
use std::sync::Arc;

use doorbell_client::http_client;
use doorbell_protocol::limits::TEXT_CHARS;
use reqwest::Client;

use super::config::{AgentConfig, AgentKind, parse_server_url};
use super::detect;
use super::environment::Environment;
use super::error::AgentsError;
use super::known;
use crate::questions::QuestionHandlers;
use crate::skills::LocalSkills;
use crate::sources::ModelSource;
use crate::sources::command::Command;
use crate::sources::file::File;
use crate::sources::launch::{AgentEnvironment, KnownProgram, Launch};
use crate::sources::machine::Machine;
use crate::sources::openai::OpenAi;
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

    /// The type of the machine itself, which answers the questions that no agent program answers.
    pub const MACHINE: &str = "machine";

    /// The type of the [sample](Self::sample).
    pub const SAMPLE: &str = "sample";

    /// An agent with a built-in catalog, for demos on machines without an agent program. [`find`](super::find) never returns it.
    pub fn sample() -> Self {
        Self::new(Sample::NAME, Self::SAMPLE, Arc::new(Sample))
    }
}

/// Builds agents. All servers share one HTTP client, which is created for the first of them.
#[derive(Debug)]
pub(super) struct AgentBuilder {
    environment: Environment,
    /// The variables with the API keys of configured servers.
    server_keys: Vec<String>,
    client: Option<Client>,
}

impl AgentBuilder {
    /// Takes API keys and `PATH` from `environment`, and the names of the keys of servers from `configs`.
    pub(super) fn new(environment: Environment, configs: &[AgentConfig]) -> Self {
        let server_keys = configs.iter().filter_map(|config| match &config.kind {
            AgentKind::Openai { api_key_env, .. } => api_key_env.clone(),
            AgentKind::Known { .. }
            | AgentKind::Command { .. }
            | AgentKind::File { .. }
            | AgentKind::Machine => None,
        });
        Self { environment, server_keys: server_keys.collect(), client: None }
    }

    /// An agent without version and questions. Runs nothing.
    pub(super) fn build(&mut self, config: &AgentConfig) -> Result<Agent, AgentsError> {
        let agent = Agent {
            name: config.display_name()?,
            provider: config.provider().to_owned(),
            profile_id: config.profile().to_owned(),
            version: None,
            source: self.source(config)?,
            questions: QuestionHandlers::default(),
            skills: skills(config.provider(), &self.environment),
        };
        let fits = |text: &str| text.chars().count() <= TEXT_CHARS;
        if fits(&agent.name) && fits(&agent.profile_id) {
            Ok(agent)
        } else {
            Err(AgentsError::TooLong { provider: agent.provider })
        }
    }

    /// How the agent's program is started now: `PATH` is searched at each call. `None` for agents that are no program.
    pub(super) fn launch(&self, config: &AgentConfig) -> Option<Launch> {
        match &config.kind {
            AgentKind::Known { known, program } => {
                Some(self.launch_known(known, program.as_deref(), &config.env))
            }
            AgentKind::Command { program, .. } => Some(self.launch_command(program, &config.env)),
            AgentKind::Openai { .. } | AgentKind::File { .. } | AgentKind::Machine => None,
        }
    }

    fn launch_known(&self, known: &KnownProgram, program: Option<&Path>, env: &[String]) -> Launch {
        let program = match program {
            Some(program) => self.environment.resolve(program),
            // A program that is not found keeps its bare name, and its source fails with "not installed".
            None => detect::find_program(known, &self.environment)
                .unwrap_or_else(|| known.executables.first().unwrap_or(&known.provider).into()),
        };
        Launch { program, environment: self.agent_environment(Some(known), env) }
    }

    fn launch_command(&self, program: &Path, env: &[String]) -> Launch {
        Launch { program: self.environment.resolve(program), environment: self.agent_environment(None, env) }
    }

    /// Without the keys of agents other than `known`, unless `env` names them.
    fn agent_environment(&self, known: Option<&KnownProgram>, env: &[String]) -> AgentEnvironment {
        let is_own = |name: &str| known.is_some_and(|known| known.keys.contains(&name));
        let is_key = |name: &str| {
            known::is_key_of_another(known, name)
                || self.server_keys.iter().any(|key| key == name) && !is_own(name)
        };
        AgentEnvironment::new(&self.environment, |name| is_key(name) && env.iter().all(|kept| kept != name))
    }

    fn source(&mut self, config: &AgentConfig) -> Result<Arc<dyn ModelSource>, AgentsError> {
        Ok(match &config.kind {
            AgentKind::Known { known, program } => {
                (known.source)(&self.launch_known(known, program.as_deref(), &config.env))
            }
            AgentKind::Openai { url, api_key_env } => {
                let key = api_key_env.as_deref().map(|variable| self.api_key(variable)).transpose()?;
                Arc::new(OpenAi::new(self.client()?, &parse_server_url(url)?, key))
            }
            AgentKind::Command { program, args } => {
                Arc::new(Command::new(&self.launch_command(program, &config.env), args.clone()))
            }
            AgentKind::File { path } => Arc::new(File::new(path.clone())),
            AgentKind::Machine => Arc::new(Machine),
        })
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
