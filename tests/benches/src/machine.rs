//! What the figures were measured on.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// A machine, in words. Empty where this one does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// How many of its cores there are.
    pub cores: usize,
    /// Memory in MB.
    pub memory_mb: u64,
    /// The operating system's kernel.
    pub kernel: String,
    /// The compiler.
    pub rustc: String,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory_kb = value(&memory, "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0_u64);
        Self {
            processor: value(&cpu, "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mb: memory_kb / 1024,
            kernel: said(&["uname", "-sr"]),
            rustc: said(&["rustc", "--version"]),
        }
    }
}

fn value(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

fn said(command: &[&str]) -> String {
    let output = Command::new(command[0]).args(&command[1..]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
