//! A terminal, to see what a person sees.

use std::fs::{File, OpenOptions};
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::process::{Child, Command};

use super::in_time;
use super::process::{Printed, all, printed_slowly, until};

/// A process on a terminal of its own.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    shown: Printed,
}

impl Terminal {
    /// Starts `command` on a terminal of `columns`.
    pub fn start(mut command: Command, columns: u16) -> Self {
        let (screen, terminal) = open(columns);
        let [stdin, stdout, stderr] = [(); 3].map(|()| Stdio::from(terminal.try_clone().unwrap()));
        command.env("TERM", "xterm-256color").stdin(stdin).stdout(stdout).stderr(stderr).kill_on_drop(true);
        // The terminal ends with the last that has it open, so none of it may stay here.
        Self { child: command.spawn().unwrap(), shown: printed_slowly(|| Ok(screen)) }
    }

    /// Waits until `text` is shown.
    pub async fn shows(&self, text: &str) {
        until(&self.shown, text).await;
    }

    /// Waits for the end: the exit code, and everything that was shown, with all control sequences.
    pub async fn end(mut self) -> (Option<i32>, String) {
        let status = in_time("the end of a process", self.child.wait()).await.unwrap();
        (status.code(), all(self.shown).await)
    }
}

/// Runs `command` to its end.
pub async fn show(command: Command, columns: u16) -> (Option<i32>, String) {
    Terminal::start(command, columns).end().await
}

fn open(columns: u16) -> (File, File) {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&screen).unwrap();
    unlockpt(&screen).unwrap();
    tcsetwinsize(&screen, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&screen, Vec::new()).unwrap().into_string().unwrap();
    (File::from(screen), OpenOptions::new().read(true).write(true).open(name).unwrap())
}
