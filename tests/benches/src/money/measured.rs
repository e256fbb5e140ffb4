//! What the benches noted, by name.

use doorbell_bench::Figures;

use crate::report::ReportError;

/// The figures of several benches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured<'f>(pub(super) &'f [&'f Figures]);

impl Measured<'_> {
    /// The figure of that name.
    pub(super) fn figure(&self, name: &str) -> Result<f64, ReportError> {
        let found = self.0.iter().find_map(|figures| figures.get(name));
        found.ok_or_else(|| ReportError::NoFigure(name.to_owned()))
    }
}
