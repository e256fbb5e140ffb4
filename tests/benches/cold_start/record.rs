//! What was measured, start by start: of this run, and of one that is kept to be compared with.

use std::fs;

use doorbell_bench::Machine;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::binaries::EMPTY;

const BEFORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cold_start/before.json");

/// A run.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    /// What it ran on.
    pub(crate) processor: String,
    /// Every function, the empty one too.
    pub(crate) functions: Vec<Measured>,
}

/// A function: its binary, and a value for each round.
#[derive(Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Its name.
    pub(crate) function: String,
    /// The binary's size.
    pub(crate) binary_bytes: usize,
    /// The deployment package's size.
    pub(crate) zip_bytes: usize,
    /// From starting the process until it asks for its first event.
    pub(crate) init_ms: Vec<f64>,
    /// The first call, after that.
    pub(crate) first_ms: Vec<f64>,
    /// The median of the calls after the first.
    pub(crate) warm_ms: Vec<f64>,
    /// The most memory that the process has had by then.
    pub(crate) peak_bytes: Vec<u64>,
}

impl Record {
    pub(crate) fn of_this_machine(functions: Vec<Measured>) -> Self {
        Self { processor: Machine::this().processor, functions }
    }

    /// The function of that name.
    pub(crate) fn function(&self, name: &str) -> Result<&Measured> {
        let found = self.functions.iter().find(|measured| measured.function == name);
        Ok(found.ok_or_else(|| format!("{name} was not measured"))?)
    }

    /// The one that the others are measured against.
    pub(crate) fn empty(&self) -> Result<&Measured> {
        self.function(EMPTY)
    }

    /// The run that is kept.
    pub(crate) fn before() -> Result<Self> {
        let text = fs::read_to_string(BEFORE).map_err(|error| format!("{BEFORE}: {error}"))?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Keeps this run, instead of the one that was kept.
    pub(crate) fn keep_as_before(&self) -> Result<()> {
        Ok(fs::write(BEFORE, self.text()?)?)
    }

    /// A line for each function: a value for each would be a thousand.
    fn text(&self) -> Result<String> {
        let functions =
            self.functions.iter().map(serde_json::to_string).collect::<serde_json::Result<Vec<_>>>()?;
        let processor = serde_json::to_string(&self.processor)?;
        Ok(format!("{{\"processor\": {processor}, \"functions\": [\n{}\n]}}\n", functions.join(",\n")))
    }
}

impl Measured {
    pub(crate) fn new(function: &str, binary_bytes: usize, zip_bytes: usize) -> Self {
        let function = function.to_owned();
        let (init_ms, first_ms, warm_ms, peak_bytes) = Default::default();
        Self { function, binary_bytes, zip_bytes, init_ms, first_ms, warm_ms, peak_bytes }
    }

    /// Notes one start.
    pub(crate) fn note(&mut self, init_ms: f64, first_ms: f64, warm_ms: f64, peak_bytes: u64) {
        self.init_ms.push(init_ms);
        self.first_ms.push(first_ms);
        self.warm_ms.push(warm_ms);
        self.peak_bytes.push(peak_bytes);
    }
}
