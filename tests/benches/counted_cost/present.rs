//! The section of `BENCHMARKS.md`, and the figures that the bill is made from.

use doorbell_bench::{Block, Figures, Plot, Scale, Section, Series, Table, number};
use doorbell_tests::metered::{Cost, Step};

use crate::catalogs::Catalog;
use crate::flatness::flatness;
use crate::measure::{USUAL_MODELS, Varied, cost_of};
use crate::question::{Amount, Question};

pub(crate) fn section(catalogs: &[Catalog], varied: &[Varied]) -> Section {
    let usual = catalogs.iter().find(|catalog| catalog.models == USUAL_MODELS).expect("the usual is one");
    let question = Question::of(&usual.steps);
    let mut blocks = operations(&usual.steps);
    blocks.extend(one_question(&question));
    blocks.extend(by_models(catalogs));
    blocks.extend(varied.iter().flat_map(by_another));
    blocks.push(Block::Plot(against_dead_requests(&varied[0])));
    Section { title: "Counted cost".to_owned(), blocks, figures: figures(catalogs, usual) }
}

fn operations(usual: &[Step]) -> Vec<Block> {
    let text = format!(
        "Every operation goes through the real function and the real AWS SDK to an engine of DynamoDB in the process, which \
         says what each call consumed. Nothing here depends on the machine. Bytes are those of the bodies, without headers \
         and TLS. The daemon says what it has in flight, and answers with {USUAL_MODELS} models where nothing else is said. \
         A heartbeat is idle where nobody has rung lately."
    );
    let columns = ["operation", "calls", "write units", "read units", "bytes to DynamoDB", "bytes from it"];
    let rows = usual.iter().map(|step| {
        let calls = step.cost.by_name().into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
        row(&words(step.operation), calls, Amount::from(&step.cost))
    });
    vec![Block::Text(text), Block::Table(table(&columns, rows.collect()))]
}

fn one_question(question: &Question) -> Vec<Block> {
    let text = format!(
        "One question from the ring to the answer, by somebody whom API Gateway has to ask the authorizer about. A \
         heartbeat would have come anyway, so only what it costs more is counted; and for as long as a request can be open, \
         the beats after it look too. A client polls every 500 ms, and a daemon that beats every 15 s is waited for half of \
         that on average, which is {} polls in vain: they are {:.0} % of the read units.",
        question.polls,
        100.0 * question.in_vain,
    );
    let columns =
        ["part", "times", "calls", "write units", "read units", "bytes to DynamoDB", "bytes from it"];
    let parts = question.parts.iter().map(|part| {
        let mut cells = row(part.what, format!("{}", part.each.calls), part.each);
        cells.insert(1, format!("{:.1}", part.times));
        cells
    });
    let mut total = row("**all of it**", format!("{:.1}", question.total.calls), question.total);
    total.insert(1, String::new());
    let rows = parts.chain([total]).collect();
    let heading = Block::Heading("From ring to answer".to_owned());
    vec![heading, Block::Text(text), Block::Table(table(&columns, rows))]
}

fn by_models(catalogs: &[Catalog]) -> Vec<Block> {
    let shown: Vec<&Catalog> = catalogs.iter().filter(|catalog| catalog.is_shown()).collect();
    let lifecycles: Vec<_> =
        shown.iter().map(|catalog| (catalog.models.into(), catalog.steps.as_slice())).collect();
    let (flat, statement) = flatness("models", &lifecycles);
    let columns = [
        "models",
        "result, bytes",
        "report as text, write units",
        "report, write units",
        "poll as text, read units",
        "poll, read units",
    ];
    let rows = shown.iter().map(|catalog| {
        vec![
            catalog.models.to_string(),
            number(catalog.text_bytes as f64, 0),
            catalog.report_as_text.to_string(),
            cost_of(&catalog.steps, "report").write_units().to_string(),
            catalog.poll_as_text.to_string(),
            cost_of(&catalog.steps, "poll_result").read_units().to_string(),
        ]
    });
    let text = format!(
        "Long results are stored compressed. As text they would cost what the same item costs with the text in it, which is \
         how all results were stored once, and how they can still be read. The catalogs are made up, with ids and labels that \
         are all different and descriptions that repeat as those of agent programs do; what repeats less takes more.{}",
        compressed(&shown),
    );
    vec![
        Block::Heading("By the number of models".to_owned()),
        Block::Text(format!("{CELLS} {statement}")),
        Block::Table(flat),
        Block::Text(text),
        Block::Table(table(&columns, rows.collect())),
        Block::Plot(against_models(catalogs)),
    ]
}

/// What becomes of the largest.
fn compressed(shown: &[&Catalog]) -> String {
    let Some(largest) = shown.iter().max_by_key(|catalog| catalog.models) else { return String::new() };
    let times = largest.report_as_text / cost_of(&largest.steps, "report").write_units();
    format!(" A report of {} models takes {times:.0} times fewer write units.", largest.models)
}

