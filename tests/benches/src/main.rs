//! Makes `BENCHMARKS.md`, its plots and the README's short table of what the benches left.
//!
//! The one place that knows which benches there are, and in which order they are told.

mod money;
mod report;

use std::path::Path;
use std::process::ExitCode;

use doorbell_bench::{Record, load};
use doorbell_cli::output;
use money::Prices;
use report::{Document, ReportError};

/// The repository's root.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The benches, in the order in which they are told.
const BENCHES: [&str; 5] = ["time_to_answer", "counted_cost", "cold_start", "warm_path", "scale"];

/// Where among them the bill is told: after what was counted.
const BILL: usize = 2;

fn main() -> ExitCode {
    match run(Path::new(ROOT)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(format!("no report: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path) -> Result<(), ReportError> {
    let found = BENCHES.map(found).into_iter().collect::<Result<Vec<_>, _>>()?;
    let first = &found[0];
    if found.iter().any(|record| record.machine != first.machine) {
        return Err(ReportError::SeveralMachines);
    }
    let figures = found.iter().map(|record| &record.section.figures);
    let bill = money::section(&Prices::published()?, &figures.collect::<Vec<_>>())?;

    let mut sections: Vec<_> = found.iter().map(|record| record.section.clone()).collect();
    sections.insert(BILL, bill);
    let document = Document::of(&sections, &first.machine, &days(&found))?;
    document.write(root)?;
    output::line(format!("wrote BENCHMARKS.md, {} plots, and the README's table", document.plots.len()));
    Ok(())
}

/// One day, or from the first to the last of several.
fn days(records: &[Record]) -> String {
    let days = || records.iter().map(|record| record.day.as_str());
    match (days().min().unwrap_or_default(), days().max().unwrap_or_default()) {
        (first, last) if first == last => first.to_owned(),
        (first, last) => format!("{first} to {last}"),
    }
}

fn found(bench: &'static str) -> Result<Record, ReportError> {
    load(bench).map_err(|source| ReportError::NotRun { bench, source })
}
