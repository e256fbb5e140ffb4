//! What benches leave for the report: one file each under `target/doorbell-bench/`, the last run's.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use doorbell_shared::clock::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};

use crate::{Effort, Machine, Section};

/// What a bench left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The day that it ran, as `2026-11-22`.
    pub day: String,
    /// What it ran on.
    pub machine: Machine,
    /// What it found.
    pub section: Section,
}

/// Prints `section`, and leaves it as what the bench `name` found. A brief run does neither: its figures mean nothing.
///
/// # Errors
/// When the file cannot be written.
pub fn save(name: &str, effort: Effort, section: &Section) -> io::Result<()> {
    if effort == Effort::Brief {
        return Ok(());
    }
    // A reader that has gone away (`| head`) is no error.
    let _ = writeln!(io::stdout(), "{section}");
    fs::create_dir_all(folder())?;
    let now = SystemClock.now().to_string();
    let day = now.split('T').next().unwrap_or_default().to_owned();
    let record = Record { day, machine: Machine::this(), section: section.clone() };
    fs::write(file(name), serde_json::to_vec_pretty(&record)?)
}

/// What the bench `name` left when it last ran.
///
/// # Errors
/// When it never ran in full, or what it left is of another version.
pub fn load(name: &str) -> io::Result<Record> {
    Ok(serde_json::from_slice(&fs::read(file(name))?)?)
}

fn file(name: &str) -> PathBuf {
    folder().join(format!("{name}.json"))
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/doorbell-bench"))
}