const CELLS: &str = "Calls / write units / read units.";

fn by_another(varied: &Varied) -> Vec<Block> {
    let lifecycles: Vec<_> =
        varied.lifecycles.iter().map(|(value, steps)| (*value, steps.as_slice())).collect();
    let (flat, statement) = flatness(varied.what, &lifecycles);
    vec![
        Block::Heading(format!("By the number of {}", varied.what)),
        Block::Text(format!("{CELLS} {statement}{}", length_of_the_list(&lifecycles))),
        Block::Table(flat),
    ]
}

/// What `runtimes` reads, where that is not always the same.
fn length_of_the_list(lifecycles: &[(u64, &[Step])]) -> String {
    let answers = lifecycles.iter().map(|(value, steps)| (*value, cost_of(steps, "runtimes")));
    let units: Vec<f64> = answers.clone().map(|(_, cost)| cost.read_units()).collect();
    if units.iter().all(|read| *read == units[0]) {
        return String::new();
    }
    let answers = answers.map(|(value, cost)| {
        format!("{} bytes of {}", number(cost.received_bytes() as f64, 0), number(value as f64, 0))
    });
    format!(" What `runtimes` reads is its answer: {}.", answers.collect::<Vec<_>>().join(", "))
}

fn against_models(catalogs: &[Catalog]) -> Plot {
    let series = |name: &str, units: fn(&Catalog) -> f64| Series {
        name: name.to_owned(),
        points: catalogs.iter().map(|catalog| (catalog.models.into(), units(catalog))).collect(),
    };
    Plot {
        name: "counted-cost-report".to_owned(),
        caption: "Write units of a report by the number of models, stored as text and compressed".to_owned(),
        x: "models".to_owned(),
        y: "write units".to_owned(),
        x_scale: Scale::Linear,
        y_scale: Scale::Linear,
        series: vec![
            series("as text", |catalog| catalog.report_as_text),
            series("compressed", |catalog| cost_of(&catalog.steps, "report").write_units()),
        ],
    }
}

fn against_dead_requests(dead: &Varied) -> Plot {
    let series = ["heartbeat_work", "initiate", "heartbeat_idle"].map(|operation| Series {
        name: words(operation),
        points: dead
            .lifecycles
            .iter()
            .filter(|(requests, _)| *requests > 0)
            .map(|(requests, steps)| (*requests as f64, units(cost_of(steps, operation))))
            .collect(),
    });
    Plot {
        name: "counted-cost-dead-requests".to_owned(),
        caption: "Units of an operation by the number of dead requests in the runtime's partition".to_owned(),
        x: "dead requests".to_owned(),
        y: "write and read units".to_owned(),
        x_scale: Scale::Logarithmic,
        y_scale: Scale::Linear,
        series: series.into(),
    }
}

fn figures(catalogs: &[Catalog], usual: &Catalog) -> Figures {
    let mut figures = Figures::default();
    figures.set("result_bytes", usual.text_bytes as f64);
    for step in &usual.steps {
        figures.set(format!("{}_calls", step.operation), step.cost.0.len() as f64);
        figures.set(format!("{}_write_units", step.operation), step.cost.write_units());
        figures.set(format!("{}_read_units", step.operation), step.cost.read_units());
    }
    for catalog in catalogs.iter().filter(|catalog| catalog.models == 200) {
        figures.set("report_200_write_units", cost_of(&catalog.steps, "report").write_units());
        figures.set("poll_result_200_read_units", cost_of(&catalog.steps, "poll_result").read_units());
        figures.set("report_200_text_write_units", catalog.report_as_text);
        figures.set("poll_result_200_text_read_units", catalog.poll_as_text);
    }
    figures
}

fn row(name: &str, calls: String, amount: Amount) -> Vec<String> {
    let bytes = |bytes| number(bytes, 0);
    let units = [amount.write_units, amount.read_units].map(|units| match units.fract() {
        0.0 => units.to_string(),
        _ => format!("{units:.1}"),
    });
    let [write_units, read_units] = units;
    vec![
        name.to_owned(),
        calls,
        write_units,
        read_units,
        bytes(amount.sent_bytes),
        bytes(amount.received_bytes),
    ]
}

fn table(columns: &[&str], rows: Vec<Vec<String>>) -> Table {
    Table { columns: columns.iter().map(|column| (*column).to_owned()).collect(), rows }
}

fn units(cost: &Cost) -> f64 {
    cost.write_units() + cost.read_units()
}

/// An operation's name for people.
pub(crate) fn words(operation: &str) -> String {
    match operation {
        "heartbeat_idle" => "heartbeat, idle".to_owned(),
        "heartbeat_work" => "heartbeat with work".to_owned(),
        "poll_result" => "poll of the result".to_owned(),
        other => other.to_owned(),
    }
}
