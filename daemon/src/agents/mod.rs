//! Which agents this machine offers: those of a configuration file, those of the command line, and those that are found
//! on `PATH`, in this order. A machine without any offers the sample.
//!
//! - An agent's (provider, profile) is its identity: the server derives the runtime's id from it. It depends on what was
//!   configured and never on an order. Two agents of the same identity are refused.
//! - What was configured is offered whether or not it works. A person can then see it, ring it and read what is wrong.
//! - A type that was configured is not looked for on `PATH` as well.

mod assemble;
mod config;
mod detect;
mod environment;
mod error;
mod options;

use std::collections::HashSet;
use std::sync::Arc;

use crate::discover::ModelSource;
use crate::discover::sample::Sample;
use assemble::Assembler;
use config::{Config, Entry};

pub use environment::Environment;
pub use error::AgentsError;
pub use options::Options;

/// One agent: what it is registered as, and whom to ask for its models.
#[derive(Clone, Debug)]
pub struct Agent {
    /// What people see.
    pub name: String,
    /// The kind of agent: `type` in a registration, `provider` in a record.
    pub provider: String,
    /// Tells several of one provider apart. Empty where there is one.
    pub profile_id: String,
    /// The program's version, where it tells one.
    pub version: Option<String>,
    /// Whom to ask.
    pub discoverer: Arc<dyn ModelSource>,
}

impl Agent {
    fn sample() -> Self {
        Self {
            name: Sample::NAME.to_owned(),
            provider: "sample".to_owned(),
            profile_id: String::new(),
            version: None,
            discoverer: Arc::new(Sample),
        }
    }
}

/// Every agent of this machine: at least one.
pub async fn find(options: &Options, environment: &Environment) -> Result<Vec<Agent>, AgentsError> {
    let config = options.config.as_deref().map_or_else(|| Ok(Config::default()), Config::read)?;
    let looks_around = config.detect && options.detect;
    let mut entries = config.agents;
    entries.extend(options.entries()?);
    if looks_around {
        entries.extend(detect::detect(environment, &entries));
    }
    let agents = assembled(&entries, environment).await?;
    Ok(if agents.is_empty() { vec![Agent::sample()] } else { agents })
}

async fn assembled(entries: &[Entry], environment: &Environment) -> Result<Vec<Agent>, AgentsError> {
    let (mut assembler, mut agents) = (Assembler::new(environment), Vec::new());
    refuse_twins(entries)?;
    for entry in entries {
        agents.push(assembler.agent(entry).await?);
    }
    Ok(agents)
}

fn refuse_twins(entries: &[Entry]) -> Result<(), AgentsError> {
    let mut seen = HashSet::new();
    match entries.iter().find(|entry| !seen.insert((entry.provider(), entry.profile()))) {
        None => Ok(()),
        Some(twin) => Err(AgentsError::Twins {
            provider: twin.provider().to_owned(),
            profile: twin.profile().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
