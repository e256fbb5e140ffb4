//! `status.json`: what a running daemon says about itself.

use doorbell_protocol::{RuntimeId, RuntimeRecord, Timestamp, WorkspaceId};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::state::{LockKey, StateDirectory, StateError, StateProblem, lock};

/// A workspace may have thousands of runtimes, one daemon has a few.
const MAX_RUNTIMES: usize = 100;

/// The state of the daemon of this state directory that wrote last. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusFile {
    /// Whether its heartbeats are answered.
    pub(crate) connected: bool,
    /// `starting`, `online`, `retrying`, `token rejected` or `no agents`.
    pub(crate) connection: String,
    /// Why it is not connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The time of the last change of the connection.
    pub(crate) since: Timestamp,
    /// The state of the push channel in words.
    pub(crate) push: String,
    #[serde(flatten)]
    pub(crate) process: DaemonProcess,
    pub(crate) runtimes: Vec<RunningRuntime>,
}

/// What does not change while a daemon runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DaemonProcess {
    /// Without user, password, query and fragment, which may hold secrets.
    url: String,
    workspace: WorkspaceId,
    daemon_id: String,
    pid: u32,
    version: String,
    started_at: Timestamp,
}

/// A runtime that the daemon serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunningRuntime {
    pub(crate) id: RuntimeId,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) provider: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
}

impl DaemonProcess {
    /// This process, as the daemon `daemon_id`.
    pub(crate) fn new(url: &Url, workspace: WorkspaceId, daemon_id: &str, now: Timestamp) -> Self {
        Self {
            url: without_secrets(url),
            workspace,
            daemon_id: daemon_id.to_owned(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: now,
        }
    }

    pub(super) fn rows(&self) -> [(&'static str, String); 5] {
        [
            ("Server", self.url.clone()),
            ("Workspace", self.workspace.to_string()),
            ("Daemon id", self.daemon_id.clone()),
            ("Process", format!("{}, version {}", self.pid, self.version)),
            ("Started", self.started_at.to_string()),
        ]
    }
}

fn without_secrets(url: &Url) -> String {
    let mut url = url.clone();
    // These fail for a URL without a host, which the API rejects.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

impl StatusFile {
    const NAME: &str = "status.json";

    /// `None` if no daemon has run.
    ///
    /// # Errors
    /// The file cannot be read, or is malformed.
    pub(super) fn load(directory: &StateDirectory) -> Result<Option<Self>, StateError> {
        let text = directory.read(Self::NAME)?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| Self::malformed(directory))).transpose()
    }

    /// # Errors
    /// The file cannot be written.
    pub(super) fn store(&self, directory: &StateDirectory) -> Result<(), StateError> {
        let text = serde_json::to_string(self).map_err(|_| Self::malformed(directory))?;
        directory.write(Self::NAME, &text)
    }

    fn malformed(directory: &StateDirectory) -> StateError {
        StateError { path: directory.file(Self::NAME), problem: StateProblem::Malformed("`doorbell daemon`") }
    }

    /// Whether the daemon that wrote the file still runs. Its process id may be that of another process by now, its lock is not.
    pub(super) fn is_running(&self, directory: &StateDirectory) -> bool {
        let DaemonProcess { url, workspace, daemon_id, .. } = &self.process;
        let key = url.parse().map(|url| LockKey::new(&url, *workspace, daemon_id));
        key.is_ok_and(|key| lock::is_held(directory, &key))
    }
}

/// The runtimes for the file.
pub(super) fn summaries(runtimes: &[RuntimeRecord]) -> Vec<RunningRuntime> {
    let summary = |runtime: &RuntimeRecord| RunningRuntime {
        id: runtime.id,
        name: runtime.name.clone(),
        provider: runtime.provider.clone(),
        version: runtime.metadata.as_ref().and_then(|metadata| metadata.version.clone()),
    };
    runtimes.iter().take(MAX_RUNTIMES).map(summary).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> StatusFile {
        let url = "https://me:secret@doorbell.example.com/prod?key=secret#secret".parse().unwrap();
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let now = Timestamp::from_millis(1_000).unwrap();
        StatusFile {
            connected: true,
            connection: "online".to_owned(),
            reason: None,
            since: now,
            push: "off".to_owned(),
            process: DaemonProcess::new(&url, workspace, "box", now),
            runtimes: Vec::new(),
        }
    }

    #[test]
    fn stored_status_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let directory = StateDirectory::at(folder.path().join("state"));
        assert_eq!(StatusFile::load(&directory).unwrap(), None);
        file().store(&directory).unwrap();
        assert_eq!(StatusFile::load(&directory).unwrap(), Some(file()));
    }

    #[test]
    fn has_no_secret_of_the_url() {
        let text = serde_json::to_string(&file()).unwrap();
        assert!(text.contains("https://doorbell.example.com/prod") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn runs_while_its_lock_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let directory = StateDirectory::at(folder.path().join("state"));
        let url = "https://doorbell.example.com/prod".parse().unwrap();
        let key = LockKey::new(&url, file().process.workspace, "box");
        assert!(!file().is_running(&directory));
        let lock = lock::acquire(&directory, &key).unwrap();
        assert!(file().is_running(&directory));
        drop(lock);
        assert!(!file().is_running(&directory));
    }
}
