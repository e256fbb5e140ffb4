//! Makes `BENCHMARKS.md`, its plots and the README's short table of what the benches left.
//!
//! The one place that knows which benches there are, and in which order they are told.

mod money;
mod report;

use std::path::Path;
use std::process::ExitCode;

use doorbell_bench::{Machine, Section, load};
use doorbell_cli::output;
use doorbell_shared::clock::{Clock as _, SystemClock};
use money::Prices;
use report::{Document, ReportError};

/// The repository's root.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

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
    let counted = found("counted_cost")?;
    let cold = found("cold_start")?;
    let warm = found("warm_path")?;
    let scale = found("scale")?;
    let answer = found("time_to_answer")?;
    let measured = [&counted, &cold, &answer].into_iter().map(|section| &section.figures);
    let bill = money::section(&Prices::published()?, &measured.collect::<Vec<_>>())?;

    let sections = [answer, counted, bill, cold, warm, scale];
    let document = Document::of(&sections, &Machine::this(), SystemClock.now())?;
    document.write(root)?;
    output::line(format!("wrote BENCHMARKS.md, {} plots, and the README's table", document.plots.len()));
    Ok(())
}

fn found(bench: &'static str) -> Result<Section, ReportError> {
    load(bench).map_err(|source| ReportError::NotRun { bench, source })
}
