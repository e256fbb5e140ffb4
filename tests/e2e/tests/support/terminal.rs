//! A process on a pseudo-terminal.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::process::{Child, Command};

use super::process::{Output, collect_blocking, to_end, wait_for};
use super::with_timeout;

#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Output,
}

impl Terminal {
    pub fn start(mut command: Command, columns: u16) -> Self {
        let (screen, terminal) = open(columns);
        let [stdin, stdout, stderr] = [(); 3].map(|()| Stdio::from(terminal.try_clone().unwrap()));
        command.env("TERM", "xterm-256color").stdin(stdin).stdout(stdout).stderr(stderr).kill_on_drop(true);
        let keyboard = screen.try_clone().unwrap();
        // The terminal ends with its last open file, so this process must keep none.
        Self { child: command.spawn().unwrap(), keyboard, screen: collect_blocking(|| Ok(screen)) }
    }

    /// Types `text`; `\r` is the key Enter.
    pub fn type_text(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    pub async fn wait_for(&self, text: &str) {
        wait_for(&self.screen, text).await;
    }

    /// Waits until the terminal does not show what is typed. A program prints its prompt before it asks for that.
    #[cfg(target_os = "linux")]
    pub async fn wait_until_echo_is_off(&self) {
        use rustix::termios::{LocalModes, tcgetattr};

        let is_on = || tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO);
        let off = async {
            while is_on() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        with_timeout("a terminal without echo", off).await;
    }

    /// Waits for the end; returns the exit code and the screen with all control sequences.
    pub async fn end(mut self) -> (Option<i32>, String) {
        let status = with_timeout("the end of a process", self.child.wait()).await.unwrap();
        (status.code(), to_end(self.screen).await)
    }
}

/// [`Terminal::start`] and [`Terminal::end`].
pub async fn run(command: Command, columns: u16) -> (Option<i32>, String) {
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
