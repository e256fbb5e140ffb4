//! Processes and their output.

use std::fs::File;
use std::io::{self, Read as _};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::with_timeout;

/// The output on one stream so far; closed at its end.
pub type Output = watch::Receiver<String>;

/// A process that is killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Output,
    stderr: Output,
}

#[derive(Debug)]
pub struct Ended {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null());
        Self::spawn(command)
    }

    /// Starts it and writes `input` to its standard input, which ends there.
    pub async fn start_with_input(mut command: Command, input: &str) -> Self {
        command.stdin(Stdio::piped());
        let mut running = Self::spawn(command);
        let mut stdin = running.child.stdin.take().unwrap();
        // A process that reads nothing may have ended.
        let _ = with_timeout("standard input", stdin.write_all(input.as_bytes())).await;
        running
    }

    fn spawn(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Waits until `text` is on standard output, and returns the output so far.
    pub async fn wait_for_stdout(&self, text: &str) -> String {
        wait_for(&self.stdout, text).await
    }

    pub async fn wait_for_stderr(&self, text: &str) -> String {
        wait_for(&self.stderr, text).await
    }

    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.id().try_into().unwrap());
        kill_process(id.unwrap(), signal).unwrap();
    }

    /// Sends SIGKILL and returns its standard error.
    pub async fn kill(&mut self) -> String {
        with_timeout("the end of a killed process", self.child.kill()).await.unwrap();
        to_end(self.stderr.clone()).await
    }

    pub fn id(&self) -> u32 {
        self.child.id().expect("the process runs")
    }

    pub async fn end(mut self) -> Ended {
        let status: ExitStatus = with_timeout("the end of a process", self.child.wait()).await.unwrap();
        Ended { code: status.code(), stdout: to_end(self.stdout).await, stderr: to_end(self.stderr).await }
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn terminate(self) -> Ended {
        self.signal(Signal::TERM);
        self.end().await
    }
}

/// Collects output in the background.
fn collect(mut stream: impl AsyncRead + Unpin + Send + 'static) -> Output {
    let (sender, output) = watch::channel(String::new());
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
            sender.send_replace(String::from_utf8_lossy(&bytes).into_owned());
        }
    });
    output
}

/// Collects output that has no non-blocking reads, on a detached thread.
pub fn collect_blocking(open: impl FnOnce() -> io::Result<File> + Send + 'static) -> Output {
    let (sender, output) = watch::channel(String::new());
    std::thread::spawn(move || {
        let mut file = open().unwrap();
        let mut chunk = [0; 4096];
        // The end of a terminal's last writer is a read error.
        while let Ok(read @ 1..) = file.read(&mut chunk) {
            sender.send_modify(|output| output.push_str(&String::from_utf8_lossy(&chunk[..read])));
        }
    });
    output
}

/// Waits until `text` is in the output.
pub async fn wait_for(output: &Output, text: &str) -> String {
    let mut output = output.clone();
    let found = with_timeout(text, output.wait_for(|output| output.contains(text)))
        .await
        .map(|output| output.clone());
    found.unwrap_or_else(|_| panic!("ended without {text:?}: {}", *output.borrow()))
}

/// The whole output, once the stream has ended.
pub async fn to_end(mut output: Output) -> String {
    with_timeout("the end of a stream", async { while output.changed().await.is_ok() {} }).await;
    output.borrow().clone()
}
