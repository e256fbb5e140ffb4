//! A section as text, for who runs a bench by itself.

use std::fmt;

use comfy_table::{CellAlignment, presets};

use crate::section::{Block, Plot, Section, Table};

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        self.blocks.iter().try_for_each(|block| write!(f, "\n{block}"))
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Heading(text) => writeln!(f, "{text}"),
            Self::Table(table) => writeln!(f, "{table}"),
            Self::Plot(Plot { name, caption, .. }) => writeln!(f, "[plot {name}] {caption}"),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_header(&self.columns).add_rows(&self.rows);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        f.write_str(&table.trim_fmt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_under_each_other() {
        let columns = ["operation", "units"].map(str::to_owned).to_vec();
        let rows = [["poll", "1"], ["report", "12"]].map(|row| row.map(str::to_owned).to_vec()).to_vec();
        let lines: Vec<_> = Table { columns, rows }.to_string().lines().map(str::to_owned).collect();
        assert_eq!(lines, [" operation  units", " poll           1", " report        12"]);
    }
}
