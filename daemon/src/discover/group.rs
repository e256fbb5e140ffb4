//! A program that runs, with all that it started: read to its end, or killed to the last of them.

use std::io;
use std::process::ExitStatus;

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

use super::bounded::{beginning, whole};

/// How much of the standard error is looked at.
const COMPLAINT_BYTES: u64 = 64 << 10;

/// What came of running a program.
pub(crate) struct Output {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// All that it printed.
    pub(crate) stdout: Vec<u8>,
    /// The beginning of its standard error. Anonymous is shown it.
    pub(super) complaint: Vec<u8>,
}

/// A child that leads a process group and takes it along when it is dropped before its end.
pub(super) struct Group(Child);

impl Group {
    /// The group that `child` was started as the leader of.
    pub(super) fn of(child: Child) -> Self {
        Self(child)
    }

    /// What came of it, or nothing if it printed too much.
    pub(super) async fn output(mut self) -> io::Result<Option<Output>> {
        let (Some(stdout), Some(stderr)) = (self.0.stdout.take(), self.0.stderr.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let printed = async { whole(stdout).await?.ok_or(io::ErrorKind::FileTooLarge.into()) };
        // The exit is collected last: until then the group's id is the child's own and can't be a stranger's.
        match tokio::try_join!(printed, beginning(stderr, COMPLAINT_BYTES)) {
            Ok((stdout, complaint)) => Ok(Some(Output { status: self.0.wait().await?, stdout, complaint })),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(unix)]
impl Drop for Group {
    /// The child itself is killed in any case, by `kill_on_drop`.
    fn drop(&mut self) {
        let leader = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(leader) = leader else { return };
        if let Err(error) = kill_process_group(leader, Signal::KILL) {
            tracing::warn!(%error, "what an agent program started may still be running");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;
    use tokio::io::AsyncReadExt;
    use tokio::net::unix::pipe::{OpenOptions, Receiver};

    use crate::discover::process::Program;
    use crate::discover::script::executable;

    fn script(folder: &TempDir, body: &str) -> Program {
        let hold = "exec 3> \"$(dirname \"$0\")/fifo\"; sleep 1000 & echo started >&3";
        Program::new(executable(folder.path(), "agent", &format!("{hold}; {body}")), ["list"])
    }

    /// Reads as long as any process of the script is alive.
    fn lifeline(folder: &TempDir) -> Receiver {
        let path = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        OpenOptions::new().open_receiver(path).unwrap()
    }

    async fn ends(mut lifeline: Receiver) {
        let until_all_are_gone = async { lifeline.read_to_end(&mut Vec::new()).await.unwrap() };
        tokio::time::timeout(Duration::from_secs(20), until_all_are_gone).await.expect("a process lives on");
    }

    #[tokio::test]
    async fn a_program_that_prints_without_end_is_stopped_with_all_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let lifeline = lifeline(&folder);
        let error = script(&folder, "exec yes").list(None).await.unwrap_err();
        let text = "agent printed something other than a list of models; is it up to date?";
        assert_eq!(error.to_string(), text);
        ends(lifeline).await;
    }

    #[tokio::test]
    async fn a_program_that_is_given_up_is_gone_with_all_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let (mut lifeline, program) = (lifeline(&folder), script(&folder, "wait"));
        let running = tokio::spawn(async move { program.list(None).await.is_ok() });
        lifeline.readable().await.unwrap();
        let mut started = [0; 8];
        lifeline.read_exact(&mut started).await.unwrap();
        running.abort();
        ends(lifeline).await;
    }
}
