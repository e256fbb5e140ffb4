//! `doorbell dev` as a process of its own, so that its memory and its time on a core are nobody else's.
//!
//! A bench has no other binary at hand than its own, so that one starts itself again, with the command's arguments.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use clap::Parser as _;
use doorbell_cli::arguments::Arguments;
use doorbell_cli::{commands, output};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// What the first argument is when this process is to be the server.
const SERVER: &str = "dev";

/// Linux counts processor time in these, whatever the kernel's own clock is (`man 5 proc`, `USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Whether this process is to be the server.
pub(crate) fn is_asked_for() -> bool {
    std::env::args().nth(1).is_some_and(|first| first == SERVER)
}

/// Is the server, until it is killed.
pub(crate) async fn be() {
    let arguments = Arguments::parse();
    output::log_to_stderr(arguments.log_level());
    commands::run(arguments).await.unwrap();
}

/// A server that is killed when the bench is done with it.
pub(crate) struct Server {
    /// Host and port.
    pub(crate) addr: String,
    child: Child,
    /// Kept: whoever prints to a closed pipe fails.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts one on `store`, and waits until it listens.
    pub(crate) async fn start(store: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([SERVER, "--no-daemon", "--addr", "127.0.0.1:0", "--store", store]);
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let printed = stdout.next_line().await.unwrap().unwrap();
        let addr = printed.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        Self { addr: addr.to_owned(), child, _stdout: stdout }
    }

    /// Bytes that are resident now.
    pub(crate) fn resident(&self) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        1024.0 * line.trim().trim_end_matches(" kB").parse::<f64>().unwrap()
    }

    /// Time on a core so far, of all threads.
    pub(crate) fn on_core(&self) -> Duration {
        let stat = self.proc("stat");
        // The name in brackets may hold spaces; `utime` and `stime` are the 12th and 13th after it.
        let ticks = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
        TICK * ticks.map(|ticks| ticks.parse::<u32>().unwrap()).sum()
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id().unwrap())).unwrap()
    }
}
