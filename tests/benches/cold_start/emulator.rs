//! One start of one function under the runtime interface emulator, which starts the function at its first call.
//!
//! The emulator's own log has the times. Its REPORT line is of no use here: its times are those of the emulator's HTTP, and
//! its memory is the function's setting.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::{Error, Result};

/// How long the emulator may take to listen, and a function to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// An emulator with its function. Both end when it is dropped.
pub(crate) struct Emulator {
    process: Child,
    http: reqwest::Client,
    address: String,
    log: PathBuf,
}

/// What one start took, in milliseconds, as the emulator saw it.
pub(crate) struct Times {
    /// From starting the process until it asks for its first event.
    pub(crate) init: f64,
    /// For each call, from handing out the event until the function asks for the next, which is what Lambda bills.
    pub(crate) calls: Vec<f64>,
}

impl Emulator {
    /// Starts `emulator` for `bootstrap`, in `folder` and with the environment that `environment` sets.
    pub(crate) async fn start(
        emulator: &Path,
        bootstrap: &Path,
        folder: &Path,
        environment: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        let log = folder.join("log");
        let output = File::create(&log)?;
        let [address, runtime_api] = free_addresses()?;
        let mut command = Command::new(emulator);
        environment(&mut command);
        command.current_dir(folder).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        command.args([
            "--runtime-interface-emulator-address",
            &address,
            "--runtime-api-address",
            &runtime_api,
        ]);
        let process = command.arg(bootstrap).spawn()?;
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let started = Self { process, http, address, log };
        // One may be there before the other, and the first call would start a function that finds no runtime API.
        for address in [&started.address, &runtime_api] {
            timeout(PATIENCE, listening(address)).await.map_err(|_| started.failed("does not listen"))?;
        }
        Ok(started)
    }

    /// What the function answers to `event`.
    pub(crate) async fn call(&self, event: String) -> Result<Value> {
        let url = format!("http://{}/2015-03-31/functions/function/invocations", self.address);
        let response = self.http.post(url).body(event).send().await;
        let response = response.map_err(|error| self.failed(&format!("does not answer ({error})")))?;
        response.json().await.map_err(|_| self.failed("answers with what is not JSON"))
    }

    /// The most memory that the function's process has had, in bytes.
    pub(crate) fn peak_bytes(&self) -> Result<u64> {
        let function = self.function().ok_or_else(|| self.failed("has no process"))?;
        let status = fs::read_to_string(format!("/proc/{function}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        Ok(peak.ok_or_else(|| self.failed("does not say its memory"))?.parse::<u64>()? * 1024)
    }

    /// What the start and the calls so far have taken. The emulator writes a call's line before it hands on the answer.
    pub(crate) fn times(&self) -> Result<Times> {
        let log = fs::read_to_string(&self.log)?;
        let times =
            |line, key| log.lines().filter_map(move |text| milliseconds(text.split_once(line)?.1, key));
        let init = times("INIT REPORT(", "durationMs: ").next();
        let init = init.ok_or_else(|| self.failed("says nothing of its start"))?;
        Ok(Times { init, calls: times("INVOKE RTDONE(", "duration: ").collect() })
    }

    /// An error that tells all that was logged.
    pub(crate) fn failed(&self, what: &str) -> Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        format!("it {what}; its log:\n{log}").into()
    }

    /// The process that one of the emulator's threads has started.
    fn function(&self) -> Option<u32> {
        let mut threads = fs::read_dir(format!("/proc/{}/task", self.process.id())).ok()?.flatten();
        threads.find_map(|thread| {
            let children = fs::read_to_string(thread.path().join("children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        })
    }
}

impl Drop for Emulator {
    /// The function first: the emulator would leave it behind.
    fn drop(&mut self) {
        if let Some(function) = self.function() {
            kill(function);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn listening(address: &str) {
    while TcpStream::connect(address).await.is_err() {
        sleep(Duration::from_millis(5)).await;
    }
}

/// A process that has ended by itself is as good.
#[cfg(unix)]
fn kill(process: u32) {
    use rustix::process::{Pid, Signal, kill_process};
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(process, Signal::KILL);
    }
}

/// There is no emulator for such a system.
#[cfg(not(unix))]
fn kill(_: u32) {}

/// The number after `key`: `durationMs: 11.300000` or `duration: 0.706000ms`.
fn milliseconds(text: &str, key: &str) -> Option<f64> {
    let number = text.split_once(key)?.1;
    number.split(|character: char| character != '.' && !character.is_ascii_digit()).next()?.parse().ok()
}

/// Both are held until both are known, so they differ.
fn free_addresses() -> io::Result<[String; 2]> {
    let held = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    Ok([held[0].local_addr()?.to_string(), held[1].local_addr()?.to_string()])
}
