//! Whether what an operation costs depends on what is varied: a table of all cells, and a sentence that says which differ.

use doorbell_bench::{Table, number};
use doorbell_tests::metered::{Cost, Step};

use crate::present::words;

/// A table with a column for each value, and a sentence about it.
pub(crate) fn flatness(what: &str, lifecycles: &[(u64, &[Step])]) -> (Table, String) {
    let columns = lifecycles.iter().map(|(value, _)| number(*value as f64, 0));
    let first = lifecycles.first().map_or(&[][..], |(_, steps)| steps);
    let rows: Vec<Vec<String>> = (0..first.len())
        .map(|row| lifecycles.iter().map(|(_, steps)| cell(&steps[row].cost)).collect())
        .collect();
    let statement = statement(what, first, &rows);
    let rows = first.iter().zip(rows).map(|(step, mut cells)| {
        cells.insert(0, words(step.operation));
        cells
    });
    let rows = rows.collect();
    (Table { columns: std::iter::once("operation".to_owned()).chain(columns).collect(), rows }, statement)
}

fn statement(what: &str, steps: &[Step], rows: &[Vec<String>]) -> String {
    let differ: Vec<String> = steps
        .iter()
        .zip(rows)
        .filter(|(_, cells)| cells.iter().any(|cell| *cell != cells[0]))
        .map(|(step, _)| words(step.operation))
        .collect();
    match differ.as_slice() {
        [] => format!("No cell differs from the first of its row: nothing depends on the number of {what}."),
        differ => format!("Only these depend on the number of {what}: {}.", differ.join("; ")),
    }
}

/// Calls, write units and read units.
fn cell(cost: &Cost) -> String {
    format!("{} / {} / {}", cost.0.len(), cost.write_units(), cost.read_units())
}
