//! From sections to `BENCHMARKS.md`, SVG and the README's table. Knows Markdown and SVG, and no bench: everything that is
//! shown comes out of sections and their figures.
//!
//! The same sections give the same bytes.

mod axis;
mod error;
mod headline;
mod markdown;
mod plot;
mod readme;

use std::fs;
use std::path::Path;

use doorbell_bench::{Block, Machine, Section};

pub(crate) use error::ReportError;

/// Where the plots are, as seen from the root.
const PLOTS: &str = "tests/benches/plots";

/// Everything that is written.
#[derive(Debug)]
pub(crate) struct Document {
    /// `BENCHMARKS.md`.
    pub benchmarks: String,
    /// What goes between the README's markers.
    pub readme: String,
    /// Each plot's file name without `.svg`, and its SVG.
    pub plots: Vec<(String, String)>,
}

impl Document {
    /// Of sections in their order, measured on `machine`, on those `days`.
    pub(crate) fn of(sections: &[Section], machine: &Machine, days: &str) -> Result<Self, ReportError> {
        let headlines = headline::table(sections)?;
        let blocks = sections.iter().flat_map(|section| &section.blocks);
        let plots = blocks.filter_map(|block| match block {
            Block::Plot(plot) => Some(plot::svg(plot).map(|svg| (plot.name.clone(), svg))),
            _ => None,
        });
        Ok(Self {
            plots: plots.collect::<Result<_, _>>()?,
            benchmarks: markdown::document(sections, &headlines, machine, days),
            readme: markdown::table(&headlines),
        })
    }

    /// Writes it under `root`. Plots that are no longer made are deleted.
    pub(crate) fn write(&self, root: &Path) -> Result<(), ReportError> {
        let readme = root.join("README.md");
        let rewritten = readme::rewrite(&fs::read_to_string(&readme)?, &self.readme)?;
        let plots = root.join(PLOTS);
        if plots.exists() {
            fs::remove_dir_all(&plots)?;
        }
        fs::create_dir_all(&plots)?;
        for (name, svg) in &self.plots {
            fs::write(plots.join(format!("{name}.svg")), svg)?;
        }
        fs::write(root.join("BENCHMARKS.md"), &self.benchmarks)?;
        Ok(fs::write(readme, rewritten)?)
    }
}
