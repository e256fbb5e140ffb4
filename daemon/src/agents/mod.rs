//! The agents that this machine offers: from a configuration file, from flags, and found on `PATH`, in this order.
//! A machine without any offers nothing, unless it has questions: it answers them itself.
//!
//! - The server derives a runtime's id from the agent's provider and profile. They depend on the configuration only,
//!   never on an order, and two agents with the same pair are rejected.
//! - A configured agent is offered even if its program is missing: a client that rings it reads the cause.
//! - A configured provider is not searched for on `PATH`.
//! - Every agent answers the configured questions, unless a question names the types of its agents.

mod builder;
mod config;
mod detect;
pub(crate) mod environment;
mod error;
mod inventory;
pub(crate) mod known;
mod machine;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use config::{AgentConfig, Config};

use crate::questions::QuestionHandlers;

pub use builder::Agent;
pub use environment::Environment;
pub use error::AgentsError;
pub use inventory::Inventory;

/// The command line's part of the configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// Base URLs of OpenAI-compatible servers.
    pub openai: Vec<String>,
    /// Command lines of programs that print models. Arguments are separated by blanks; there is no quoting.
    pub commands: Vec<String>,
    /// Files with models.
    pub files: Vec<PathBuf>,
    /// Whether to search `PATH`. The configuration file can disable it as well.
    pub detect: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { config: None, openai: Vec::new(), commands: Vec::new(), files: Vec::new(), detect: true }
    }
}

impl Options {
    fn read_config(&self) -> Result<Config, AgentsError> {
        self.config.as_deref().map_or_else(|| Ok(Config::default()), Config::read)
    }

    fn agents(&self) -> Result<Vec<AgentConfig>, AgentsError> {
        let servers = self.openai.iter().map(|url| AgentConfig::from_url(url));
        let commands = self.commands.iter().map(|line| AgentConfig::from_command_line(line));
        let files = self.files.iter().map(|path| AgentConfig::from_path(path));
        servers.chain(commands).chain(files).collect()
    }
}

/// The agents of this machine now; empty without any. Runs known programs for their versions, at the same time and up to 5 s.
///
/// # Errors
/// [`AgentsError`] when file or flags are invalid.
pub async fn find(options: &Options, environment: &Environment) -> Result<Vec<Agent>, AgentsError> {
    let inventory = Inventory::find(options, environment.clone()).await?;
    let agents = inventory.agents().borrow().clone();
    Ok(agents)
}

/// The types of agent programs that [`find`] looks for on `PATH`, each with its name for display, in the order of registrations.
pub fn known_types() -> impl Iterator<Item = (&'static str, &'static str)> {
    known::KNOWN.into_iter().map(|program| (program.provider, program.name))
}

/// The questions of the configuration file, for agents that [`find`] does not return.
///
/// # Errors
/// [`AgentsError`] when the file is invalid.
pub fn questions(options: &Options, environment: &Environment) -> Result<QuestionHandlers, AgentsError> {
    build_questions(&options.read_config()?, options, environment)
}

fn build_questions(
    config: &Config,
    options: &Options,
    environment: &Environment,
) -> Result<QuestionHandlers, AgentsError> {
    let path = options.config.as_deref().unwrap_or(Path::new(""));
    let providers = [AgentConfig::providers(), vec![Agent::SAMPLE]].concat();
    let questions = QuestionHandlers::build(&config.questions, config::folder(path), environment, &providers);
    questions.map_err(|reason| AgentsError::InvalidQuestion { path: path.to_owned(), reason: reason.into() })
}

fn reject_duplicates(configs: &[AgentConfig]) -> Result<(), AgentsError> {
    let mut seen = HashSet::new();
    match configs.iter().find(|config| !seen.insert((config.provider(), config.profile()))) {
        None => Ok(()),
        Some(duplicate) => Err(AgentsError::DuplicateAgent {
            provider: duplicate.provider().to_owned(),
            profile: duplicate.profile().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
