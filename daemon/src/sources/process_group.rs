//! A running program in a process group of its own, so that its children can be killed with it: some agent programs are
//! scripts that start the real program. A process that the program left behind at a normal exit is not killed.
//!
//! `process-wrap` does not replace this: it does not kill the group on drop, and its `wait` also waits for background
//! children.

use std::io;
use std::process::ExitStatus;

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, copy, sink};
use tokio::process::{Child, Command};

use super::model_list::read_to_limit;

/// How much of standard error is searched for a login request.
pub(super) const STDERR_BYTES: u64 = 64 << 10;

/// The output of a program that has exited.
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    /// The first 64 KiB.
    pub(super) stderr: Vec<u8>,
}

/// A child that leads a process group. Dropping it before the exit kills the group.
pub(crate) struct ProcessGroup(Child);

impl ProcessGroup {
    /// Starts the program in a process group of its own. Outside of Unix there are no groups, and only the program is killed.
    pub(crate) fn spawn(mut command: Command) -> io::Result<Self> {
        command.kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map(Self)
    }

    /// The group's leader.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// The id of the leader and the group; `None` once the leader has been waited for, because the id may belong to another
    /// group then.
    #[cfg(unix)]
    pub(crate) fn leader(&self) -> Option<Pid> {
        self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
    }

    /// Sends a signal to every process of the group, unless the leader has been waited for.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: Signal) {
        let Some(leader) = self.leader() else { return };
        if let Err(error) = kill_process_group(leader, signal) {
            tracing::warn!(%error, "children of a program may still be running");
        }
    }

    /// Reads the output and waits for the exit; `None` if standard output is over the limit for a list.
    pub(super) async fn output(mut self) -> io::Result<Option<Output>> {
        let (Some(stdout), Some(stderr)) = (self.0.stdout.take(), self.0.stderr.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let stdout = async { read_to_limit(stdout).await?.ok_or(io::ErrorKind::FileTooLarge.into()) };
        // Waits last: after the wait, the group's id may belong to another group.
        match tokio::try_join!(stdout, read_prefix(stderr, STDERR_BYTES)) {
            Ok((stdout, stderr)) => Ok(Some(Output { status: self.0.wait().await?, stdout, stderr })),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(unix)]
impl Drop for ProcessGroup {
    /// `kill_on_drop` kills the child itself.
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The first `limit` bytes. The rest is read and dropped, so that the writer does not block.
pub(super) async fn read_prefix(mut source: impl AsyncRead + Unpin, limit: u64) -> io::Result<Vec<u8>> {
    let mut prefix = Vec::new();
    (&mut source).take(limit).read_to_end(&mut prefix).await?;
    copy(&mut source, &mut sink()).await?;
    Ok(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_prefix_and_drops_rest() {
        let mut source: &[u8] = b"the prefix, and the rest";
        assert_eq!(read_prefix(&mut source, 10).await.unwrap(), b"the prefix");
        assert!(source.is_empty());
    }
}
