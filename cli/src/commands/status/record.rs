//! Writes `status.json` while a daemon runs.

use std::convert::Infallible;
use std::time::Duration;

use doorbell_daemon::{Connection, DaemonStatus};
use doorbell_protocol::Timestamp;
use doorbell_shared::clock::Clock;
use tokio::sync::watch;

use super::file::{DaemonProcess, StatusFile, summaries};
use crate::state::StateDirectory;

/// At most one write in this time: each waits for the disk, and a channel that flaps may change often.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes each change of `status`. Whether the file can be written does not concern the daemon: the first failure is logged.
pub(crate) async fn record(
    directory: StateDirectory,
    process: DaemonProcess,
    mut status: watch::Receiver<DaemonStatus>,
    clock: impl Clock,
) -> Infallible {
    let mut since = clock.now();
    let mut written: Option<StatusFile> = None;
    let mut has_failed = false;
    loop {
        let current = status.borrow_and_update().clone();
        if written.as_ref().is_none_or(|written| written.connection != name(&current.connection)) {
            since = clock.now();
        }
        let file = file(&process, &current, since);
        if let Err(error) = file.store(&directory)
            && !std::mem::replace(&mut has_failed, true)
        {
            tracing::warn!(%error, "`doorbell daemon status` cannot show this daemon");
        }
        written = Some(file);
        tokio::time::sleep(PAUSE).await;
        if status.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn file(process: &DaemonProcess, status: &DaemonStatus, since: Timestamp) -> StatusFile {
    let reason = match &status.connection {
        Connection::Retrying { reason } => Some(reason.clone()),
        _ => None,
    };
    StatusFile {
        connected: status.connection == Connection::Online,
        connection: name(&status.connection).to_owned(),
        reason,
        since,
        push: status.push.to_string(),
        process: process.clone(),
        runtimes: summaries(&status.runtimes),
    }
}

fn name(connection: &Connection) -> &'static str {
    match connection {
        Connection::Starting => "starting",
        Connection::NoAgents => "no agents",
        Connection::Online => "online",
        Connection::Retrying { .. } => "retrying",
        Connection::TokenRejected => "token rejected",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use doorbell_shared::clock::SystemClock;

    use super::*;

    /// Each call is a second later.
    #[derive(Default)]
    struct Ticks(AtomicI64);

    impl Clock for Ticks {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1_000 * self.0.fetch_add(1, Ordering::Relaxed)).unwrap()
        }
    }

    fn retrying(reason: &str) -> DaemonStatus {
        DaemonStatus {
            connection: Connection::Retrying { reason: reason.to_owned() },
            ..DaemonStatus::default()
        }
    }

    /// Runs `changes` beside the recorder in virtual time and returns the file.
    async fn recorded(
        changes: impl AsyncFnOnce(&watch::Sender<DaemonStatus>, &StateDirectory),
    ) -> StatusFile {
        let folder = tempfile::tempdir().unwrap();
        let directory = StateDirectory::at(folder.path().join("state"));
        let url = "https://doorbell.example.com".parse().unwrap();
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let process = DaemonProcess::new(&url, workspace, "box", SystemClock.now());
        let (sender, status) = watch::channel(DaemonStatus::default());
        let changes = async {
            // Lets the recorder write first.
            tokio::time::sleep(PAUSE / 2).await;
            changes(&sender, &directory).await;
        };
        tokio::select! {
            never = record(directory.clone(), process, status, Ticks::default()) => match never {},
            () = changes => {}
        }
        StatusFile::load(&directory).unwrap().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn records_every_state_and_reason() {
        for (connection, name, connected) in [
            (Connection::Starting, "starting", false),
            (Connection::NoAgents, "no agents", false),
            (Connection::Online, "online", true),
            (Connection::TokenRejected, "token rejected", false),
        ] {
            let file = recorded(async |sender, _| {
                sender.send_replace(DaemonStatus { connection, ..DaemonStatus::default() });
                tokio::time::sleep(PAUSE).await;
            })
            .await;
            assert_eq!((file.connection.as_str(), file.connected, file.reason), (name, connected, None));
        }
        let file = recorded(async |sender, _| {
            sender.send_replace(retrying("no connection"));
            tokio::time::sleep(PAUSE).await;
        })
        .await;
        assert_eq!((file.connected, file.reason.as_deref()), (false, Some("no connection")));
    }

    #[tokio::test(start_paused = true)]
    async fn writes_at_most_once_a_second() {
        let file = recorded(async |sender, directory| {
            for number in 0..4 {
                sender.send_replace(retrying(&number.to_string()));
                tokio::time::sleep(PAUSE / 10).await;
                let file = StatusFile::load(directory).unwrap().unwrap();
                assert_eq!(file.connection, "starting", "{number}");
            }
            tokio::time::sleep(PAUSE).await;
        })
        .await;
        assert_eq!(file.reason.as_deref(), Some("3"), "the last change is missing");
    }

    #[tokio::test(start_paused = true)]
    async fn time_of_connection_survives_other_changes() {
        let mut before = None;
        let file = recorded(async |sender, directory| {
            sender.send_replace(retrying("a"));
            tokio::time::sleep(PAUSE).await;
            before = StatusFile::load(directory).unwrap();
            sender.send_replace(retrying("b"));
            tokio::time::sleep(PAUSE * 2).await;
        })
        .await;
        let before = before.unwrap();
        assert_eq!((before.reason.as_deref(), file.reason.as_deref()), (Some("a"), Some("b")));
        assert_eq!(before.since, file.since);
    }
}
