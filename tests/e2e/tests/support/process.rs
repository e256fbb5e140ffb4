//! A process and what it has printed so far.

use std::fs::File;
use std::io::{self, Read as _};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::in_time;

/// What has been printed to one stream; closed at its end.
pub type Printed = watch::Receiver<String>;

/// A process that is killed when the test is done with it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Printed,
    stderr: Printed,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Running {
    /// Starts it without anything to read.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdout = printed(child.stdout.take().unwrap());
        let stderr = printed(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Waits until `text` is on its standard output, and returns what is there by then.
    pub async fn prints(&self, text: &str) -> String {
        until(&self.stdout, text).await
    }

    /// Waits until `text` is on its standard error.
    pub async fn complains(&self, text: &str) -> String {
        until(&self.stderr, text).await
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.id().try_into().unwrap());
        kill_process(id.unwrap(), signal).unwrap();
    }

    /// Ends it without a chance to do anything more, and returns all that was on its standard error.
    pub async fn kill(&mut self) -> String {
        in_time("the end of a killed process", self.child.kill()).await.unwrap();
        all(self.stderr.clone()).await
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it still runs")
    }

    /// Waits for its end.
    pub async fn end(mut self) -> Ended {
        let status: ExitStatus = in_time("the end of a process", self.child.wait()).await.unwrap();
        Ended { code: status.code(), stdout: all(self.stdout).await, stderr: all(self.stderr).await }
    }

    /// Asks it to end, as a supervisor does.
    pub async fn terminate(self) -> Ended {
        self.signal(Signal::TERM);
        self.end().await
    }
}

/// Collects what is printed, beside the test.
pub fn printed(mut stream: impl AsyncRead + Unpin + Send + 'static) -> Printed {
    let (sender, printed) = watch::channel(String::new());
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
            sender.send_replace(String::from_utf8_lossy(&bytes).into_owned());
        }
    });
    printed
}

/// Collects what can only be read by waiting for it, on a thread that nothing waits for.
pub fn printed_slowly(open: impl FnOnce() -> io::Result<File> + Send + 'static) -> Printed {
    let (sender, printed) = watch::channel(String::new());
    std::thread::spawn(move || {
        let (mut file, mut chunk) = (open().unwrap(), [0; 4096]);
        // On a terminal, the end of all writers is an error to the reader.
        while let Ok(read @ 1..) = file.read(&mut chunk) {
            sender.send_modify(|printed| printed.push_str(&String::from_utf8_lossy(&chunk[..read])));
        }
    });
    printed
}

/// Waits until `text` has been printed.
pub async fn until(printed: &Printed, text: &str) -> String {
    let mut printed = printed.clone();
    let found = in_time(text, printed.wait_for(|printed| printed.contains(text))).await.map(|p| p.clone());
    found.unwrap_or_else(|_| panic!("ended without {text:?}: {}", *printed.borrow()))
}

/// Everything, once the stream has ended.
pub async fn all(mut printed: Printed) -> String {
    in_time("the end of a stream", async { while printed.changed().await.is_ok() {} }).await;
    printed.borrow().clone()
}
