//! The few numbers that a person choosing wants first, as the README shows them.

use doorbell_bench::{Section, Table};

use super::{ReportError, number};

/// What a row says, and the figures that it says it with.
struct Headline {
    what: &'static str,
    figures: &'static [&'static str],
    shown: fn(&[f64]) -> String,
}

const HEADLINES: [Headline; 6] = [
    Headline {
        what: "a heartbeat without work: DynamoDB units, written and read",
        figures: &["heartbeat_idle_write_units", "heartbeat_idle_read_units"],
        shown: |units| format!("{} and {}", units[0], units[1]),
    },
    Headline {
        what: "a runtime's month at 15 s beats",
        figures: &["runtime_month_dollars"],
        shown: |dollars| format!("${}", number(dollars[0], 2)),
    },
    Headline {
        what: "a thousand questions",
        figures: &["thousand_questions_dollars"],
        shown: |dollars| format!("${}", number(dollars[0], 2)),
    },
    Headline {
        what: "runtimes from which a pair of containers with Redis costs less",
        figures: &["crossover_runtimes"],
        shown: |runtimes| number(runtimes[0], 0),
    },
    Headline {
        what: "from ring to answer at 15 s beats, half and 99 of 100 within",
        figures: &["answer_15s_p50_s", "answer_15s_p99_s"],
        shown: |seconds| format!("{} s and {} s", number(seconds[0], 1), number(seconds[1], 1)),
    },
    Headline {
        what: "the same at 1 s beats",
        figures: &["answer_1s_p50_s", "answer_1s_p99_s"],
        shown: |seconds| format!("{} s and {} s", number(seconds[0], 1), number(seconds[1], 1)),
    },
];

/// The headlines of these sections.
pub(super) fn table(sections: &[Section]) -> Result<Table, ReportError> {
    let figure = |name: &&'static str| {
        let found = sections.iter().find_map(|section| section.figures.get(name));
        found.ok_or_else(|| ReportError::NoFigure((*name).to_owned()))
    };
    let row = |headline: &Headline| {
        let figures = headline.figures.iter().map(figure).collect::<Result<Vec<_>, _>>()?;
        Ok(vec![headline.what.to_owned(), (headline.shown)(&figures)])
    };
    let rows = HEADLINES.iter().map(row).collect::<Result<_, ReportError>>()?;
    Ok(Table { columns: vec!["what".to_owned(), "number".to_owned()], rows })
}

#[cfg(test)]
mod tests {
    use doorbell_bench::Figures;

    use super::*;

    fn section() -> Section {
        let mut figures = Figures::default();
        for name in HEADLINES.iter().flat_map(|headline| headline.figures) {
            figures.set(*name, 2.0);
        }
        Section { title: String::new(), blocks: Vec::new(), figures }
    }

    #[test]
    fn each_headline_has_a_row() {
        assert_eq!(table(&[section()]).unwrap().rows.len(), HEADLINES.len());
    }

    #[test]
    fn a_figure_that_nobody_noted_is_named() {
        let error = table(&[]).unwrap_err().to_string();
        assert_eq!(error, "no bench noted the figure heartbeat_idle_write_units");
    }
}
