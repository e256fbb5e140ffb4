//! The agents of this machine over time: programs are installed, updated and removed while the daemon runs.
//!
//! The configuration file is read once, at the start. `PATH` is searched every [`DETECTION_INTERVAL`], and the programs are asked
//! for their versions with every fifth search, because that starts them.
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
    /// Whether its version was read at least once.
    has_been_read: bool,
    agent: Agent,
}

/// Which versions are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reread {
    All,
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
        Ok(Entry { config, launch, has_been_read: false, agent: Agent { questions, ..agent } })
    }

    async fn read_versions(&self, entries: &mut [Entry], reread: Reread) {
        let reads = entries.iter_mut().map(|entry| async move {
            let (AgentKind::Known { .. }, Some(launch)) = (&entry.config.kind, &entry.launch) else { return };
            if entry.has_been_read && reread == Reread::New {
                return;
            }
            entry.has_been_read = true;
            if let Some(version) = self.versions.read(launch).await {
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
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tempfile::TempDir;
    use tokio_util::task::AbortOnDropHandle;

    use super::*;
    use crate::sources::script::executable;

    /// Reads a version from the program's file without running it: the clock of these tests is paused, and would jump to the
    /// limit of a run.
    #[derive(Default)]
    struct Contents {
        reads: AtomicUsize,
    }

    #[async_trait]
    impl Versions for Contents {
        async fn read(&self, launch: &Launch) -> Option<String> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let text = fs::read_to_string(&launch.program).ok()?;
            text.lines().find_map(|line| line.strip_prefix("# ")).map(str::to_owned)
        }
    }

    /// A machine with a folder on `PATH`, and a running inventory.
    struct Machine {
        folder: TempDir,
        versions: Arc<Contents>,
        agents: watch::Receiver<Vec<Agent>>,
        _watch: AbortOnDropHandle<Infallible>,
    }

    impl Machine {
        async fn start(config: &str, programs: &[&str]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            programs.iter().for_each(|name| drop(executable(folder.path(), name, "# 1.0")));
            let file = folder.path().join("doorbell.toml");
            fs::write(&file, config).unwrap();
            let options = Options { config: Some(file), ..Options::default() };
            let environment = Environment::of([("PATH", folder.path())]);
            let versions = Arc::new(Contents::default());
            let inventory = Inventory::find_with(&options, environment, versions.clone()).await.unwrap();
            let agents = inventory.agents();
            let watch = AbortOnDropHandle::new(tokio::spawn(inventory.watch()));
            // Starts the intervals now.
            tokio::task::yield_now().await;
            Self { folder, versions, agents, _watch: watch }
        }

        fn install(&self, name: &str, version: &str) {
            executable(self.folder.path(), name, &format!("# {version}"));
        }

        fn remove(&self, name: &str) {
            fs::remove_file(self.folder.path().join(name)).unwrap();
        }

        /// What the list shows after `time`, if it changed.
        async fn change_after(&mut self, time: Duration) -> Option<Vec<String>> {
            tokio::time::sleep(time).await;
            let has_changed = self.agents.has_changed().unwrap();
            let shown =
                |agent: &Agent| format!("{} {}", agent.provider, agent.version.as_deref().unwrap_or("-"));
            has_changed.then(|| self.agents.borrow_and_update().iter().map(shown).collect())
        }

        fn reads(&self) -> usize {
            self.versions.reads.load(Ordering::Relaxed)
        }
    }

    /// Just after a search.
    const SEARCH: Duration = Duration::from_millis(DETECTION_INTERVAL.as_millis() as u64 + 1);

    #[tokio::test(start_paused = true)]
    async fn installed_program_is_listed_within_two_minutes() {
        let mut machine = Machine::start("", &[]).await;
        machine.install("gemini", "1.0");
        assert_eq!(machine.change_after(Duration::from_secs(119)).await, None);
        assert_eq!(machine.change_after(Duration::from_secs(2)).await.unwrap(), ["gemini 1.0"]);
    }

    #[tokio::test(start_paused = true)]
    async fn removed_program_leaves_the_list() {
        let mut machine = Machine::start("", &["codex", "gemini"]).await;
        machine.remove("codex");
        assert_eq!(machine.change_after(SEARCH).await.unwrap(), ["gemini 1.0"]);
        machine.remove("gemini");
        assert!(machine.change_after(SEARCH).await.unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn configured_program_stays_when_removed() {
        let config = "[[agent]]\ntype = 'codex'\nprogram = './codex'";
        let mut machine = Machine::start(config, &["codex", "gemini"]).await;
        machine.remove("codex");
        machine.remove("gemini");
        assert_eq!(machine.change_after(SEARCH).await.unwrap(), ["codex 1.0"]);
    }

    #[tokio::test(start_paused = true)]
    async fn configured_name_is_found_when_installed() {
        let mut machine = Machine::start("[[agent]]\ntype = 'codex'", &[]).await;
        machine.install("codex", "1.0");
        assert_eq!(machine.change_after(SEARCH).await.unwrap(), ["codex 1.0"]);
    }

    #[tokio::test(start_paused = true)]
    async fn machine_stands_in_while_no_agent_answers_its_question() {
        let question = "[[question]]\nname = 'load'\nprogram = ['uptime']";
        let mut machine = Machine::start(question, &[]).await;
        assert_eq!(machine.change_after(10 * SEARCH).await, None);
        assert_eq!(machine.agents.borrow()[0].provider, "machine");
        machine.install("codex", "1.0");
        assert_eq!(machine.change_after(SEARCH).await.unwrap(), ["codex 1.0"]);
        machine.remove("codex");
        assert_eq!(machine.change_after(SEARCH).await.unwrap(), ["machine -"]);
    }

    #[tokio::test(start_paused = true)]
    async fn version_is_read_again_after_ten_minutes() {
        let mut machine = Machine::start("", &["codex"]).await;
        machine.install("codex", "1.1");
        assert_eq!(machine.change_after(4 * SEARCH).await, None);
        assert_eq!(machine.change_after(SEARCH).await.unwrap(), ["codex 1.1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn unreadable_version_stays_as_it_was() {
        let mut machine = Machine::start("", &["codex"]).await;
        executable(machine.folder.path(), "codex", "no version");
        assert_eq!(machine.change_after(10 * SEARCH).await, None);
        assert_eq!(machine.agents.borrow()[0].version.as_deref(), Some("1.0"));
        assert_eq!(machine.reads(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn unchanged_machine_sends_nothing_and_runs_nothing_between() {
        let mut machine = Machine::start("[[agent]]\ntype = 'file'\npath = 'm'", &["codex"]).await;
        assert_eq!(machine.change_after(9 * SEARCH).await, None);
        assert_eq!(machine.reads(), 2, "at the start, and after ten minutes");
    }

    #[tokio::test(start_paused = true)]
    async fn disabled_detection_finds_nothing_later() {
        let mut machine = Machine::start("detect = false", &[]).await;
        machine.install("codex", "1.0");
        assert_eq!(machine.change_after(10 * SEARCH).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn moved_program_is_asked_at_its_new_path() {
        let [old, new] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let print =
            |folder: &Path, id| executable(folder, "agent", &format!("echo '[{{\"id\": \"{id}\"}}]'"));
        let path = std::env::join_paths([old.path(), new.path()]).unwrap();
        print(old.path(), "old");
        let options = Options { commands: vec!["agent".to_owned()], ..Options::default() };
        let environment = Environment::of([("PATH", path)]);
        let mut inventory = Inventory::find(&options, environment).await.unwrap();
        let mut agents = inventory.agents();
        print(new.path(), "new");
        fs::remove_file(old.path().join("agent")).unwrap();
        inventory.refresh(Reread::New).await.unwrap();
        assert!(agents.has_changed().unwrap());
        let source = agents.borrow_and_update()[0].source.clone();
        assert_eq!(source.list_models().await.unwrap().models[0].model().id, "new");
    }
}
