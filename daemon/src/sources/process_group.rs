//! A running program in a process group of its own, so that its children can be killed with it: some agent programs are
//! scripts that start the real program.
//!
//! - A program that has exited has answered, although a child may hold its output open: the output is read for
//!   [`DRAIN_TIMEOUT`] more, and then the group is killed.
//! - A process that leaves the group escapes: `setsid`, daemons, and the jobs of an interactive shell. The kinds of requests
//!   that owners declare search for such descendants (`questions::descendants`), because their programs do what clients ask for;
//!   a list of models is asked of programs that the user of this machine runs anyway. Outside of Unix there are no groups, and
//!   only the program itself is killed.
//!
//! `process-wrap` does not replace this: it does not kill the group on drop, and its `wait` also waits for background
//! children.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

#[cfg(unix)]
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncRead, AsyncReadExt, copy, sink};
use tokio::process::{Child, Command};

use super::model_list::LIST_BYTES;

/// How much of standard error is searched for a login request.
pub(super) const STDERR_BYTES: u64 = 64 << 10;

/// How long outputs are read after the exit. What the program wrote is in the pipes by then; a child may hold them open for ever.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// The longest interval of checks whether a program has exited.
#[cfg(unix)]
const EXIT_CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// The output of a program that has exited.
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    /// The first 64 KiB.
    pub(crate) stderr: Vec<u8>,
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

    /// Reads the output until its end, or until [`DRAIN_TIMEOUT`] after the exit, and ends the group. `None` if standard output
    /// is over the limit for a list.
    pub(super) async fn output(mut self) -> io::Result<Option<Output>> {
        let (Some(stdout_pipe), Some(stderr_pipe)) = (self.0.stdout.take(), self.0.stderr.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let read = async {
            let stdout = read_list(stdout_pipe, &mut stdout);
            tokio::try_join!(stdout, read_prefix_into(stderr_pipe, STDERR_BYTES, &mut stderr)).map(|_| ())
        };
        match self.until_exit(read).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(Some(Output { status: self.wait().await?, stdout, stderr }))
    }

    /// Waits for the exit of the leader, and ends the rest of the group.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        #[cfg(unix)]
        {
            self.exit().await;
            // The leader has not been waited for, so the group's id is still its own.
            self.signal(Signal::KILL);
        }
        self.0.wait().await
    }

    /// Runs `read` to its end, at most [`DRAIN_TIMEOUT`] after the exit. No end within that time is not an error.
    async fn until_exit(&self, read: impl Future<Output = io::Result<()>>) -> io::Result<()> {
        let mut read = std::pin::pin!(read);
        tokio::select! {
            read = &mut read => read,
            () = self.exit() => tokio::time::timeout(DRAIN_TIMEOUT, read).await.unwrap_or(Ok(())),
        }
    }

    /// Waits for the exit of the leader, and leaves it as a zombie.
    #[cfg(unix)]
    async fn exit(&self) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let mut interval = Duration::from_millis(1);
        while let Some(leader) = self.leader()
            && matches!(waitid(WaitId::Pid(leader), options), Ok(None))
        {
            tokio::time::sleep(interval).await;
            interval = (interval * 2).min(EXIT_CHECK_INTERVAL);
        }
    }

    /// There is no such wait: only the end of the output counts.
    #[cfg(not(unix))]
    async fn exit(&self) {
        std::future::pending().await
    }
}

#[cfg(unix)]
impl Drop for ProcessGroup {
    /// `kill_on_drop` kills the child itself.
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Reads to the end. `FileTooLarge` if that is over the limit for a list.
async fn read_list(source: impl AsyncRead + Unpin, list: &mut Vec<u8>) -> io::Result<()> {
    source.take(LIST_BYTES as u64 + 1).read_to_end(list).await?;
    if list.len() > LIST_BYTES { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(()) }
}

/// The first `limit` bytes. The rest is read and dropped, so that the writer does not block.
pub(super) async fn read_prefix(source: impl AsyncRead + Unpin, limit: u64) -> io::Result<Vec<u8>> {
    let mut prefix = Vec::new();
    read_prefix_into(source, limit, &mut prefix).await?;
    Ok(prefix)
}

async fn read_prefix_into(
    mut source: impl AsyncRead + Unpin,
    limit: u64,
    prefix: &mut Vec<u8>,
) -> io::Result<()> {
    (&mut source).take(limit).read_to_end(prefix).await?;
    copy(&mut source, &mut sink()).await?;
    Ok(())
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
