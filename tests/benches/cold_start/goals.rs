//! What a cold start is to stay within, and which functions do.

use doorbell_bench::{Block, Table};

use crate::binaries::EMPTY;
use crate::summary::Summary;

/// A bound on one number of every function.
struct Goal {
    what: &'static str,
    at_most: f64,
    of: fn(&Summary<'_>) -> f64,
}

#[expect(clippy::cast_precision_loss, reason = "a binary has fewer than 2^52 bytes")]
const GOALS: [Goal; 3] = [
    Goal {
        what: "init, times the empty function's",
        at_most: 2.0,
        of: |function| function.init_ratio.median,
    },
    Goal {
        what: "binary, MB of 1,000,000 bytes",
        at_most: 5.0,
        of: |function| function.measured.binary_bytes as f64 / 1e6,
    },
    Goal { what: "peak memory, MB of 1,048,576 bytes", at_most: 8.0, of: |function| function.peak_mb.median },
];

/// Each goal with how many functions meet it, and those that do not by name.
pub(crate) fn blocks(functions: &[Summary<'_>]) -> Vec<Block> {
    let functions: Vec<_> = functions.iter().filter(|function| function.name() != EMPTY).collect();
    let columns = ["goal", "at most", "functions that meet it", "the largest"].map(str::to_owned).to_vec();
    let rows = GOALS.iter().map(|goal| goal.row(&functions)).collect();
    let missed = GOALS.iter().filter_map(|goal| goal.missed(&functions));
    [Block::Table(Table { columns, rows })].into_iter().chain(missed.map(Block::Text)).collect()
}

impl Goal {
    fn row(&self, functions: &[&Summary<'_>]) -> Vec<String> {
        let met = functions.iter().filter(|function| (self.of)(function) <= self.at_most).count();
        let largest = functions.iter().map(|function| (self.of)(function)).fold(0.0, f64::max);
        let (what, all) = (self.what.to_owned(), functions.len());
        vec![what, format!("{:.0}", self.at_most), format!("{met} of {all}"), format!("{largest:.2}")]
    }

    fn missed(&self, functions: &[&Summary<'_>]) -> Option<String> {
        let missed = functions.iter().filter(|function| (self.of)(function) > self.at_most);
        let missed: Vec<_> =
            missed.map(|function| format!("`{}` ({:.2})", function.name(), (self.of)(function))).collect();
        (!missed.is_empty()).then(|| format!("Not within the goal for {}: {}.", self.what, missed.join(", ")))
    }
}
