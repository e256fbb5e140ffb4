//! Why there is no report.

use std::io;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    /// A bench left nothing that can be read.
    #[error(
        "the bench {bench} left nothing to read ({source}); \
         run `cargo bench -p doorbell-bench --bench {bench}`, or all with `tests/benches/run.sh`"
    )]
    NotRun {
        /// Which.
        bench: &'static str,
        /// What happened.
        source: io::Error,
    },
    /// What was measured on different machines, or with different compilers, is not to be compared.
    #[error(
        "the benches were not all run on one machine with one compiler; run all with `tests/benches/run.sh`"
    )]
    SeveralMachines,
    /// A number that something is computed from was not measured.
    #[error("no bench noted the figure {0}")]
    NoFigure(String),
    /// The prices are not what they should be.
    #[error("tests/benches/prices.toml: {0}")]
    Prices(#[from] toml::de::Error),
    /// A value has no place on its axis: not a number, or not above zero where the axis is logarithmic.
    #[error("the plot {plot} cannot show ({x}, {y}) of {series:?}")]
    Unplottable {
        /// The plot's name.
        plot: String,
        /// The line's name.
        series: String,
        /// Along.
        x: f64,
        /// Up.
        y: f64,
    },
    /// A plot without any point.
    #[error("the plot {0} has nothing to show")]
    EmptyPlot(String),
    /// A plot that could not be drawn.
    #[error("the plot {plot} could not be drawn: {reason}")]
    Undrawn {
        /// The plot's name.
        plot: String,
        /// Why.
        reason: String,
    },
    /// The README has no place for the table.
    #[error("README.md has no `{0}`")]
    NoMarker(&'static str),
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}
