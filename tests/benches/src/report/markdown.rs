//! Sections as Markdown.

use doorbell_bench::{Block, Machine, Plot, Section, Table};

use super::PLOTS;

/// The whole of `BENCHMARKS.md`.
pub(super) fn document(sections: &[Section], headlines: &Table, machine: &Machine, days: &str) -> String {
    let contents =
        sections.iter().map(|section| contents_line(&section.title)).collect::<Vec<_>>().join("\n");
    let mut parts = vec!["# Benchmarks".to_owned(), head(machine, days), table(headlines), contents];
    parts.extend(sections.iter().map(section));
    parts.join("\n\n") + "\n"
}

fn head(machine: &Machine, days: &str) -> String {
    let Machine { processor, cores, memory_mb, kernel, rustc } = machine;
    [
        "Made by `tests/benches/run.sh`, which makes it anew; edit the benches, not this file.".to_owned(),
        format!("Measured on {days}: {processor}, {cores} cores, {memory_mb} MB, {kernel}, {rustc}."),
        "A time is the median of its samples with the 10th and the 90th percentile in brackets, unless it says \
         otherwise. Both sides of a ratio were measured in one run, in turns, unless it says otherwise, because two \
         runs differ by more than what they are to show. What is counted is exact."
            .to_owned(),
    ]
    .join("\n\n")
}

fn contents_line(title: &str) -> String {
    format!("- [{title}](#{})", anchor(title))
}

/// As forges make anchors of headings.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// A section with its heading.
pub(super) fn section(section: &Section) -> String {
    let heading = format!("## {}", section.title);
    let blocks = section.blocks.iter().map(block);
    std::iter::once(heading).chain(blocks).collect::<Vec<_>>().join("\n\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Text(text) => text.clone(),
        Block::Heading(heading) => format!("### {heading}"),
        Block::Table(table) => self::table(table),
        Block::Plot(Plot { name, caption, .. }) => format!("![{caption}]({PLOTS}/{name}.svg)\n\n*{caption}*"),
    }
}

/// A table, its numbers under each other in the source too.
pub(super) fn table(table: &Table) -> String {
    let escaped = |cells: &[String]| cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>();
    let (columns, rows) = (escaped(&table.columns), table.rows.iter().map(|row| escaped(row)));
    let lines: Vec<Vec<String>> = std::iter::once(columns).chain(rows).collect();
    let cells_of = |column: usize| lines.iter().filter_map(move |line| line.get(column));
    let width = |column| cells_of(column).map(|cell| cell.chars().count()).max().unwrap_or_default().max(3);
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let mut written: Vec<String> = lines.iter().map(|line| row(line, &widths)).collect();
    written.insert(1, rule(&widths));
    written.join("\n")
}

/// As many cells as there are columns, whatever the row has.
fn row(cells: &[String], widths: &[usize]) -> String {
    let cells = widths.iter().enumerate().map(|(column, &width)| {
        let cell = cells.get(column).map(String::as_str).unwrap_or_default();
        if column == 0 { format!(" {cell:<width$} |") } else { format!(" {cell:>width$} |") }
    });
    format!("|{}", cells.collect::<String>())
}

fn rule(widths: &[usize]) -> String {
    let cells = widths.iter().enumerate().map(|(column, width)| match column {
        0 => format!("{}|", "-".repeat(width + 2)),
        _ => format!("{}:|", "-".repeat(width + 1)),
    });
    format!("|{}", cells.collect::<String>())
}

#[cfg(test)]
mod tests {
    use doorbell_bench::{Figures, Scale};

    use super::*;

    fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
        words.map(str::to_owned).to_vec()
    }

    fn units() -> Table {
        Table {
            columns: words(["operation", "units"]),
            rows: vec![words(["poll", "1"]), words(["a|b", "1,200"])],
        }
    }

    fn section_of(blocks: Vec<Block>) -> Section {
        Section { title: "Counted cost".to_owned(), blocks, figures: Figures::default() }
    }

    #[test]
    fn a_section_is_its_blocks_in_their_order() {
        let plot = Plot {
            name: "cost".to_owned(),
            caption: "Units by operation.".to_owned(),
            x: String::new(),
            y: String::new(),
            x_scale: Scale::Linear,
            y_scale: Scale::Linear,
            series: Vec::new(),
        };
        let blocks = vec![
            Block::Text("What was counted.".to_owned()),
            Block::Heading("By operation".to_owned()),
            Block::Table(units()),
            Block::Plot(plot),
        ];
        let expected = "\
## Counted cost

What was counted.

### By operation

| operation | units |
|-----------|------:|
| poll      |     1 |
| a\\|b      | 1,200 |

![Units by operation.](tests/benches/plots/cost.svg)

*Units by operation.*";
        assert_eq!(section(&section_of(blocks)), expected);
    }

    #[test]
    fn a_row_that_is_too_short_or_too_long_has_a_cell_for_each_column() {
        let rows = vec![words(["poll"]), words(["report", "1", "2"])];
        let table = table(&Table { columns: words(["operation", "units"]), rows });
        let cells: Vec<_> = table.lines().map(|line| line.matches('|').count()).collect();
        assert_eq!(cells, [3; 4]);
    }

    #[test]
    fn the_document_says_where_and_when_it_was_measured_and_links_its_sections() {
        let machine = Machine {
            processor: "A processor".to_owned(),
            cores: 2,
            memory_mb: 4096,
            kernel: "Linux 6".to_owned(),
            rustc: "rustc 1.94.1".to_owned(),
        };
        let document = document(&[section_of(Vec::new())], &units(), &machine, "2026-11-22");
        assert!(
            document.contains("2026-11-22: A processor, 2 cores, 4096 MB, Linux 6, rustc 1.94.1."),
            "{document}"
        );
        assert!(document.contains("\n- [Counted cost](#counted-cost)\n"), "{document}");
    }

    #[test]
    fn an_anchor_is_made_as_forges_make_it() {
        assert_eq!(anchor("Time to answer: 15 s, and 1 s"), "time-to-answer-15-s-and-1-s");
    }
}
