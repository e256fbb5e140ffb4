//! The lock that a daemon holds while it runs, so that a second one of the same id is noticed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::thread;
use std::time::Duration;

use doorbell_protocol::WorkspaceId;
use reqwest::Url;
use sha2::{Digest as _, Sha256};

use super::directory::StateDirectory;
use super::file;

/// Tries of [`acquire`], because [`is_held`] locks the file for a moment.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(20);

/// A process id has fewer digits.
const PID_BYTES: u64 = 16;

/// One daemon of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockKey(String);

impl LockKey {
    pub fn new(url: &Url, workspace: WorkspaceId, daemon_id: &str) -> Self {
        let mut url = url.clone();
        // Only parts that tell servers apart, which are those in the status file. These fail for a URL without a host, which the API rejects.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        let url = url.as_str().trim_end_matches('/');
        let hash = Sha256::digest(format!("{url}\n{workspace}\n{daemon_id}"));
        Self(hash[..8].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The name of the lock file.
    pub fn file_name(&self) -> String {
        format!("daemon-{}.lock", self.0)
    }
}

/// Held until it is dropped, or the process ends.
#[derive(Debug)]
pub struct DaemonLock {
    _file: File,
}

/// The outcome of [`acquire`].
#[derive(Debug)]
pub enum LockOutcome {
    Acquired(DaemonLock),
    /// Another process holds it.
    Held {
        pid: Option<u32>,
    },
}

/// Locks `key`. Writes the id of this process into the file, for the warning of a second one.
///
/// # Errors
/// The directory or the file cannot be written, or the file system has no locks.
pub fn acquire(directory: &StateDirectory, key: &LockKey) -> io::Result<LockOutcome> {
    file::create_directory(directory.path()).map_err(io::Error::other)?;
    let mut file = open(directory, key)?;
    match try_lock(&file) {
        Ok(()) => {
            file.set_len(0)?;
            write!(file, "{}", std::process::id())?;
            Ok(LockOutcome::Acquired(DaemonLock { _file: file }))
        }
        Err(TryLockError::WouldBlock) => Ok(LockOutcome::Held { pid: pid(&file) }),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[expect(clippy::disallowed_methods, reason = "40 ms at most, before the daemon does anything else")]
fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            result => return result,
        }
    }
    file.try_lock()
}

/// Whether a daemon holds the lock of `key`. Creates nothing.
pub fn is_held(directory: &StateDirectory, key: &LockKey) -> bool {
    let file = File::open(directory.file(&key.file_name()));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn open(directory: &StateDirectory, key: &LockKey) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(directory.file(&key.file_name()))
}

fn pid(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(PID_BYTES).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "00000000-0000-4000-8000-00000000000a";

    fn key(url: &str, daemon_id: &str) -> LockKey {
        LockKey::new(&url.parse().unwrap(), WORKSPACE.parse().unwrap(), daemon_id)
    }

    #[test]
    fn second_lock_has_process_of_first() {
        let folder = tempfile::tempdir().unwrap();
        let directory = StateDirectory::at(folder.path().join("state"));
        let key = key("http://127.0.0.1:3000", "box");
        assert!(!is_held(&directory, &key) && !directory.path().exists());
        let LockOutcome::Acquired(first) = acquire(&directory, &key).unwrap() else { panic!("held") };
        assert!(is_held(&directory, &key));
        let LockOutcome::Held { pid } = acquire(&directory, &key).unwrap() else { panic!("acquired twice") };
        assert_eq!(pid, Some(std::process::id()));
        drop(first);
        assert!(!is_held(&directory, &key));
        assert!(matches!(acquire(&directory, &key).unwrap(), LockOutcome::Acquired(_)));
    }

    #[test]
    fn key_is_of_server_workspace_and_daemon() {
        let one = key("http://127.0.0.1:3000", "box");
        for url in [
            "http://127.0.0.1:3000/",
            "http://me:secret@127.0.0.1:3000",
            "http://127.0.0.1:3000/?key=secret#a",
        ] {
            assert_eq!(one, key(url, "box"), "{url}");
        }
        assert_ne!(one, key("http://127.0.0.1:3001", "box"));
        assert_ne!(one, key("http://127.0.0.1:3000", "box2"));
    }
}
