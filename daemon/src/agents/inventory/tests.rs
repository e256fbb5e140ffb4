//! Programs that are installed, updated and removed while the daemon runs.

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
    /// How long a read takes.
    duration: Duration,
}

#[async_trait]
impl Versions for Contents {
    async fn read(&self, launch: &Launch) -> Option<String> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.duration).await;
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
        Self::with_versions(config, programs, Contents::default()).await
    }

    async fn with_versions(config: &str, programs: &[&str], versions: Contents) -> Self {
        let folder = tempfile::tempdir().unwrap();
        programs.iter().for_each(|name| drop(executable(folder.path(), name, "# 1.0")));
        let file = folder.path().join("doorbell.toml");
        fs::write(&file, config).unwrap();
        let options = Options { config: Some(file), ..Options::default() };
        let environment = Environment::of([("PATH", folder.path())]);
        let versions = Arc::new(versions);
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
        let shown = |agent: &Agent| format!("{} {}", agent.provider, agent.version.as_deref().unwrap_or("-"));
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

/// A machine with a program that takes `duration` to print its version, and how long the first look took.
async fn with_slow_program(duration: Duration) -> (Machine, Duration) {
    #[expect(clippy::disallowed_methods, reason = "an instant of tokio's clock")]
    let start = tokio::time::Instant::now();
    let versions = Contents { duration, ..Contents::default() };
    let machine = Machine::with_versions("", &["codex"], versions).await;
    (machine, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn first_look_waits_five_seconds_for_a_version() {
    let (machine, took) = with_slow_program(Duration::from_millis(4_999)).await;
    assert_eq!(machine.agents.borrow()[0].version.as_deref(), Some("1.0"));
    assert_eq!(took, Duration::from_millis(4_999));
    let (machine, took) = with_slow_program(Duration::from_millis(5_001)).await;
    assert_eq!((machine.agents.borrow()[0].version.as_deref(), took), (None, Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn version_of_slow_program_is_read_with_the_next_search() {
    let (mut machine, _) = with_slow_program(Duration::from_millis(14_999)).await;
    assert_eq!(machine.change_after(SEARCH).await, None);
    assert_eq!(machine.change_after(Duration::from_secs(15)).await.unwrap(), ["codex 1.0"]);
}

#[tokio::test(start_paused = true)]
async fn version_is_not_waited_for_over_15_s() {
    let (mut machine, _) = with_slow_program(Duration::from_millis(15_001)).await;
    assert_eq!(machine.change_after(20 * SEARCH).await, None);
}

/// Each time would start the program.
#[tokio::test(start_paused = true)]
async fn program_without_version_is_asked_twice_then_every_ten_minutes() {
    let mut machine = Machine::start("", &[]).await;
    executable(machine.folder.path(), "codex", "no version");
    assert_eq!(machine.change_after(SEARCH).await.unwrap(), ["codex -"]);
    assert_eq!(machine.change_after(3 * SEARCH).await, None);
    assert_eq!(machine.reads(), 2);
    assert_eq!(machine.change_after(5 * SEARCH).await, None);
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
    let print = |folder: &Path, id| executable(folder, "agent", &format!("echo '[{{\"id\": \"{id}\"}}]'"));
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
