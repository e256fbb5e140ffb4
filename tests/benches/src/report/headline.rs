//! The few numbers that a person choosing wants first, as the README shows them.

use doorbell_bench::{Section, Table, number};

use super::ReportError;

/// What a row says, and the figures that it says it with.
struct Headline {
    what: &'static str,
    figures: &'static [&'static str],
    shown: fn(&[f64]) -> String,
}

const HEADLINES: [Headline; 12] = [
    Headline {
        what: "a heartbeat without work: DynamoDB units written, read",
        figures: &["heartbeat_idle_write_units", "heartbeat_idle_read_units"],
        shown: |units| pair(units, 0, ""),
    },
    Headline {
        what: "an answer of 200 models: units to store, to read",
        figures: &["report_200_write_units", "poll_result_200_read_units"],
        shown: |units| pair(units, 0, ""),
    },
    Headline {
        what: "a runtime's month, at 15 s beats",
        figures: &["runtime_month_dollars"],
        shown: |dollars| format!("{} $", number(dollars[0], 2)),
    },
    Headline {
        what: "a thousand questions",
        figures: &["thousand_questions_dollars"],
        shown: |dollars| format!("{} $", number(dollars[0], 2)),
    },
    Headline {
        what: "a pair of containers with a Redis first costs less at",
        figures: &["crossover_runtimes"],
        shown: |runtimes| match runtimes[0] {
            runtimes if runtimes.is_finite() => format!("{} runtimes", number(runtimes, 0)),
            _ => "no number of runtimes".to_owned(),
        },
    },
    Headline {
        what: "cold start of the heartbeat: until it is ready",
        figures: &["heartbeat_init_ms"],
        shown: |ms| format!("{} ms", number(ms[0], 1)),
    },
    Headline {
        what: "the same, beside an empty function",
        figures: &["heartbeat_init_ratio"],
        shown: |ratio| format!("{} times", number(ratio[0], 2)),
    },
    Headline {
        what: "its binary, its memory at the most",
        figures: &["heartbeat_binary_bytes", "heartbeat_peak_mb"],
        shown: |size| pair(&[size[0] / 1e6, size[1]], 1, " MB"),
    },
    Headline {
        what: "our own code in a warm call, of the slowest function",
        figures: &["own_us_p50_worst"],
        shown: |us| format!("{} µs", number(us[0], 0)),
    },
    Headline {
        what: "`doorbell dev` on this machine, embedded store: heartbeats",
        figures: &["dev_embedded_heartbeats_per_s"],
        shown: |rate| format!("{} a second", number(rate[0], 0)),
    },
    Headline {
        what: "from ring to answer at 15 s beats: half within, 99 of 100 within",
        figures: &["answer_15s_p50_s", "answer_15s_p99_s"],
        shown: |seconds| pair(seconds, 1, " s"),
    },
    Headline {
        what: "the same at 1 s beats",
        figures: &["answer_1s_p50_s", "answer_1s_p99_s"],
        shown: |seconds| pair(seconds, 1, " s"),
    },
];

fn pair(values: &[f64], digits: usize, unit: &str) -> String {
    format!("{}{unit}, {}{unit}", number(values[0], digits), number(values[1], digits))
}

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
