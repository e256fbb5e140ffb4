//! One run of a question's program: input and output, and the end of it and its descendants.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use doorbell_protocol::{Json, RequestId};
#[cfg(unix)]
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
#[cfg(target_os = "linux")]
use tokio::task::spawn_blocking;
use tokio::time::error::Elapsed;

#[cfg(target_os = "linux")]
use super::descendants::Descendants;
use super::output::{Output, ReadError};
use super::stderr::Tail;
use crate::sources::process_group::ProcessGroup;

/// How long a program may clean up after SIGTERM.
#[cfg(unix)]
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// The interval of checks whether a program has exited after SIGTERM.
#[cfg(unix)]
const EXIT_CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// How long a killed program may take to exit. A process in an uninterruptible system call exits only after it.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long outputs are read after the exit. What the program wrote is in the pipes by then; a process that it left behind may
/// hold them open for ever.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// A program that has exited.
pub(super) struct Exit {
    pub(super) status: ExitStatus,
    pub(super) result: Json,
    /// The last lines of standard error.
    pub(super) stderr: String,
}

/// A running program. Dropping it before the exit kills the program and its descendants.
///
/// Holds the outputs until the end: a program that writes to a closed pipe is killed by SIGPIPE before it can clean up, and its
/// children lose the parent by which they are found.
pub(super) struct Run {
    group: ProcessGroup,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: ChildStderr,
    #[cfg(target_os = "linux")]
    request: RequestId,
}

impl Run {
    /// Starts `command`, whose input and outputs are pipes, and whose environment has the request's id.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(unused_variables, reason = "finds descendants on Linux only")
    )]
    pub(super) fn start(command: Command, request: RequestId) -> io::Result<Self> {
        let mut group = ProcessGroup::spawn(command)?;
        let child = group.child();
        let stdin = child.stdin.take();
        let outputs = (child.stdout.take(), child.stderr.take());
        let (Some(stdout), Some(stderr)) = outputs else { return Err(io::ErrorKind::BrokenPipe.into()) };
        Ok(Self {
            group,
            stdin,
            stdout,
            stderr,
            #[cfg(target_os = "linux")]
            request,
        })
    }

    /// Writes `input`, reads both outputs, and waits for the exit.
    pub(super) async fn exchange(
        &mut self,
        input: &[u8],
        progress: &watch::Sender<Option<Json>>,
    ) -> Result<Exit, ReadError> {
        let Self { group, stdin, stdout, stderr, .. } = self;
        let child = group.child();
        let stdin = stdin.take();
        let mut output = Output::new(progress);
        let mut tail = Tail::default();
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program may exit without reading its input.
                let _ = stdin.write_all(input).await;
            }
            Ok(())
        };
        let status = {
            let read = async { tail.read(stderr).await.map_err(ReadError::Io) };
            let mut streams = std::pin::pin!(async { tokio::try_join!(write, output.read(stdout), read) });
            tokio::select! {
                ended = &mut streams => {
                    ended?;
                    child.wait().await
                }
                status = child.wait() => {
                    // No end of the outputs within the limit is not an error.
                    if let Ok(ended) = tokio::time::timeout(DRAIN_TIMEOUT, &mut streams).await {
                        ended?;
                    }
                    status
                }
            }
        };
        Ok(Exit {
            status: status.map_err(ReadError::Io)?,
            result: output.into_result(),
            stderr: tail.last_lines(),
        })
    }

    /// Ends the program and its descendants, and leaves no zombie. Does nothing after the exit.
    #[cfg(target_os = "linux")]
    pub(super) async fn end(mut self) {
        let Some(leader) = self.group.leader() else { return };
        let request = self.request;
        let Ok(descendants) = spawn_blocking(move || Descendants::find(leader, request)).await else {
            return;
        };
        self.group.signal(Signal::TERM);
        descendants.terminate_outside_of_group();
        exit_within_timeout(leader).await;
        // The leader has not been waited for, so the group's id is still its own.
        let Ok(killed) = spawn_blocking(move || descendants.kill(leader, request)).await else { return };
        let ended = async {
            let _ = self.group.child().wait().await;
            while !killed.have_ended() {
                tokio::time::sleep(EXIT_CHECK_INTERVAL).await;
            }
        };
        let ended = tokio::time::timeout(KILL_TIMEOUT, ended).await;
        warn_unless_ended(&ended);
        killed.reap();
    }

    /// Ends the program and its process group, and leaves no zombie. Does nothing after the exit.
    #[cfg(not(target_os = "linux"))]
    pub(super) async fn end(mut self) {
        #[cfg(unix)]
        if let Some(leader) = self.group.leader() {
            self.group.signal(Signal::TERM);
            exit_within_timeout(leader).await;
            self.group.signal(Signal::KILL);
        }
        #[cfg(not(unix))]
        let _ = self.group.child().start_kill();
        warn_unless_ended(&tokio::time::timeout(KILL_TIMEOUT, self.group.child().wait()).await);
    }
}

fn warn_unless_ended<T>(ended: &Result<T, Elapsed>) {
    if ended.is_err() {
        tracing::warn!("a killed process has not exited yet");
    }
}

/// Waits for the exit of `leader`, at most for [`SHUTDOWN_TIMEOUT`]. Leaves the leader as a zombie.
#[cfg(unix)]
async fn exit_within_timeout(leader: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let exit = async {
        while matches!(waitid(WaitId::Pid(leader), options), Ok(None)) {
            tokio::time::sleep(EXIT_CHECK_INTERVAL).await;
        }
    };
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, exit).await;
}

#[cfg(target_os = "linux")]
impl Drop for Run {
    /// [`ProcessGroup`] kills the group.
    fn drop(&mut self) {
        if let Some(leader) = self.group.leader() {
            Descendants::find(leader, self.request).kill(leader, self.request).reap();
        }
    }
}
