//! The agents of this machine over time: programs are installed, updated and removed while the daemon runs.
//!
//! The configuration file is read once, at the start. `PATH` is searched every [`DETECTION_INTERVAL`], and the programs are asked
//! for their versions with every fifth search, because that starts them. One whose version could not be read at first is asked once
//! more with the next search: many programs are slow when the machine has just started.
//!
//! - A configured agent stays even if its program vanishes. A found one goes with its program.
//! - The machine itself is listed while it has a question that no agent answers.
//! - A program that moved, such as to another version manager's folder, is asked at its new path.
//! - A version that cannot be read stays as it was: a busy machine should not cause a registration.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::timeout;

use super::builder::{Agent, AgentBuilder};
use super::config::{AgentConfig, AgentKind};
use super::detect;
use super::environment::Environment;
use super::error::AgentsError;
use super::machine;
use super::{Options, build_questions, reject_duplicates};
use crate::questions::QuestionHandlers;
use crate::sources::launch::Launch;

/// The interval of searches on `PATH`. A search takes less than a millisecond.
const DETECTION_INTERVAL: Duration = Duration::from_secs(2 * 60);

/// With how many searches the programs are asked for their versions: every 10 minutes. That starts every agent program, of which
/// some take a second of CPU time.
const SEARCHES_PER_VERSION: u32 = 5;

/// The time limit of the first `--version` of a program. Its registration waits for it, and happens without a version if need be.
const FIRST_VERSION_TIMEOUT: Duration = Duration::from_secs(5);

/// The time limit of later ones. Under load a program takes more than 5 s to start.
const VERSION_TIMEOUT: Duration = Duration::from_secs(15);

/// What is on this machine now.
pub struct Inventory {
    configured: Vec<AgentConfig>,
    auto_detect: bool,
    builder: AgentBuilder,
    questions: QuestionHandlers,
    environment: Environment,
    versions: Arc<dyn Versions>,
    entries: Vec<Entry>,
    agents: watch::Sender<Vec<Agent>>,
}

impl fmt::Debug for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inventory").field("entries", &self.entries).finish_non_exhaustive()
    }
}

/// Reads the version of a program.
#[async_trait]
trait Versions: Send + Sync {
    async fn read(&self, launch: &Launch) -> Option<String>;
}

/// Runs the program with `--version`.
struct Run;

#[async_trait]
impl Versions for Run {
    async fn read(&self, launch: &Launch) -> Option<String> {
        detect::version(launch).await
    }
}

/// An agent, and what it was built of.
#[derive(Clone, Debug)]
struct Entry {
    config: AgentConfig,
    launch: Option<Launch>,
    /// How often its version was asked for.
    version_reads: u32,
    agent: Agent,
}

/// Which versions are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reread {
    All,
    /// Those of new programs, and once more those that could not be read at first.
    New,
}

impl Inventory {
    /// The first look. Reads the configuration, searches `PATH`, and runs known programs for their versions, up to 5 s.
    ///
    /// # Errors
    /// [`AgentsError`] when file or flags are invalid.
    pub async fn find(options: &Options, environment: Environment) -> Result<Self, AgentsError> {
        Self::find_with(options, environment, Arc::new(Run)).await
    }

    async fn find_with(
        options: &Options,
        environment: Environment,
        versions: Arc<dyn Versions>,
    ) -> Result<Self, AgentsError> {
        let config = options.read_config()?;
        let questions = build_questions(&config, options, &environment)?;
        let auto_detect = config.detect && options.detect;
        let mut configured = config.agents;
        configured.extend(options.agents()?);
        AgentConfig::derive_profiles(&mut configured)?;
        reject_duplicates(&configured)?;
        let mut inventory = Self {
            auto_detect,
            builder: AgentBuilder::new(environment.clone(), &configured),
            configured,
            questions,
            environment,
            versions,
            entries: Vec::new(),
            agents: watch::Sender::new(Vec::new()),
        };
        inventory.refresh(Reread::New).await?;
        Ok(inventory)
    }

    /// The agents in the order of the configuration, then those that were found, then the machine itself. May be empty. The list changes while
    /// [`watch`](Self::watch) runs.
    pub fn agents(&self) -> watch::Receiver<Vec<Agent>> {
        self.agents.subscribe()
    }

    /// The programs of [`agents`](Self::agents), in the same order: absolute paths, or names that are not on `PATH`. `None` for an
    /// agent that is not a program.
    pub fn programs(&self) -> Vec<Option<PathBuf>> {
        let program = |entry: &Entry| entry.launch.as_ref().map(|launch| launch.program.clone());
        self.entries.iter().map(program).collect()
    }

    /// Keeps the list up to date. The receivers see a change only if an agent appeared, vanished, moved or has another version.
    pub async fn watch(mut self) -> Infallible {
        let mut searches = 0;
        loop {
            tokio::time::sleep(DETECTION_INTERVAL).await;
            searches = (searches + 1) % SEARCHES_PER_VERSION;
            let reread = if searches == 0 { Reread::All } else { Reread::New };
            if let Err(error) = self.refresh(reread).await {
                tracing::warn!(%error, "agents were not searched for");
            }
        }
    }

    /// Searches again, and sends the list if it changed.
    async fn refresh(&mut self, reread: Reread) -> Result<(), AgentsError> {
        let mut entries = Vec::new();
        for config in self.configs() {
            entries.push(self.entry(config)?);
        }
        self.read_versions(&mut entries, reread).await;
        let is_changed = entries.len() != self.entries.len()
            || entries.iter().any(|entry| !self.entries.iter().any(|old| entry.is_same(old)));
        self.entries = entries;
        if is_changed {
            let agents = self.entries.iter().map(|entry| entry.agent.clone());
            self.agents.send_replace(agents.collect());
        }
        Ok(())
    }

    fn configs(&self) -> Vec<AgentConfig> {
        let mut configs = self.configured.clone();
        if self.auto_detect {
            configs.extend(detect::detect(&self.environment, &self.configured));
        }
        configs.extend(machine::for_unanswered(&configs, &self.questions));
        configs
    }

    /// The entry of the last search, or a new one without version.
    fn entry(&mut self, config: AgentConfig) -> Result<Entry, AgentsError> {
        let launch = self.builder.launch(&config);
        let mut last = self.entries.iter();
        if let Some(entry) = last.find(|entry| entry.config == config && entry.launch == launch) {
            return Ok(entry.clone());
        }
        let agent = self.builder.build(&config)?;
        let questions = self.questions.of(&agent.provider);
        Ok(Entry { config, launch, version_reads: 0, agent: Agent { questions, ..agent } })
    }

    async fn read_versions(&self, entries: &mut [Entry], reread: Reread) {
        let reads = entries.iter_mut().map(|entry| async move {
            let (AgentKind::Known { .. }, Some(launch)) = (&entry.config.kind, &entry.launch) else { return };
            let limit = match (entry.version_reads, &entry.agent.version) {
                (0, _) => FIRST_VERSION_TIMEOUT,
                (1, None) => VERSION_TIMEOUT,
                _ if reread == Reread::All => VERSION_TIMEOUT,
                _ => return,
            };
            entry.version_reads = entry.version_reads.saturating_add(1);
            if let Ok(Some(version)) = timeout(limit, self.versions.read(launch)).await {
                entry.agent.version = Some(version);
            }
        });
        join_all(reads).await;
    }
}

impl Entry {
    /// Whether both are the same agent at the same place, of the same version.
    fn is_same(&self, other: &Self) -> bool {
        self.config == other.config
            && self.launch == other.launch
            && self.agent.version == other.agent.version
    }
}

#[cfg(test)]
mod tests;
